using System.Text.RegularExpressions;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>A drained program makes the system calls that it makes anyway, while its threads allocate.</summary>
[StartsProcesses]
public sealed partial class SystemCallTests : IDisposable
{
    private const int Threads = 4;

    private readonly TemporaryDirectory _directory = new();

    private static string Program => Targets.Build("steady.c");

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(500_000, StackWalk.None)]
    [InlineData(500_000, StackWalk.FrameInformation)]
    [InlineData(500_000, StackWalk.FramePointers)]
    public void Under_a_filter_of_exactly_its_own_calls_a_program_runs_and_is_recorded_whole(long callsPerThread, StackWalk walk)
    {
        (TraceReader reader, TraceStatistics statistics) = RecordedUnderAFilter(callsPerThread, walk);
        using (reader)
        {
            Assert.EndsWith(Path.GetFileName(Program), reader.Process.Executable, StringComparison.Ordinal);
            Assert.Equal(0UL, reader.Process.LostEvents);
            Assert.Equal(Threads * callsPerThread / 2, statistics.CountOf(CallKind.Malloc) - OwnCallsOf(reader));
            Assert.Equal(Threads, statistics.CountOf(CallKind.ThreadExit));
        }
    }

    /// <summary>
    /// More than shared memory holds: threads wait for room, in no other way than they may, and if the writer has no processor for too long each call that
    /// is lost is counted.
    /// </summary>
    [Fact]
    public void Under_a_filter_threads_that_find_no_room_wait_and_each_call_is_recorded_or_counted()
    {
        const long CallsPerThread = 2_500_000;
        (TraceReader reader, TraceStatistics statistics) = RecordedUnderAFilter(CallsPerThread, StackWalk.None);
        using (reader) // the C library's own for each thread may be among those that were lost
            Assert.InRange(statistics.Calls + (long)reader.Process.LostEvents, Threads * CallsPerThread, (Threads * CallsPerThread) + 100);
    }

    private (TraceReader Reader, TraceStatistics Statistics) RecordedUnderAFilter(long callsPerThread, StackWalk walk)
    {
        Programs.Need("strace");
        string numbers = string.Join(',', Traced("-f", "-n").Select(c => c.Number).Distinct());
        var options = new RecordOptions
        {
            Command = [Targets.Build("filter.c"), numbers, Program, $"{Threads}", $"{callsPerThread}"],
            Output = _directory["r.allocrec"],
            Stacks = walk,
        };

        Assert.Equal(0, RecordedCommand.Run(options).ExitCode);

        TraceReader reader = TraceReader.Open(options.Output);
        return (reader, TraceStatistics.Of(reader));
    }

    [Fact] // the control
    public void A_filter_without_one_of_them_ends_the_program()
    {
        Programs.Need("strace");
        string numbers = string.Join(',', Traced("-f", "-n").Where(c => c.Name != "munmap" && c.Name != "mprotect").Select(c => c.Number).Distinct());
        Assert.Equal(128 + 31, Programs.Run(Targets.Build("filter.c"), [numbers, Program, "1", "10"]).ExitCode);
    }

    /// <summary>Counted by ptrace, in each of the program's threads between its first and its last allocation.</summary>
    [Theory]
    [InlineData(StackWalk.None)]
    [InlineData(StackWalk.FrameInformation)]
    [InlineData(StackWalk.FramePointers)]
    public void In_steady_state_the_hook_makes_no_system_call(StackWalk walk)
    {
        Programs.Need("strace");
        string log = _directory["strace.txt"], recording = _directory["s.allocrec"];
        Assert.Equal(0, RecordedCommand.Run(new RecordOptions
        {
            Command = ["strace", "-f", "-o", log, Program, $"{Threads}", "200000"],
            Output = recording,
            Stacks = walk,
        }).ExitCode);
        string[] lines = File.ReadAllLines(log);
        string main = lines[0].Split(' ')[0];

        // A thread of the C library registers itself, names its robust mutexes, and gives its stack back: nothing else is left.
        string[] own = [.. lines.Where(l => !l.StartsWith(main, StringComparison.Ordinal)).Select(l => Call().Match(l).Groups[1].Value).Where(n => n.Length > 0)
            .Distinct().Order(StringComparer.Ordinal)];
        Assert.Subset(new HashSet<string> { "rseq", "set_robust_list", "rt_sigprocmask", "madvise", "exit", "mmap", "munmap", "mprotect" }, own.ToHashSet());
        using TraceReader reader = TraceReader.Open(recording, new DirectoryInfo(recording).GetDirectories($"p{main}.*").Single().Name);
        Assert.Equal(0UL, reader.Process.LostEvents);
    }

    /// <summary>Of a stack that is not the thread's own the kernel is asked how far it goes, and no more.</summary>
    [Fact]
    public void On_another_stack_a_walk_asks_the_kernel_and_under_a_filter_it_does_not()
    {
        Programs.Need("strace");
        string hazards = Targets.Build("stack_hazards.c"), plain = _directory["plain.txt"], recorded = _directory["recorded.txt"];
        Assert.Equal(0, Programs.Run("strace", ["-n", "-o", plain, hazards, "coroutine"]).ExitCode);
        Assert.Equal(0, Record(["strace", "-n", "-o", recorded, hazards, "coroutine"]));
        Dictionary<string, int> before = CallsOf(plain), after = CallsOf(recorded);
        // 500 coroutines with an acquisition each: how far the stack goes, once more at its end, and what a frame pointer leads to.
        Assert.InRange(after["process_vm_readv"], 500, 1500);
        Assert.DoesNotContain("process_vm_readv", before.Keys);
        string numbers = string.Join(
            ',', File.ReadAllLines(plain).Select(l => NumberedAlone().Match(l)).Where(m => m.Success).Select(m => m.Groups[1].Value).Distinct());
        Assert.Equal(0, Record([Targets.Build("filter.c"), numbers, hazards, "coroutine"]));
        using TraceReader reader = TraceReader.Open(_directory["c.allocrec"]);
        int unknown = 0;
        while (reader.Read(out TraceEvent e))
            unknown += e is { Kind: CallKind.Malloc, Size: >= 5000 and <= 5003, Stack: 0 } ? 1 : 0;
        Assert.Equal(500, unknown);

        int Record(string[] command) => RecordedCommand.Run(new RecordOptions
        {
            Command = command,
            Output = _directory["c.allocrec"],
            Force = true,
            Stacks = StackWalk.FrameInformation,
        }).ExitCode;

        static Dictionary<string, int> CallsOf(string log) => File.ReadAllLines(log).Select(l => NumberedAlone().Match(l)).Where(m => m.Success)
            .GroupBy(m => m.Groups[2].Value).ToDictionary(g => g.Key, g => g.Count());
    }

    /// <summary>The program's calls, unrecorded.</summary>
    private List<(string Number, string Name)> Traced(params string[] options)
    {
        string log = _directory["plain.txt"];
        Assert.Equal(0, Programs.Run("strace", [.. options, "-o", log, Program, $"{Threads}", "1000"]).ExitCode);
        return [.. File.ReadAllLines(log).Select(l => Numbered().Match(l)).Where(m => m.Success).Select(m => (m.Groups[1].Value, m.Groups[2].Value))];
    }

    /// <summary>Blocks of the main thread: not counted by the program.</summary>
    private static long OwnCallsOf(TraceReader reader)
    {
        using TraceReader again = TraceReader.Open(reader.Path, reader.Image);
        long calls = 0;
        while (again.Read(out TraceEvent e))
            calls += e is { Kind: CallKind.Malloc, Thread: 0 } ? 1 : 0;
        return calls;
    }

    [GeneratedRegex("""^\d+ +\[ *(\d+)\] (\w+)""")]
    private static partial Regex Numbered();

    /// <summary>Of one thread: strace writes no process id.</summary>
    [GeneratedRegex("""^\[ *(\d+)\] (\w+)""")]
    private static partial Regex NumberedAlone();

    [GeneratedRegex("""^\d+ +(\w+)\(""")]
    private static partial Regex Call();
}
