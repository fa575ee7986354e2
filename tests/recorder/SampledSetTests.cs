using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>The two parts of the hook that a sample rests on, by themselves: the gaps between points, and the table of addresses.</summary>
[StartsProcesses]
public sealed class SampledSetTests
{
    private const int Seed = 20261127;

    [Fact]
    public void Gaps_are_exponential_and_means_of_blocks_exact() => Assert.Empty(WrongGaps());

    [Fact]
    public void A_mean_that_is_that_of_blocks_but_not_of_the_exponential_is_found() => Assert.True(WrongGaps("-DPLANT").Count() > 10);

    /// <summary>Threads that hand addresses on; so many that the first levels of the table are full, or that they meet in few lines.</summary>
    [Theory]
    [InlineData(1, 100, 100)]
    [InlineData(4, 2000, 64)]
    [InlineData(3, 20, 20_000)]
    [InlineData(2, 2, 500_000)]
    public void The_table_finds_each_address_once_and_no_other(int threads, int rounds, int blocks) =>
        Assert.Equal((0, "missed 0 ghosts 0 full 0 stale 0 counted 0\n"), Table(threads, rounds, blocks));

    [Fact]
    public void An_address_that_is_handed_over_too_early_is_missed()
    {
        int attempts = 0;
        while (Table(4, 2000, 64, "-DPLANT").ExitCode == 0)
            Assert.True(++attempts < 20, "the fault was not found");
    }

    /// <summary>More blocks than the table has room for are counted, and none of the others is lost.</summary>
    [Fact]
    public void A_full_table_says_so()
    {
        (int exitCode, string printed) = Table(1, 0, 3_000_000);
        string[] words = printed.Split(' ');
        long full = long.Parse(words[5]);
        Assert.True(full > 0, printed);
        Assert.Equal((1, $"missed {full} ghosts 0 full {full} stale 0 counted 0\n"), (exitCode, printed));
    }

    private static (int ExitCode, string Output) Table(int threads, int rounds, int blocks, params string[] flags)
    {
        ProgramResult result = Programs.Run(
            Targets.Build("sample_table.c", [.. flags, .. Format]), [$"{threads}", $"{rounds}", $"{blocks}"]);
        return (result.ExitCode, result.Output);
    }

    private static IEnumerable<string> WrongGaps(params string[] flags)
    {
        string program = Targets.Build("sample_gaps.c", [.. flags, .. Format, "-lm"]);
        string[] lines = Programs.Run(program, [$"{Seed}"]).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length > 50, "no output");
        return lines.Where(l => !l.EndsWith(" ok", StringComparison.Ordinal));
    }

    private static IEnumerable<string> Format => ["-D_GNU_SOURCE", "-I", Path.Combine(SourceTree.Root, "formats", "native")];
}
