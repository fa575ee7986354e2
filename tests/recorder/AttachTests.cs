using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Recorder.Arena;
using AllocReplay.Recorder.Attach;
using AllocReplay.Tests.Support;
using Trace = AllocReplay.Formats.Trace;

namespace AllocReplay.Tests.Recorder;

/// <summary>A program that ran already is recorded from a moment on, does what it would have done, and is left as it was.</summary>
[StartsProcesses]
public sealed class AttachTests(ITestOutputHelper output) : IDisposable
{
    private static readonly int Cycles = Effort.OfLong(1000, usual: 10), Kills = Effort.OfLong(200, usual: 8);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string Recording(int number = 0) => _directory[$"r{number}.allocrec"];

    /// <summary>All threads wait when it is attached to and when it is detached from: what they do between is recorded, call by call.</summary>
    [Fact]
    public void Calls_of_four_threads_between_attach_and_detach_are_those_that_the_program_counts()
    {
        Need();
        using RunningProgram program = RunningProgram.Attached(4);
        program.Work(TimeSpan.FromMilliseconds(50));
        long before = program.Do("hold");

        using (AttachedRecorder attached = program.Attach(Recording()))
        {
            program.Work(TimeSpan.FromMilliseconds(50));
            long during = program.Do("hold") - before;
            attached.Detach();
            output.WriteLine($"{during} calls; {attached.Said}");
            using TraceReader reader = TraceReader.Open(Recording());
            Assert.Equal(during, TraceStatistics.Of(reader).Calls + (long)reader.Process.LostEvents);
            Assert.Equal(ProcessInfo.FromAttach, reader.Process.Source);
            Assert.Equal((0, 0), (reader.Merge.UnknownReleases, reader.Merge.ForcedSteps));
            Assert.InRange(reader.Merge.InheritedReleases, 1, 4 * 64); // of the blocks that each thread had
        }
        program.Work(TimeSpan.FromMilliseconds(50));
        Assert.Equal(0, program.Finish());
    }

    /// <summary>A library that is opened later, past all others (RTLD_DEEPBIND), a thread that is created later, a child that is forked later.</summary>
    [Fact]
    public void What_comes_later_is_recorded()
    {
        Need();
        using RunningProgram program = RunningProgram.Attached(1);
        using AttachedRecorder attached = program.Attach(Recording());
        long opened = program.Do("open"), created = program.Do("thread"), child = program.Do("fork");
        attached.Detach();
        long openedAfter = program.Do("open");

        Assert.Equal((100, 1000, 100), (opened, created, openedAfter));
        using Trace trace = Trace.Open(Recording());
        using TraceReader parent = trace.OpenImage($"p{program.Pid}.0"), forked = trace.OpenImage($"p{child}.0");
        // And what the loader, and pthread_create, ask of the C library's malloc, which is the same as when nothing is opened.
        Assert.InRange(TraceStatistics.Of(parent).Calls, opened + created, opened + created + 100);
        Assert.Equal(1000, TraceStatistics.Of(forked).Calls);
        Assert.True(forked.Process.Forked);
        Assert.Equal(0, program.Finish());
    }

    /// <summary>As with preload.</summary>
    [Fact]
    public void It_is_controlled_as_any_recording()
    {
        Need();
        using RunningProgram program = RunningProgram.Attached(1);
        using AttachedRecorder attached = program.Attach(Recording(), "--start-paused");
        string target = $"{program.Pid}";
        program.Do("thread");
        Assert.Equal(0, Programs.AllocReplay("control", target, "start").ExitCode);
        program.Do("thread");
        Assert.Equal(0, Programs.AllocReplay("control", target, "mark", "here").ExitCode);
        Assert.Equal(0, Programs.AllocReplay("control", target, "stop").ExitCode);
        program.Do("thread");
        ProgramResult detached = Programs.AllocReplay("detach", target);
        Assert.Equal((0, 0), (detached.ExitCode, attached.Wait()));

        using TraceReader reader = TraceReader.Open(Recording());
        Assert.Equal(1000, TraceStatistics.Of(reader).Calls);
        Assert.Equal(0, program.Finish());
    }

    [Theory]
    [InlineData("nanosleep")]
    [InlineData("absolute")]
    [InlineData("futex")]
    [InlineData("semaphore")]
    [InlineData("poll")]
    [InlineData("ppoll")]
    [InlineData("select")]
    [InlineData("epoll")]
    [InlineData("epoll_event")]
    [InlineData("read")]
    public void A_system_call_that_is_interrupted_ends_as_it_would_have(string call)
    {
        Need();
        using var program = new RunningProgram(Targets.Build("waits.c"), call);
        for (int i = 0; i < 3; i++)
        {
            using AttachedRecorder attached = program.Attach(Recording(i));
            attached.Detach();
        }
        Assert.Equal(0, program.Finish());
    }

    /// <summary>Once its first thread has ended, only the others show what memory and files a process has.</summary>
    [Fact]
    public void A_program_whose_first_thread_has_ended_is_recorded_on_and_attached_to()
    {
        Need();
        using RunningProgram program = RunningProgram.Attached(2);
        long before = program.WorkSome();
        using (AttachedRecorder attached = program.Attach(Recording(0)))
        {
            program.Do("leave");
            Assert.True(SpinWait.SpinUntil(() => ProcessStatus.Of(program.Pid)?.State == 'Z', TimeSpan.FromMinutes(1)));
            Thread.Sleep(1500); // sleeps: whether the program is still there is looked at each second
            long during = program.WorkSome() - before;
            Assert.Contains("recording", Programs.AllocReplay("control", $"{program.Pid}", "status").Output, StringComparison.Ordinal);
            ProgramResult detached = Programs.AllocReplay("detach", $"{program.Pid}");
            Assert.True(detached.ExitCode == 0, detached.Error);
            Assert.Equal(0, attached.Wait());
            Check(0, during);
        }
        before = program.WorkSome();
        using (AttachedRecorder attached = program.Attach(Recording(1)))
        {
            long during = program.WorkSome() - before;
            attached.Detach();
            Check(1, during);
        }
        program.WorkSome();
        Assert.Equal(0, program.Finish());

        void Check(int recording, long during)
        {
            using TraceReader reader = TraceReader.Open(Recording(recording));
            Assert.Equal(during, TraceStatistics.Of(reader).Calls + (long)reader.Process.LostEvents);
        }
    }

    /// <summary>They lie above the stack that is in use, and are none of it.</summary>
    [Fact]
    public void A_program_with_a_megabyte_of_arguments_is_attached_to()
    {
        Need();
        string[] large = [.. Enumerable.Repeat(new string('x', 100_000), 12)];
        using var program = new RunningProgram(Targets.Build("attached.c"), ["0", "", .. large]);
        using (AttachedRecorder attached = program.Attach(Recording()))
            attached.Detach();
        Assert.Equal(0, program.Finish());
    }

    /// <summary>On a busy machine it may do all of it while it is asked how far it is.</summary>
    [Fact]
    public void A_thread_that_detaches_as_it_is_asked_after_has_detached()
    {
        var state = LateState.Attached;
        Assert.Equal(LateState.Detached, Detachment.Outcome(() => (state = LateState.Detached) == LateState.Detached, () => state));
        state = LateState.Attached;
        Assert.Null(Detachment.Outcome(() => false, () => state));
        Assert.Equal(LateState.Attached, Detachment.Outcome(() => true, () => state)); // and has been started again
    }

    /// <summary>Four busy threads, which never rest: it is the first one that waits, for its input.</summary>
    [Fact]
    public void Attaching_and_detaching_again_and_again_changes_nothing_and_takes_no_more_memory()
    {
        Need();
        using RunningProgram program = RunningProgram.Attached(4);
        program.Do("go");
        long size = 0;
        for (int i = 0; i < Cycles; i++)
        {
            using AttachedRecorder attached = program.Attach(Recording());
            attached.Detach();
            Directory.Delete(Recording(), recursive: true);
            if (i == 4)
                size = MappedKiB(program.Pid);
        }
        output.WriteLine($"{Cycles} cycles, {size} KiB mapped after five, {MappedKiB(program.Pid)} at the end");
        Assert.InRange(MappedKiB(program.Pid), 0, size + 8192);
        Assert.True(program.Do("hold") > 0);
        Assert.Equal(0, program.Finish());
    }

    /// <summary>What writes a recording ends a little after it was detached from; another may have the recording's name by then.</summary>
    [Fact]
    public void What_ends_late_leaves_a_later_recording_its_shared_memory()
    {
        Directory.CreateDirectory(Recording());
        using SharedArena old = SharedArena.Create(Recording());
        Directory.Delete(Recording(), recursive: true);
        Directory.CreateDirectory(Recording());
        using SharedArena later = SharedArena.Create(Recording());
        old.Remove(Recording());
        using (SharedArena? found = SharedArena.Open(Recording()))
            Assert.Equal(later.Path, found?.Path);
        later.Remove(Recording());
        Assert.Null(SharedArena.Open(Recording())); // the control
    }

    /// <summary>Interrupted at the moment at which its program has ended, it has nothing to detach from, and all went well.</summary>
    [Fact]
    public void A_program_that_ends_when_it_is_to_be_detached_from_has_ended()
    {
        const int stop = 19, goOn = 18;
        Need();
        using RunningProgram program = RunningProgram.Attached(2);
        using AttachedRecorder attached = program.Attach(Recording());
        attached.Signal(stop);
        int drain = Assert.Single(attached.Children()); // which would tell of the end before the interruption is seen
        Signals.Send(drain, stop);
        Assert.Equal(0, program.Finish());
        attached.Signal(Signals.Interrupt);
        attached.Signal(goOn);
        Signals.Send(drain, goOn);
        Assert.Equal(0, attached.Wait());
        Assert.Contains($"pid {program.Pid} has ended", attached.SaidAtEnd, StringComparison.Ordinal);
    }

    /// <summary>At any moment: it goes on, recorded or not.</summary>
    [Fact]
    public void An_attacher_that_is_killed_at_any_moment_leaves_the_program_running()
    {
        Need();
        var random = new Random(20261127);
        int attached = 0;
        double milliseconds;
        using (RunningProgram program = RunningProgram.Attached(2))
        {
            program.Do("go");
            long began = Stopwatch.GetTimestamp();
            using AttachedRecorder whole = program.Attach(_directory["whole.allocrec"]);
            milliseconds = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }
        for (int i = 0; i < Kills; i++)
        {
            using RunningProgram program = RunningProgram.Attached(2);
            program.Do("go");
            using (Process attacher = Process.Start(new ProcessStartInfo(Programs.AllocReplayCommand, ["attach", $"{program.Pid}", "-q", "-o", Recording(i)]))!)
            {
                _ = attacher.WaitForExit(TimeSpan.FromMilliseconds(random.NextDouble() * 1.2 * milliseconds));
                Kill(attacher);
            }
            attached += File.ReadAllText($"/proc/{program.Pid}/maps").Contains("/liballocreplay", StringComparison.Ordinal) ? 1 : 0;
            program.WorkSome();
            Assert.Equal(100, program.Do("open"));
            Assert.Equal(0, program.Finish());
        }
        output.WriteLine($"{Kills} kills, {attached} of them when it was attached");
    }

    [Fact]
    public void A_program_of_a_thousand_threads_is_attached_to()
    {
        Need();
        using RunningProgram program = RunningProgram.Attached(1000);
        using AttachedRecorder attached = program.Attach(Recording());
        long calls = program.WorkSome();
        attached.Detach();
        output.WriteLine($"{calls} calls; {attached.Said}");
        using TraceReader reader = TraceReader.Open(Recording());
        Assert.Equal(calls, TraceStatistics.Of(reader).Calls + (long)reader.Process.LostEvents);
        Assert.Equal(0, program.Finish());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Names_samples_latency_and_stacks_are_as_with_preload(int times)
    {
        Need();
        using RunningProgram program = RunningProgram.Attached(2);
        for (int i = 0; i < times; i++)
        {
            using AttachedRecorder attached = program.Attach(Recording(i), "--latency", "--stacks", "auto", "--sample", "3");
            program.Work(TimeSpan.FromMilliseconds(20));
            program.Do("hold");
            attached.Detach();
            using TraceReader reader = TraceReader.Open(Recording(i));
            Assert.True(reader.Process is { Latency: true, Stacks: true, Sample: 3 });
            Assert.True(TraceStatistics.Of(reader).Calls > 100);
            Assert.All(reader.Threads, t => Assert.StartsWith("attached", t.Name, StringComparison.Ordinal));
        }
        Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void What_cannot_be_attached_to_is_refused_and_goes_on()
    {
        Need();
        Programs.Need("sleep");
        using (var still = new RunningProgram(Targets.Build("waits.c", "-static"), "read"))
            Refused(still, "statically linked");
        using RunningProgram program = RunningProgram.Attached(1);
        using (AttachedRecorder attached = program.Attach(Recording()))
        {
            Refused(program, "is recorded already");
            attached.Detach();
        }
        Signals.Send(program.Pid, 19);
        Assert.True(SpinWait.SpinUntil(() => RunningThreads.IsStopped(program.Pid), TimeSpan.FromMinutes(1)));
        Refused(program, "is stopped");
        Signals.Send(program.Pid, 18);
        Assert.Contains("is not attached", Programs.AllocReplay("detach", $"{program.Pid}").Error, StringComparison.Ordinal);
        Assert.Equal(0, program.Finish());
        Assert.Contains("no such process", Programs.AllocReplay("detach", $"{int.MaxValue - 7}").Error, StringComparison.Ordinal);
    }

    private void Refused(RunningProgram program, string why)
    {
        string recording = _directory["refused.allocrec"];
        ProgramResult attach = Programs.AllocReplay("attach", $"{program.Pid}", "-o", recording);
        Assert.Equal(4, attach.ExitCode);
        Assert.Contains(why, attach.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(recording));
    }

    private static void Kill(Process process)
    {
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
    }

    private static long MappedKiB(int pid)
    {
        string line = File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmSize:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    private static void Need() =>
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "attaching is built for x86-64");
}
