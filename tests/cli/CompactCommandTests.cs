using AllocReplay.Cli;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

public sealed class CompactCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void It_says_what_it_wrote_and_its_json_has_all_of_it()
    {
        string fleet = _directory["fleet"], compact = _directory["compact"];
        foreach (string image in (string[])["p1.0", "p2.0", "p3.0"])
        {
            TraceGenerator.Write(_directory[image], seed: 1, threads: 1, calls: 100, image: image);
            SampleTrace.Analyze(_directory[image], fleet, force: true);
        }
        Assert.Equal(ExitCode.Usage, _runner.Run("compact", fleet));
        Assert.Equal(ExitCode.BadInput, _runner.Run("compact", _directory["none"], "-o", compact));
        Assert.Equal(ExitCode.Ok, _runner.Run("compact", fleet, "-o", compact));
        Assert.Contains("3 process images, ", _runner.Error, StringComparison.Ordinal);
        Assert.Contains("allocations", _runner.Output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, _runner.Run("compact", fleet, "-o", compact));
        Assert.Contains("is not empty", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, _runner.Run("analyze", _directory["p1.0"], "-o", compact, "--force"));
        Assert.Contains("nothing is added to it", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Ok, _runner.Run("compact", fleet, "-o", _directory["json"], "--json"));
        Assert.Contains("\"schema\": \"allocreplay.compact/1\"", _runner.Output, StringComparison.Ordinal);
    }
}
