using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Stacks that come, go and change while they are walked: a program runs as it would, and what is not known of a call is told as not known.</summary>
[StartsProcesses]
public sealed class StackHazardTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private enum Walked
    {
        Unknown,
        Part,
        Whole,
    }

    private static string Plugin =>
        Targets.Build("call_paths_plugin.c", "-shared", "-fPIC", "-O2", "-DPLUGIN=first", "-DPADDING=\"64\"");

    private string Recording => _directory["r.allocrec"];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(StackWalk.FrameInformation)]
    [InlineData(StackWalk.FramePointers)]
    public void Threads_by_the_thousand_one_after_another_have_stacks(StackWalk walk)
    {
        using TraceReader reader = Record(walk, "threads", "6000");
        var counts = Count(reader);
        // On a busy machine some may find no chunk, which is counted, and another matter.
        Assert.InRange(counts.Where(c => c.Key.Size == 5000).Sum(c => c.Value), 6000 - (int)reader.Process.LostEvents, 6000);
        Assert.DoesNotContain((5000UL, Walked.Unknown), counts.Keys);
    }

    /// <summary>The product has memory for the walks of 4096 threads at a time.</summary>
    [Fact]
    public void A_thread_that_there_is_no_memory_for_has_calls_without_stacks()
    {
        var counts = Count(RecordBy(HookBuild.With(_directory["few.so"], "-DAR_STACKS=64"), StackWalk.FrameInformation, "crowd", "100"));
        Assert.Equal(63, counts[(5000, Walked.Whole)]); // the first thread has one, too
        Assert.Equal(37, counts[(5000, Walked.Unknown)]);
    }

    /// <summary>A frame pointer leads to where a stack was, which is unmapped. Such a call ends a walk; those before and after it have whole ones.</summary>
    [Theory]
    [InlineData(StackWalk.FrameInformation)]
    [InlineData(StackWalk.FramePointers)]
    public void A_stack_that_is_unmapped_and_used_again_is_not_read_behind_its_end(StackWalk walk)
    {
        var counts = Count(Record(walk, "coroutine"));
        Assert.Equal(200, counts[(5000, Walked.Whole)]);
        Assert.Equal(100, counts[(5001, Walked.Part)]);
        Assert.Equal(100, counts[(5002, Walked.Whole)]);
        Assert.Equal(100, counts[(5003, Walked.Part)]); // frame information is silent of the pointer
    }

    [Fact] // the control
    public void Whoever_trusts_what_another_stack_was_reads_there() =>
        Assert.Equal(128 + 11, Run(StackWalk.FrameInformation, HookBuild.With(_directory["stale.so"], "-DAR_PLANTED_STALE"), "coroutine").ExitCode);

    [Theory]
    [InlineData(StackWalk.FrameInformation)]
    [InlineData(StackWalk.FramePointers)]
    public void A_handler_on_the_heap_is_walked(StackWalk walk)
    {
        var counts = Count(Record(walk, "handler"));
        Walked least = walk == StackWalk.FramePointers ? Walked.Part : Walked.Whole;
        Assert.Equal(200, counts.Where(c => c.Key.Size == 5000 && c.Key.Walked >= least).Sum(c => c.Value));
    }

    /// <summary>The interrupted frame's stack pointer may be in the guard page.</summary>
    [Fact]
    public void A_stack_that_overflows_is_walked()
    {
        var counts = Count(Record(StackWalk.FrameInformation, "overflow"));
        Assert.Equal(2, counts[(5000, Walked.Part)]); // of thousands of frames
        Assert.Equal(2, counts[(5001, Walked.Whole)]);
    }

    /// <summary>As deep as it is, each call has as many frames as are kept.</summary>
    [Fact]
    public void A_first_stack_that_grows_beyond_the_usual_limit_is_walked()
    {
        var counts = Count(Record(StackWalk.FrameInformation, "deep"));
        Assert.Equal(59, counts[(5000, Walked.Whole)]); // with the frames of main and what calls it
        Assert.Equal(385 - 59, counts[(5000, Walked.Part)]);
    }

    [Theory]
    [InlineData(StackWalk.FrameInformation)]
    [InlineData(StackWalk.FramePointers)]
    public void Handlers_that_acquire_while_a_walk_is_made_do_no_harm(StackWalk walk) =>
        Assert.DoesNotContain((200UL, Walked.Unknown), Count(Record(walk, "interrupted")).Keys);

    /// <summary>The stacks of the thread that unloads, and of others in libraries that stay.</summary>
    [Theory]
    [InlineData(StackWalk.FrameInformation)]
    [InlineData(StackWalk.FramePointers)]
    public void Libraries_that_come_and_go_do_no_harm(StackWalk walk)
    {
        var counts = Count(Record(walk, "unload", Plugin));
        Assert.Equal(2000, counts.Where(c => c.Key.Size == 5000).Sum(c => c.Value));
        if (walk == StackWalk.FrameInformation)
            Assert.All(counts.Keys.Where(k => k.Size is 100 or 300 or 400 or 5000), k => Assert.Equal(Walked.Whole, k.Walked));
    }

    /// <summary>Its calls would fill the shared memory with names: a module's line takes a chunk.</summary>
    [Fact]
    public void A_library_that_stays_is_told_once_however_often_another_goes()
    {
        using TraceReader reader = Record(StackWalk.FrameInformation, "alone", Plugin);
        Assert.Equal(2000, reader.Frames.Modules.Count(m => m.Path == Plugin));
        Assert.All(reader.Frames.Modules.Where(m => m.Path != Plugin).GroupBy(m => m.Path), m => Assert.Single(m));
        Assert.Equal(2000, Count(reader)[(5000, Walked.Whole)]);
    }

    /// <summary>On a busy machine a thread does not run for a while wherever it is.</summary>
    [Fact]
    public void While_the_thread_that_makes_room_for_frames_does_not_run_others_have_stacks()
    {
        string hook = HookBuild.With(_directory["slow.so"], "-DAR_SLOW_OPENING=5000");
        Assert.DoesNotContain(Walked.Unknown, Count(RecordBy(hook, StackWalk.FrameInformation, "unload", Plugin)).Keys.Select(k => k.Walked));
    }

    [Theory]
    [InlineData("fork_storm.c", "300")]
    [InlineData("fork_in_handler.c", "fork")]
    [InlineData("fork_in_handler.c", "_Fork")]
    [InlineData("children.c", "vfork")]
    [InlineData("children.c", "spawn")]
    [InlineData("children.c", "clone")]
    public void Children_of_all_kinds_have_stacks_of_their_own(string target, string how)
    {
        int exit = RecordedCommand.Run(new RecordOptions
        {
            Command = [Targets.Build(target), how],
            Output = Recording,
            Stacks = StackWalk.FrameInformation,
        }).ExitCode;
        Assert.SkipWhen(exit == 77, "this C library has no _Fork");
        Assert.Equal(0, exit);
        int whole = 0, calls = 0, unknown = 0;
        foreach (string image in Directory.GetDirectories(Recording))
        {
            using TraceReader reader = TraceReader.Open(image);
            Dictionary<(ulong Size, Walked Walked), int> counts = Count(reader);
            Assert.Null(reader.Damage);
            Assert.DoesNotContain(counts.Keys, k => k.Walked == Walked.Part);
            (calls, unknown) = (calls + counts.Values.Sum(), unknown + counts.Where(c => c.Key.Walked == Walked.Unknown).Sum(c => c.Value));
            whole += reader.Process.Forked && counts.Count > 0 ? 1 : 0;
        }
        // Where there is no chunk at the moment, as hundreds begin at once, a call has no stack: it does not wait for one.
        Assert.InRange(unknown, 0, 3 + calls / 1000);
        Assert.True(whole > 0 || how is "vfork" or "spawn", "no child acquired anything");
    }

    /// <summary>Nothing is lost but the stacks, and their numbers begin where they would.</summary>
    [Fact]
    public void Where_there_is_no_room_for_frames_calls_have_no_stacks_until_there_is()
    {
        using TraceReader reader = RecordBy(HookBuild.With(_directory["full.so"], "-DAR_PLANTED_FULL=5"), StackWalk.FrameInformation, "calls", "4000");
        Assert.Equal(0UL, reader.Process.LostEvents);
        var counts = Count(reader);
        Assert.InRange(counts[(5000, Walked.Unknown)], 1000, 2000); // asked for again at each 256th lack
        Assert.Equal(4000, counts[(5000, Walked.Unknown)] + counts[(5000, Walked.Whole)]);
        Assert.InRange(reader.Frames.Of(StackOf(5000), out _).Count, 4, 10);

        int StackOf(ulong size)
        {
            using TraceReader again = TraceReader.Open(Recording);
            while (again.Read(out TraceEvent e))
                if (e.Stack > 0 && e.Size == size)
                    return e.Stack;
            return 0;
        }
    }

    private TraceReader Record(StackWalk walk, params string[] arguments) => RecordBy(HookBuild.Default, walk, arguments);

    private TraceReader RecordBy(string hook, StackWalk walk, params string[] arguments)
    {
        RecordResult result = Run(walk, hook, arguments);
        Assert.Equal((0, 0), (result.ExitCode, result.Failures.Count));
        return TraceReader.Open(Recording);
    }

    private RecordResult Run(StackWalk walk, string hook, params string[] arguments) => RecordedCommand.Run(new RecordOptions
    {
        Command = [Targets.Build("stack_hazards.c"), .. arguments],
        Output = Recording,
        Stacks = walk,
        HookPath = hook,
    });

    /// <summary>Blocks by size, and by what is known of their stacks.</summary>
    private static Dictionary<(ulong Size, Walked Walked), int> Count(TraceReader reader)
    {
        var counts = new Dictionary<(ulong, Walked), int>();
        var known = new Dictionary<int, Walked>();
        while (reader.Read(out TraceEvent e))
        {
            if (!CallKinds.IsAcquisition(e.Kind) || e.Object == TraceEvent.NoObject)
                continue;
            if (!known.TryGetValue(e.Stack, out Walked walked))
            {
                int frames = reader.Frames.Of(e.Stack, out bool isWhole).Count;
                known.Add(e.Stack, walked = e.Stack == 0 ? Walked.Unknown : isWhole && frames > 0 ? Walked.Whole : Walked.Part);
            }
            counts[(e.Size, walked)] = counts.GetValueOrDefault((e.Size, walked)) + 1;
        }
        return counts;
    }
}
