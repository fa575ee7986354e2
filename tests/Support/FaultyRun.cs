using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Tests.Support;

/// <summary>A program that ran under the hook while something went wrong, and the session that it was to be recorded in.</summary>
internal sealed record FaultyRun(ProgramResult Result, string Session)
{
    /// <summary>Runs a program under the hook.</summary>
    /// <param name="session">Is not created: that it is missing may be the fault.</param>
    /// <param name="program">With its arguments.</param>
    /// <param name="before">Commands of the shell, such as one that sets a limit; the program follows in their process.</param>
    /// <param name="under">A command, with its arguments, that runs the shell.</param>
    /// <param name="hook">Where others cannot read the usual one: a copy of it.</param>
    public static FaultyRun Of(string session, string[] program, string before = "", string[]? under = null, string? hook = null)
    {
        string script = $"{(before.Length > 0 ? before + "; " : "")}export LD_PRELOAD ALLOCREPLAY_DIR; LD_PRELOAD=$0 ALLOCREPLAY_DIR=$1; shift; exec \"$@\"";
        string[] command = [.. under ?? [], "sh", "-c", script, hook ?? HookBuild.Default, session, .. program];
        return new FaultyRun(Programs.Run(command[0], command[1..]), session);
    }

    /// <summary>Runs tests/targets/fault.c, which must not notice anything; the hook says at most one line.</summary>
    public static FaultyRun Unaffected(string session, string[] fault, string before = "", string[]? under = null)
    {
        FaultyRun run = Of(session, [Targets.Build("fault.c"), .. fault], before, under);
        run.AssertUnaffected();
        return run;
    }

    public void AssertUnaffected()
    {
        Assert.True((Result.ExitCode, Result.Output) == (0, "done\n"), $"exit code {Result.ExitCode}, output '{Result.Output}': {Result.Error}");
        Assert.True(Result.Error.Split('\n').Count(l => l.StartsWith("allocreplay: ", StringComparison.Ordinal)) <= 1, Result.Error);
    }

    /// <summary>What the hook wrote to standard error.</summary>
    public FaultyRun AssertSaid(string reason)
    {
        Assert.Contains(reason, Result.Error, StringComparison.Ordinal);
        return this;
    }

    /// <summary>The recording can be read, and <c>info</c> says why it ended.</summary>
    public FaultyRun AssertInfoNames(string reason)
    {
        ProgramResult info = Programs.AllocReplay("info", Session);
        Assert.Equal(0, info.ExitCode);
        Assert.Contains(reason, OneLine(info.Output), StringComparison.Ordinal);
        return this;
    }

    /// <summary>The images of the session are whole, and have so many calls of malloc.</summary>
    public FaultyRun AssertMallocsOfImages(params long[] expected)
    {
        Assert.Equal(expected, Directory.GetDirectories(Session).Select(MallocsOf).Order());
        return this;
    }

    /// <summary>Text that was broken into lines for a terminal.</summary>
    public static string OneLine(string text) => string.Join(' ', text.Split((char[])['\n', ' '], StringSplitOptions.RemoveEmptyEntries));

    private static long MallocsOf(string image)
    {
        using TraceReader reader = TraceReader.Open(image);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Null(reader.Damage);
        Assert.Equal(0UL, reader.Process.LostEvents);
        return statistics.CountOf(CallKind.Malloc);
    }
}
