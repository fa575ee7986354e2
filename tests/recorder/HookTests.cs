using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>The hook in real programs, one behaviour each.</summary>
[StartsProcesses]
public sealed class HookTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Recording => _directory["test.allocrec"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Every_call_of_four_threads_is_recorded_once_and_in_its_thread_s_order()
    {
        Assert.Equal(0, Record(Targets.Build("known_calls.c")));

        using TraceReader reader = TraceReader.Open(Recording);
        var perThread = new Dictionary<int, List<TraceEvent>>();
        while (reader.Read(out TraceEvent e))
        {
            if (!perThread.TryGetValue(e.Thread, out List<TraceEvent>? list))
                perThread.Add(e.Thread, list = []);
            list.Add(e);
        }
        reader.Seek(0);
        TraceStatistics statistics = TraceStatistics.Of(reader);

        Assert.Equal(KnownCalls.Counts, KnownCalls.CountsOf(statistics));
        Assert.Equal(4 * 100, statistics.CrossThreadReleases);
        Assert.Equal(4 * 3, statistics.FailedCalls);
        Assert.Equal(4 * 100, statistics.NullReleases);
        Assert.Equal(0, statistics.LiveBlocks);
        Assert.Equal(0UL, reader.Process.LostEvents);
        Assert.Equal((0L, 0L), (reader.Merge.UnknownReleases, reader.Merge.ImplicitReleases));
        Assert.Equal([-1, 0, 0, 0, 0], statistics.Threads.Select(t => t.Parent));
        for (int thread = 1; thread <= 4; thread++)
            KnownCalls.AssertSequence(perThread[thread]);
    }

    [Fact]
    public void Calls_from_a_thread_s_last_destructors_are_recorded()
    {
        Assert.Equal(0, Record(Targets.Build("thread_exit.c")));

        List<TraceEvent> events = ReadAll();
        Assert.Equal([1001UL, 1002, 1003, 1004], events.Where(e => e is { Kind: CallKind.Malloc, Thread: 1 }).Select(e => e.Size));
    }

    [Fact]
    public void Two_thousand_short_lived_threads_are_two_thousand_streams_in_little_space()
    {
        Assert.Equal(0, Record(Targets.Build("short_threads.c"), "2000"));

        List<TraceEvent> events = ReadAll();
        Assert.All(events.Where(e => e.Kind == CallKind.Free && !e.IsNull), e => Assert.NotEqual(TraceEvent.NoObject, e.Object));
        Assert.Equal(Enumerable.Range(1, 2000).Select(i => (ulong)i),
            events.Where(e => e is { Kind: CallKind.Malloc, Thread: > 0 }).OrderBy(e => e.Thread).Select(e => e.Size));
        Assert.Equal(2000, events.Count(e => e.Kind == CallKind.ThreadExit));
        Assert.Equal(2000, events.Count(e => e.Kind == CallKind.ThreadCreate));
        Assert.True(new FileInfo(Directory.GetFiles(Recording, "tails", SearchOption.AllDirectories).Single()).Length <= 1 << 20);
    }

    [Fact]
    public void A_forked_child_has_a_recording_of_its_own()
    {
        Assert.Equal(0, Record(Targets.Build("fork.c")));

        using TraceReader parent = TraceReader.Open(Recording);
        Assert.Equal(2, parent.Images.Count);
        using TraceReader child = TraceReader.Open(Recording, parent.Images[1].Name);
        TraceStatistics ofParent = TraceStatistics.Of(parent), ofChild = TraceStatistics.Of(child);
        Assert.Equal((2001, 2001), (ofParent.CountOf(CallKind.Malloc), ofParent.CountOf(CallKind.Free)));
        Assert.Equal((500, 501), (ofChild.CountOf(CallKind.Malloc), ofChild.CountOf(CallKind.Free)));
        Assert.Equal((0, 0, 1), (parent.Merge.UnknownReleases, child.Merge.UnknownReleases, child.Merge.InheritedReleases));
        Assert.Equal((false, true), (parent.Process.Forked, child.Process.Forked));
    }

    [Fact]
    public void Nothing_published_is_missing_after_a_kill()
    {
        Assert.Equal(128 + 9, Record(Targets.Build("kill.c")));

        using TraceReader reader = TraceReader.Open(Recording);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Null(reader.Damage);
        Assert.Equal((50000, 50000), (statistics.CountOf(CallKind.Malloc), statistics.CountOf(CallKind.Free)));
    }

    [Fact]
    public void A_program_that_closes_all_descriptors_is_still_recorded_and_its_own_file_is_not_written()
    {
        string own = _directory["own"];
        Assert.Equal(0, Record(Targets.Build("close_all.c"), own));

        using TraceReader reader = TraceReader.Open(Recording);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Equal((100000, 100000), (statistics.CountOf(CallKind.Malloc), statistics.CountOf(CallKind.Free)));
        Assert.Equal(0, new FileInfo(own).Length);
    }

    [Fact]
    public void Operators_of_the_C_plus_plus_runtime_are_recorded_as_the_calls_they_make()
    {
        Assert.Equal(0, Record(Targets.Build("operators.cpp")));

        using TraceReader reader = TraceReader.Open(Recording);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.False(reader.Process.RecordsOperatorNew);
        // 6 plain forms a round become malloc, 6 aligned ones aligned_alloc; the thread's own state adds a few.
        Assert.Equal(600, statistics.CountOf(CallKind.AlignedAlloc) + statistics.CountOf(CallKind.PosixMemalign));
        Assert.Equal(0, statistics.CountOf(CallKind.New));
        Assert.InRange(statistics.CountOf(CallKind.Malloc), 600, 610);
    }

    [Theory]
    [InlineData("libjemalloc.so.2")]
    [InlineData("libmimalloc.so.2")]
    [InlineData("libtcmalloc_minimal.so.4")]
    public void Operators_of_an_allocator_are_recorded_once_by_name(string library)
    {
        string? path = Libraries.Find(library);
        Assert.SkipWhen(path is null, $"{library} is not installed");
        Assert.Equal(0, Record(Targets.Build("operators.cpp", path)));

        using TraceReader reader = TraceReader.Open(Recording);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.StartsWith(library[..library.IndexOf(".so", StringComparison.Ordinal)], Path.GetFileName(reader.Process.AllocatorPath));
        Assert.True(reader.Process.RecordsOperatorNew);
        // 100 rounds of 12 pairs; beside them only what the runtimes and the allocator ask for themselves.
        Assert.InRange(statistics.Acquisitions, 1200, 1206);
        Assert.InRange(statistics.CountOf(CallKind.New), 200, 204);
        Assert.Equal(200, statistics.CountOf(CallKind.NewArray));
        Assert.Equal(100, statistics.CountOf(CallKind.NewNothrow));
        Assert.InRange(statistics.CountOf(CallKind.DeleteSized), 100, 102);
        Assert.Equal(0, reader.Merge.UnknownReleases + reader.Merge.ImplicitReleases);
        Assert.InRange(statistics.LiveBlocks, 0, 4);
    }

    [Fact]
    public void An_operator_new_that_throws_leaves_the_recorder_working()
    {
        string? path = Libraries.Find("libjemalloc.so.2");
        Assert.SkipWhen(path is null, "libjemalloc.so.2 is not installed");
        Assert.Equal(0, Record(Targets.Build("operators.cpp", path), "throw"));

        using TraceReader reader = TraceReader.Open(Recording);
        Assert.Equal(200, TraceStatistics.Of(reader).CountOf(CallKind.NewArray));
    }

    private int Record(params string[] command) => RecordedCommand.Run(new RecordOptions { Command = command, Output = Recording }).ExitCode;

    private List<TraceEvent> ReadAll()
    {
        using TraceReader reader = TraceReader.Open(Recording);
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        Assert.Null(reader.Damage);
        Assert.Equal(0UL, reader.Process.LostEvents);
        return events;
    }
}
