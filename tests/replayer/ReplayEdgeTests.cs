using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Verify;
using AllocReplay.Tests.Support;
using Recording = AllocReplay.Tests.Support.RecordingWriter;

namespace AllocReplay.Tests.Replayer;

/// <summary>What verify finds of recordings made by hand: each edge that holds, and each that one change breaks.</summary>
public sealed class ReplayEdgeTests
{
    /// <summary>
    /// Thread 0 acquires a block that thread 1, which it creates, gives back, and the other way round; times are multiples of the clock's
    /// 8 ns. Names: m0 c0 f0 on thread 0, f1 m1 e1 on thread 1.
    /// </summary>
    private static readonly (string Name, Action<Recording> Write)[] Program =
    [
        ("m0", w => w.Thread(0).Malloc(800, 0x1000, 8)),
        ("c0", w => w.Thread(0).Event(1600, CallKind.ThreadCreate, otherThread: 1)),
        ("s1", w => w.Thread(1).Event(2400, CallKind.ThreadStart, otherThread: 0)),
        ("f1", w => w.Thread(1).Free(3200, 0x1000)),
        ("m1", w => w.Thread(1).Malloc(4000, 0x2000, 16)),
        ("e1", w => w.Thread(1).Event(4800, CallKind.ThreadExit)),
        ("f0", w => w.Thread(0).Free(5600, 0x2000)),
    ];

    [Theory]
    [InlineData(ReplayOrder.Deps, "P 5, S 2, O 2, L 3")]
    [InlineData(ReplayOrder.Exact, "P 5, S 2, O 2, L 3, R 1")] // thread 1's end, then f0
    [InlineData(ReplayOrder.Total, "P 5, S 2, O 2, L 3, T 2")] // c0 then f1, thread 1's end then f0
    public void The_same_calls_hold_in_every_order_and_are_counted(ReplayOrder order, string edges)
    {
        var report = Check(With(), With(), order);
        Assert.True(report.Holds);
        Assert.Equal(edges, string.Join(", ", report.Edges.Select(e => $"{e.Name} {e.Held}")));
        Assert.All(report.Edges, e => Assert.Equal((e.Held, 0, null), (e.Checked, e.NotChecked, e.FirstViolation)));
        Assert.Equal((order, 2, 4L, 1L), (report.Order, report.Threads, report.Calls, report.Creations));
        Assert.Equal((2L, 0L), (report.NeighbourPairs, report.Inversions));
        Assert.Equal((0L, 0L, 0L, 0L), (report.SucceededNow, report.Substituted, report.SkippedReleases, report.UnknownReallocations));
        Assert.Null(report.Timing);
    }

    [Fact]
    public void Other_addresses_and_other_times_are_the_same_execution()
    {
        var report = Check(With(), With(
            ("m0", w => w.Thread(0).Malloc(8, 0x9000, 8)),
            ("f1", w => w.Thread(1).Free(2400, 0x9000)),
            ("m1", w => w.Thread(1).Malloc(2408, 0x9000, 16)),
            ("f0", w => w.Thread(0).Free(9000, 0x9000))));
        Assert.True(report.Holds, Violations(report));
    }

    [Fact]
    public void A_call_that_is_missing_changed_or_one_too_many_breaks_the_program_order()
    {
        AssertBroken(With(("f0", null)), "P, R", "P", 1, "the replay's thread has ended its calls before");
        AssertBroken(With(("m1", w => w.Thread(1).Malloc(4000, 0x2000, 16).Malloc(4400, 0x3000, 1))), "P", "P", 1,
            "made 2 calls; in the replay 3, the next is call 2 of thread 1");
        AssertBroken(With(("m1", w => w.Thread(1).Malloc(4000, 0x2000, 17))), "P", "P", 1, "in the replay it is call 1 of thread 1 (thread-1), malloc(17 B)");
        AssertBroken(With(("m1", w => w.Thread(1).Event(4000, CallKind.Valloc, 0x2000, 16))), "P", "P", 1,
            "in the replay it is call 1 of thread 1 (thread-1), valloc(16 B)");
        AssertBroken(With(("f1", null), ("m1", w => w.Thread(1).Malloc(4000, 0x2000, 16).Free(4400, 0x1000))), "P, O", "P", 2,
            "in the replay it is call 0 of thread 1 (thread-1), malloc(16 B)");
    }

    [Fact]
    public void Counts_and_alignments_are_compared()
    {
        static Recording Calls(ulong count, ulong alignment) => Of(w => w.Thread(0).Event(800, CallKind.Calloc, 0x5000, 8, count: count)
            .Event(904, CallKind.Memalign, 0x6000, 8, alignment: alignment)
            .Event(1000, CallKind.ReallocArrayBegin, 0x5000, 8, count: count).Event(1104, CallKind.ReallocArrayEnd, 0x7000));
        Assert.True(Check(Calls(3, 16), Calls(3, 16)).Holds);
        EdgeCheck counts = Edge(Check(Calls(3, 16), Calls(4, 16)), "P"), alignments = Edge(Check(Calls(3, 16), Calls(3, 32)), "P");
        Assert.Equal((3L, 1L), (counts.Checked, counts.Held)); // calloc and reallocarray
        Assert.Contains("calloc(8 B, 4 elements)", counts.FirstViolation, StringComparison.Ordinal);
        Assert.Equal((3L, 2L), (alignments.Checked, alignments.Held));
        Assert.Contains("memalign(8 B, alignment 32)", alignments.FirstViolation, StringComparison.Ordinal);
    }

    [Fact]
    public void A_call_that_gave_a_block_has_to_give_one_and_one_that_failed_may()
    {
        Recording failed = With(("m1", w => w.Thread(1).Malloc(4000, 0, 16)), ("f0", w => w.Thread(0).Free(5600, 0)));
        // What was to give that block back had none: one fault, not two.
        AssertBroken(failed, "S", "S", 1, "in the replay it failed");
        Assert.Equal(0, Check(With(), failed).SucceededNow);

        var report = Check(failed, With(("f0", w => w.Thread(0).Free(5600, 0))));
        Assert.True(report.Holds, Violations(report));
        Assert.Equal((1L, 1L), (Edge(report, "S").Checked, report.SucceededNow));
        report = Check(failed, failed);
        Assert.Equal((1L, 0L), (Edge(report, "S").Held, report.SucceededNow));
    }

    [Fact]
    public void To_give_back_a_block_is_another_call_than_to_give_back_none()
    {
        Recording ofNull = With(("f0", w => w.Thread(0).Free(5600, 0)));
        Assert.Equal("P", Broken(Check(ofNull, With())));
        AssertBroken(ofNull, "O", "O", 1, "in the replay it gives up no block");
        AssertBroken(With(("f0", w => w.Thread(0).Free(5600, 0x8000))), "O", "O", 1, "in the replay it gives up a block that no call gave");
    }

    [Fact]
    public void A_block_comes_from_the_call_that_it_came_from()
    {
        static Recording Frees(int other, ulong first, ulong second) => Of(w =>
        {
            w.Thread(0).Malloc(800, 0x1000, 8);
            w.Thread(other).Malloc(880, 0x2000, 8);
            w.Thread(0).Free(960, first).Free(1040, second);
        });
        EdgeCheck objects = Edge(Check(Frees(0, 0x1000, 0x2000), Frees(0, 0x2000, 0x1000)), "O");
        Assert.Equal((2L, 0L), (objects.Checked, objects.Held));
        Assert.Contains(
            "free() at 0.000000960 s: its block is that of call 1 of thread 0 (thread-0), malloc(8 B) at 0.000000880 s, and not that of call 0",
            objects.FirstViolation, StringComparison.Ordinal);
        // The call of the same number in another thread.
        Assert.Equal("O", Broken(Check(Frees(1, 0x1000, 0x2000), Frees(1, 0x2000, 0x1000))));
        Assert.True(Check(Frees(1, 0x1000, 0x2000), Frees(1, 0x1000, 0x2000)).Holds);
    }

    /// <summary>An end is a stamp plus a duration, and each is rounded to the clock's 8 ns.</summary>
    [Fact]
    public void A_call_is_over_by_then_give_or_take_two_steps_of_the_clock()
    {
        // Thread 0 stands still until thread 1 gives b back: so its free of a may be stamped before a was acquired.
        static Recording Passing(long taken, long freed) => Of(w =>
        {
            w.Thread(1).Malloc(80, 0xb000, 8).Malloc(160, 0xa000, 8).Free(240, 0xb000);
            w.Thread(0).Malloc(taken, 0xb000, 8).Free(freed, 0xa000);
        });
        Recording trace = Passing(320, 400);
        Assert.Equal("", Broken(Check(trace, Passing(120, 144), ReplayOrder.Deps)));
        var report = Check(trace, Passing(120, 136), ReplayOrder.Deps);
        Assert.Equal("O", Broken(report));
        Assert.EndsWith("malloc(8 B) at 0.000000160 s, which was not over", Edge(report, "O").FirstViolation, StringComparison.Ordinal);

        foreach (ReplayOrder order in (ReplayOrder[])[ReplayOrder.Exact, ReplayOrder.Total])
        {
            Assert.Equal("", Broken(Check(With(), With(("e1", w => w.Thread(1).Event(5616, CallKind.ThreadExit))), order)));
            Assert.Equal(order == ReplayOrder.Exact ? "R" : "T", Broken(Check(With(), With(("e1", w => w.Thread(1).Event(5624, CallKind.ThreadExit))), order)));
        }
        report = Check(With(), With(("e1", w => w.Thread(1).Event(5624, CallKind.ThreadExit))));
        Assert.Equal("the end of thread 1 (thread-1) comes before call 2 of thread 0 (thread-0), free() at 0.000005600 s; "
            + "in the replay the one is over at 0.000005624 s, the other begins at 0.000005600 s", Edge(report, "R").FirstViolation);
    }

    [Fact]
    public void A_thread_ends_where_it_did()
    {
        AssertBroken(With(("e1", null)), "L, R", "L", 1, "ends in the trace; in the replay its end is not there");
        AssertBroken(With(("e1", w => w.Thread(1)), ("m1", w => w.Thread(1).Event(3600, CallKind.ThreadExit).Malloc(4000, 0x2000, 16))), "L", "L", 1,
            "ends in the trace; in the replay it ends at 0.000003600 s with a call to come");
        var report = Check(With(("e1", null)), With());
        Assert.Equal("L", Broken(report));
        Assert.EndsWith("does not end in the trace; in the replay it ends at 0.000004800 s", Edge(report, "L").FirstViolation, StringComparison.Ordinal);

        // Its last call is over by then, give or take two steps of the clock.
        static Recording Freeing(ulong steps) => With(("e1", w => w.Thread(1).Event(4800, CallKind.Free, duration: steps).Event(4800, CallKind.ThreadExit)));
        Assert.Equal("", Broken(Check(Freeing(0), Freeing(2), ReplayOrder.Deps)));
        Assert.Equal("L", Broken(Check(Freeing(0), Freeing(3), ReplayOrder.Deps)));
        // One without calls ends too.
        static Recording Idle(bool ends) => With(("f1", null), ("m1", null), ("f0", null),
            ("e1", w => w.Thread(1).Event(4800, ends ? CallKind.ThreadExit : CallKind.ThreadStart)));
        Assert.True(Check(Idle(true), Idle(true)).Holds);
        Assert.Equal("L", Broken(Check(Idle(true), Idle(false))));
    }

    [Fact]
    public void The_first_thread_stays_and_its_end_is_not_looked_for()
    {
        Recording ending = With(("f0", w => w.Thread(0).Free(5600, 0x2000).Event(6400, CallKind.ThreadExit)));
        var report = Check(ending, With());
        Assert.True(report.Holds, Violations(report));
        Assert.Equal((2L, 1L), (Edge(report, "L").Held, Edge(report, "L").NotChecked));
        report = Check(ending, ending);
        Assert.Equal("L", Broken(report));
        Assert.EndsWith("stays while the process lives; in the replay it ends at 0.000006400 s", Edge(report, "L").FirstViolation, StringComparison.Ordinal);
    }

    [Fact]
    public void A_thread_makes_no_call_before_it_is_created()
    {
        static Recording First(ulong steps) => With(
            ("s1", w => w.Thread(1).Event(1600, CallKind.ThreadStart, otherThread: 0).Event(3200, CallKind.Malloc, 0x5000, 8, duration: steps)),
            ("f1", w => w.Thread(1).Free(3208, 0x1000)));
        Assert.Equal("", Broken(Check(First(0), First(202))));
        var report = Check(First(0), First(203));
        Assert.Equal("L", Broken(report));
        Assert.EndsWith("its first call in the replay comes before its creation", Edge(report, "L").FirstViolation, StringComparison.Ordinal);
    }

    [Fact]
    public void Threads_without_a_counterpart_are_told()
    {
        Recording alone = With(("c0", null), ("s1", null), ("f1", null), ("m1", null), ("e1", null));
        var report = Check(With(), alone);
        Assert.Equal("P, L, R", Broken(report));
        Assert.EndsWith("the trace has 2 threads, the replay 1", Edge(report, "L").FirstViolation, StringComparison.Ordinal);
        Assert.Equal(2, Edge(report, "L").Checked - Edge(report, "L").Held); // the number, and the one missing
        Assert.Equal("P, L", Broken(Check(alone, With())));
    }

    [Fact]
    public void Threads_that_nobody_created_stand_for_each_other_in_their_order_and_children_in_theirs()
    {
        // 0 creates 2, which creates 4; 1 and 3 are there from the beginning. In the replay: 0 creates 1, which creates 3; 2 and 4 are there.
        static Recording Family(int child, int grandchild, int root, int other) => Of(w =>
        {
            w.Thread(0).Event(80, CallKind.ThreadCreate, otherThread: child);
            w.Thread(child).Event(160, CallKind.ThreadStart, otherThread: 0).Event(240, CallKind.ThreadCreate, otherThread: grandchild);
            w.Thread(grandchild).Event(320, CallKind.ThreadStart, otherThread: child).Malloc(400, 0x1000, 1);
            w.Thread(root).Malloc(480, 0x2000, 2);
            w.Thread(other).Malloc(560, 0x3000, 3);
        });
        Assert.True(Check(Family(2, 4, 1, 3), Family(1, 3, 2, 4)).Holds);
        Assert.Equal("P, R", Broken(Check(Family(2, 4, 1, 3), Family(1, 3, 4, 2))));
    }

    [Fact]
    public void The_end_of_a_thread_that_goes_on_freeing_stands_between_its_calls()
    {
        // Recorded: thread 1 ends between m1 and its last free; thread 0 acts before and after.
        static Recording Late(long exit, long before, long after, bool calls = true) => Of(w =>
        {
            if (calls)
                w.Thread(1).Malloc(800, 0x1000, 8);
            if (exit < 2400)
                w.Thread(1).Event(exit, CallKind.ThreadExit);
            w.Thread(1).Event(2400, CallKind.Free);
            if (exit > 2400)
                w.Thread(1).Event(exit, CallKind.ThreadExit);
            w.Thread(0).Malloc(before, 0x2000, 8).Malloc(after, 0x3000, 8);
        });
        Recording trace = Late(1600, 1200, 2000); // in turn: m1, t0, end, t0, free
        // A replay ends a thread after its calls. The end after thread 0's first is seen by the free, the second after the end by m1.
        Assert.Equal("", Broken(Check(trace, Late(3200, 1200, 2000), ReplayOrder.Total)));
        Assert.Equal("T", Broken(Check(trace, Late(3200, 2440, 2480), ReplayOrder.Total)));
        Assert.Equal("T", Broken(Check(trace, Late(3200, 80, 160), ReplayOrder.Total)));
        // Without a call before its end nothing tells when that was.
        var report = Check(Late(1600, 1200, 2000, calls: false), Late(3200, 1200, 2000, calls: false), ReplayOrder.Total);
        Assert.True(report.Holds, Violations(report));
        Assert.Equal(1, Edge(report, "T").NotChecked);
        Assert.Equal(0, Edge(Check(trace, Late(3200, 1200, 2000), ReplayOrder.Total), "T").NotChecked);
    }

    [Fact]
    public void What_no_replay_can_do_is_left_out_and_counted()
    {
        Recording trace = Of(w => w.Thread(0).Free(80, 0x9000).Realloc(160, 240, 0x9100, 0x1000, 50)
            .Realloc(320, 400, 0x9200, 0, 0).Free(480, 0x1000));
        Recording replay = Of(w => w.Thread(0).Realloc(160, 240, 0, 0x1000, 50).Free(480, 0x1000));
        var report = Check(trace, replay);
        Assert.True(report.Holds, Violations(report));
        Assert.Equal((2L, 1L, 2L, 1L), (report.SkippedReleases, report.UnknownReallocations, report.Calls, Edge(report, "O").Held));
        // In a replay nothing is left out.
        Assert.Equal("P, O", Broken(Check(replay, trace)));

        static Recording Create(bool before, bool creates) => Of(w =>
        {
            if (before)
                w.Thread(1).Malloc(80, 0x1000, 8);
            if (creates)
            {
                foreach ((long ns, int child) in ((long, int)[])[(160, 1), (200, 1), (208, -1), (216, 0)])
                    w.Thread(0).Event(ns, CallKind.ThreadCreate, otherThread: child);
            }
            w.Thread(0).Malloc(240, 0x2000, 8);
            w.Thread(1).Malloc(320, 0x3000, 8).Event(400, CallKind.ThreadExit).Event(480, CallKind.ThreadExit);
        });
        // The child was at work before: thread 1 is there from the beginning.
        report = Check(Create(true, true), Create(true, false));
        Assert.True(report.Holds, Violations(report));
        Assert.Equal((3L, 0L), (report.Calls, report.Creations));
        // Created once, and not twice.
        report = Check(Create(false, true), Create(false, true));
        Assert.True(report.Holds, Violations(report));
        Assert.Equal((2L, 1L), (report.Calls, report.Creations));
    }

    [Fact]
    public void A_realloc_that_failed_keeps_its_block_and_is_where_it_comes_from()
    {
        static Recording Keeping(ulong moved, ulong freed, ulong second) => Of(w => w.Thread(0).Malloc(80, 0x1000, 8)
            .Realloc(160, 240, 0x1000, moved, 1 << 20).Realloc(320, 400, freed, 0, 0).Free(480, second));
        Recording failed = Keeping(0, 0x1000, 0);
        Assert.True(Check(failed, failed).Holds);
        Assert.Equal(2, Edge(Check(failed, failed), "O").Held);
        var report = Check(failed, Keeping(0x2000, 0x2000, 0));
        Assert.True(report.Holds, Violations(report));
        Assert.Equal(1, report.SucceededNow);
        Assert.Equal("O", Broken(Check(failed, Keeping(0x2000, 0, 0))));
    }

    [Fact]
    public void Neighbours_that_came_the_other_way_round_are_counted()
    {
        static Recording Two(long first, long second) => Of(w =>
        {
            w.Thread(0).Malloc(first, 0x1000, 8);
            w.Thread(1).Malloc(second, 0x2000, 8);
        });
        static (long, long) Of2(Recording trace, Recording replay)
        {
            var report = Check(trace, replay, ReplayOrder.Deps);
            return (report.NeighbourPairs, report.Inversions);
        }
        Assert.Equal((1L, 0L), Of2(Two(80, 160), Two(240, 400)));
        Assert.Equal((1L, 1L), Of2(Two(80, 160), Two(400, 240)));
        Assert.Equal((1L, 1L), Of2(Two(160, 80), Two(240, 400)));
        Assert.Equal((1L, 0L), Of2(Two(80, 80), Two(400, 240)));
        Assert.Equal((1L, 0L), Of2(Two(80, 160), Two(240, 240)));
    }

    [Fact]
    public void Gaps_between_calls_of_a_thread_are_compared_with_the_recorded_at_that_pace()
    {
        // Recorded gaps of 800 and 4000 ns on thread 0, 800 on thread 1; at half the speed they are twice that, here less 160, plus 80, and exact.
        Recording replay = With(("c0", w => w.Thread(0).Event(800 + 1440, CallKind.ThreadCreate, otherThread: 1)),
            ("f0", w => w.Thread(0).Free(800 + 1440 + 8080, 0x2000)),
            ("m1", w => w.Thread(1).Malloc(3200 + 1600, 0x2000, 16)));
        TimingError timing = Check(With(), replay, slowness: 2).Timing!;
        Assert.Equal(new TimingError(3, 80, 160, 160, 160), timing);
        Recording one = Of(w => w.Thread(0).Malloc(80, 0x1000, 8));
        Assert.Equal(new TimingError(0, 0, 0, 0, 0), Check(one, one, slowness: 1).Timing);
    }

    [Fact]
    public void A_recording_without_latency_does_not_tell_when_calls_ended()
    {
        Recording without = new RecordingWriter();
        without.Thread(0).Malloc(80, 0x1000, 8);
        Assert.Contains("without latency", Assert.Throws<TraceFormatException>(() => Check(without, without)).Message, StringComparison.Ordinal);
        Assert.True(Check(without, Of(w => w.Thread(0).Malloc(80, 0x1000, 8))).Holds);
    }

    /// <summary>The program with some of its events replaced; null: left out.</summary>
    private static Recording With(params (string Name, Action<Recording>? Write)[] changes)
    {
        Assert.All(changes, c => Assert.Contains(c.Name, Program.Select(p => p.Name)));
        return Of(w =>
        {
            foreach ((string name, Action<Recording> write) in Program)
            {
                int change = Array.FindIndex(changes, c => c.Name == name);
                (change < 0 ? write : changes[change].Write)?.Invoke(w);
            }
        });
    }

    private static Recording Of(Action<Recording> write)
    {
        var recording = new RecordingWriter { Latency = true };
        write(recording);
        return recording;
    }

    private static ClosureReport Check(Recording trace, Recording replay, ReplayOrder order = ReplayOrder.Exact, double slowness = 0)
    {
        using TraceReader original = PackFrames.Open(trace), recorded = PackFrames.Open(replay);
        var options = new ClosureOptions { Order = order, Slowness = slowness };
        return Closure.Check(original, recorded, options, Path.GetTempPath(), token: TestContext.Current.CancellationToken);
    }

    /// <summary>Against the program itself, in real time.</summary>
    private static void AssertBroken(Recording replay, string broken, string edge, int times, string why)
    {
        var report = Check(With(), replay);
        Assert.Equal(broken, Broken(report));
        Assert.Equal(times, Edge(report, edge).Checked - Edge(report, edge).Held);
        Assert.Contains(why, Edge(report, edge).FirstViolation, StringComparison.Ordinal);
    }

    private static EdgeCheck Edge(ClosureReport report, string name) => report.Edges.Single(e => e.Name == name);

    private static string Broken(ClosureReport report) => string.Join(", ", report.Edges.Where(e => e.IsViolated).Select(e => e.Name));

    private static string Violations(ClosureReport report) => string.Join('\n', report.Edges.Select(e => e.FirstViolation));
}
