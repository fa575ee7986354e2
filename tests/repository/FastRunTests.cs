using System.Diagnostics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Repository;

/// <summary>What keeps <c>./build.sh test fast</c> free of processes.</summary>
public sealed class FastRunTests
{
    [Fact(Explicit = true)]
    public void Planted_start_of_a_process() // not marked, as a careless one would not be
    {
        using Process process = Process.Start("true");
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    [StartsProcesses]
    public void A_test_that_starts_a_process_unmarked_fails_in_a_fast_run()
    {
        Assert.Equal(0, RunPlanted("all").ExitCode);
        ProgramResult fast = RunPlanted(ProcessBan.Fast);
        Assert.NotEqual(0, fast.ExitCode);
        Assert.Contains("Operation not permitted", fast.Output, StringComparison.Ordinal);
    }

    private static ProgramResult RunPlanted(string kind) => Programs.Run(
        Environment.ProcessPath!,
        ["-noColor", "-explicit", "only", "-method", $"*.{nameof(Planted_start_of_a_process)}"],
        start => start.Environment[ProcessBan.Variable] = kind);
}
