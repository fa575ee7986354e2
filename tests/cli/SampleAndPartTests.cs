using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Formats;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>Figures of a sample, or of a part of a trace, are never told or judged as if they were of the whole.</summary>
public sealed class SampleAndPartTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();
    private readonly string _sample, _whole;

    public SampleAndPartTests()
    {
        (_sample, _whole) = (_directory["sample"], _directory["whole"]);
        new PlannedBlocks { Sample = 10, SampleScheme = SampleScheme.Blocks }.Add("leaks", 3 << 20, 1).Add("works", 1 << 20, 3, 4).Analyze(_sample);
        new PlannedBlocks().Add("leaks", 3 << 20, 1).Add("works", 1 << 20, 3, 4).Analyze(_whole);
    }

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void A_sample_is_not_held_against_limits()
    {
        Assert.Equal(ExitCode.BadInput, _runner.Run("check", _sample, "--max-peak", "1G"));
        Assert.Contains("of p100.0 not every block was recorded", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.BadInput, _runner.Run("check", _whole, "--baseline", _sample));
        Assert.Contains("in the baseline not every block was recorded", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Ok, _runner.Run("check", _whole, "--max-peak", "1G", "--baseline", _whole)); // the control
    }

    [Fact]
    public void A_sample_is_told_wherever_it_is_shown()
    {
        Assert.Equal(ExitCode.Ok, _runner.Run("diff", _whole, _sample));
        Assert.Contains($"Note: of {_sample} 1 block in 10 was recorded", _runner.Error, StringComparison.Ordinal);
        Assert.DoesNotContain($"Note: of {_whole}", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Ok, _runner.Run("report", _sample, "--json"));
        Assert.Contains("1 block in 10 was recorded", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(10, Summary("sample").GetInt64());
    }

    /// <summary>What the sample comes to stands beside what it has, with its error: 2 blocks of 1 in 10 are 20, give or take √(2 · 10 · 9).</summary>
    [Fact]
    public void A_sample_is_told_with_what_it_comes_to()
    {
        Assert.Equal(ExitCode.Ok, _runner.Run("info", _sample + ".allocrec"));
        Assert.Contains("1 block in 10", _runner.Output, StringComparison.Ordinal);
        Assert.Matches(@"the program's +≈ 20 ± 13 +blocks acquired, of ≈ 40\.0 MiB ± 30\.0 MiB", _runner.Output);
        Assert.Matches(@"live at end +≈ 30\.0 MiB ± 28\.5 MiB +in ≈ 10 ± 9 blocks", _runner.Output);
        Assert.Equal(ExitCode.Ok, _runner.Run("info", _sample + ".allocrec", "--json"));
        JsonElement blocks = JsonDocument.Parse(_runner.Output).RootElement.GetProperty("estimates").GetProperty("blocks");
        Assert.Equal(20, blocks.GetProperty("estimate").GetDouble());
        Assert.Equal(Math.Sqrt(180), blocks.GetProperty("standard_error").GetDouble(), 1e-9);
        Assert.Equal(ExitCode.Ok, _runner.Run("report", _sample, "--json"));
        Assert.Equal(20, Summary("estimates").GetProperty("blocks").GetProperty("estimate").GetDouble());
        Assert.Equal(ExitCode.Ok, _runner.Run("info", _whole + ".allocrec")); // the control
        Assert.DoesNotContain("≈", _runner.Output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Ok, _runner.Run("analyze", _sample + ".allocrec", "-o", _directory["again"]));
        Assert.Contains("1 block in 10 was recorded: in all ≈ 20 ± 13 blocks", _runner.Error, StringComparison.Ordinal);
    }

    /// <summary>With an error each, the figures of a site leave little of a page to its name.</summary>
    [Fact]
    public void No_figure_of_a_site_is_broken()
    {
        string wide = _directory["wide"];
        new PlannedBlocks { Sample = 10, SampleScheme = SampleScheme.Blocks }.Add(new string('f', 80), 3 << 20, 1).Analyze(wide);
        Assert.Equal(ExitCode.Ok, _runner.Run("info", wide + ".allocrec"));
        Assert.Matches(@"(?m)^ *≈ 30\.0 MiB ± 28\.5 MiB +≈ 10 ± 9 +≈ 30\.0 MiB ± 28\.5 MiB +≈ 10 ± 9 +f+…$", _runner.Output);
    }

    [Fact]
    public void A_part_is_told_wherever_it_is_shown()
    {
        string part = _directory["part"];
        Assert.Equal(ExitCode.Ok, _runner.Run("analyze", _whole + ".allocrec", "-o", part, "--from", "20us"));
        Assert.Equal(ExitCode.Ok, _runner.Run("report", part, "--json"));
        Assert.Contains($"Note: {part} is a part of a trace, from 20.0 µs to its end", _runner.Error, StringComparison.Ordinal);
        Assert.Equal((20_000, JsonValueKind.Null), (Summary("part_from_ns").GetInt64(), Summary("part_to_ns").ValueKind));
        Assert.Equal(ExitCode.Ok, _runner.Run("diff", _whole, part));
        Assert.Contains($"Note: {part} is a part of a trace", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Ok, _runner.Run("check", part, "--max-peak", "1G"));
        Assert.Contains("warning: p100.0: a part of the trace was judged", _runner.Error, StringComparison.Ordinal);
    }

    private JsonElement Summary(string name) => JsonDocument.Parse(_runner.Output).RootElement.GetProperty("summary").GetProperty(name);
}
