using AllocReplay.Cli;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>Datasets whose tables have other values, types or columns than ours: told in a line, by every command that asks of them.</summary>
public sealed class StrangersDatasetTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();
    private readonly string _good, _bad;

    public StrangersDatasetTests()
    {
        (_good, _bad) = (_directory["good"], _directory["bad"]);
        foreach (string data in new[] { _good, _bad })
            new PlannedBlocks().Add("leaks", 3 << 20, 1).Add("works", 1 << 20, 3, 4).Analyze(data);
    }

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("allocations", "SELECT * EXCLUDE (host, process) REPLACE (NULL AS size) FROM allocations")]
    [InlineData("allocations", "SELECT * EXCLUDE (host, process) REPLACE (CAST(size AS VARCHAR) AS size) FROM allocations")]
    [InlineData("process", "SELECT * EXCLUDE (host, process) REPLACE (NULL AS executable, NULL AS duration_ns, NULL AS events_lost) FROM process")]
    [InlineData("process", "SELECT * EXCLUDE (host, process) FROM threads")]
    [InlineData("sites", "SELECT * EXCLUDE (host, process) REPLACE (NULL AS function, NULL AS text) FROM sites")]
    public void What_is_not_as_it_should_be_is_told_in_a_line(string table, string select)
    {
        string part = Directory.GetFiles(Path.Combine(_bad, table), "*.parquet", SearchOption.AllDirectories)[0], other = _directory["other.parquet"];
        Assert.Equal(ExitCode.Ok, _runner.Run("query", _good, select, "-o", other));
        File.Copy(other, part, overwrite: true);

        foreach (string[] arguments in new string[][]
        {
            ["check", _bad, "--max-outstanding", "1", "--max-peak", "1", "--max-growth", "1/min"], ["check", _good, "--baseline", _bad], ["diff", _bad, _good],
            ["diff", _good, _bad], ["report", _bad, "-o", _directory["page.html"], "--json"],
        })
        {
            int code = _runner.Run(arguments);
            // Which tables a command asks of is its own affair: but never another code, nor more than a line.
            Assert.True(code is ExitCode.BadInput or ExitCode.Ok or ExitCode.Failed, $"{string.Join(' ', arguments)}: {code} {_runner.Error}");
            if (code == ExitCode.BadInput)
                Assert.Contains(_bad, Assert.Single(_runner.Error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
        }
        Assert.Equal(ExitCode.BadInput, _runner.Run("diff", _bad, _good));
        Assert.Equal(ExitCode.Ok, _runner.Run("diff", _good, _good, "--at", "end")); // the control
    }

    [Fact]
    public void A_result_does_not_replace_what_it_is_read_of()
    {
        string part = Directory.GetFiles(Path.Combine(_good, "threads"), "*.parquet", SearchOption.AllDirectories)[0];
        byte[] before = File.ReadAllBytes(part);
        Assert.Equal(ExitCode.Usage, _runner.Run("query", _good, "FROM allocations", "-o", part, "--force"));
        Assert.Contains("lies in the dataset that is read", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(part));
    }
}
