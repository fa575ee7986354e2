using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using static AllocReplay.Tests.Support.HandMadeReplay;
using Recording = AllocReplay.Tests.Support.RecordingWriter;

namespace AllocReplay.Tests.Replayer;

/// <summary>Threads that begin and end in a replay as they were recorded, and those that do not.</summary>
public sealed class ReplayLifeTests
{
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

    /// <summary>Without the first thread, as after an import: thread 2 creates thread 1, which has the first place.</summary>
    [Fact]
    public void Where_the_first_thread_is_not_known_each_end_is_looked_for()
    {
        static Recording Unnamed(long end, bool creates = true) => Of(w =>
        {
            w.Thread(2).Malloc(80, 0x1000, 8);
            if (creates)
                w.Thread(2).Event(160, CallKind.ThreadCreate, otherThread: 1);
            w.Thread(1).Event(240, CallKind.ThreadStart, otherThread: 2).Malloc(320, 0x2000, 8).Event(end, CallKind.ThreadExit);
            w.Thread(2).Malloc(480, 0x3000, 8);
        });
        var report = Check(Unnamed(400), Unnamed(400), ReplayOrder.Total);
        Assert.Equal(("", 1L), (Broken(report), report.Creations));
        Assert.Equal("T", Broken(Check(Unnamed(400), Unnamed(560), ReplayOrder.Total)));
        Assert.Equal("P, L", Broken(Check(Unnamed(400, creates: false), Unnamed(400), ReplayOrder.Deps)));
    }

    [Fact]
    public void An_edge_of_what_is_missing_is_broken_and_one_that_no_replay_shows_is_not_checked()
    {
        static Recording Two(bool first) => Of(w =>
        {
            w.Thread(0).Event(8, CallKind.ThreadStart);
            if (first)
                w.Thread(0).Malloc(80, 0x1000, 8);
            w.Thread(1).Malloc(160, 0x2000, 8);
        });
        Assert.Equal("P, T", Broken(Check(Two(true), Two(false), ReplayOrder.Total)));

        // The first thread's end, which is not looked for, with no call before it.
        Recording idle = Of(w =>
        {
            w.Thread(0).Event(80, CallKind.ThreadExit);
            w.Thread(1).Malloc(160, 0x2000, 8);
        });
        var report = Check(idle, Two(false), ReplayOrder.Total);
        Assert.Equal(("", 1L), (Broken(report), Edge(report, "T").NotChecked));

        // A thread that says twice that it ends has ended the first time.
        report = Check(Of(w =>
        {
            w.Thread(1).Malloc(320, 0x1000, 8).Event(400, CallKind.ThreadExit).Malloc(440, 0x2000, 8).Event(480, CallKind.ThreadExit);
            w.Thread(0).Malloc(424, 0x3000, 8).Malloc(464, 0x4000, 8);
        }), Of(w =>
        {
            w.Thread(1).Malloc(320, 0x1000, 8).Malloc(440, 0x2000, 8).Event(480, CallKind.ThreadExit);
            w.Thread(0).Malloc(424, 0x3000, 8).Malloc(464, 0x4000, 8);
        }), ReplayOrder.Total);
        Assert.Equal(("", 3L), (Broken(report), Edge(report, "T").Checked + Edge(report, "T").NotChecked));
    }

    [Fact]
    public void What_a_parent_did_after_it_created_a_thread_is_before_the_first_call_of_that()
    {
        static Recording Family(long second) => Of(w =>
        {
            w.Thread(0).Event(80, CallKind.ThreadCreate, otherThread: 1).Malloc(second, 0x1000, 8);
            w.Thread(1).Event(160, CallKind.ThreadStart, otherThread: 0).Malloc(400, 0x2000, 8);
        });
        var report = Check(Family(240), Family(240));
        Assert.Equal(("", 1L), (Broken(report), Edge(report, "R").Held));
        Assert.Equal("R", Broken(Check(Family(240), Family(480))));
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
        Assert.StartsWith("call 1 of thread 0 (thread-0), thread_create(thread 1) at 0.000001600 s: ",
            Edge(report, "P").FirstViolation, StringComparison.Ordinal);
        Assert.Equal("P, L", Broken(Check(alone, With())));
        // The first thread stands for the first thread and for no other.
        Recording first = Of(w => w.Thread(0).Malloc(80, 0x1000, 8)), second = Of(w => w.Thread(1).Malloc(80, 0x1000, 8));
        Assert.Equal("L", Broken(Check(first, second)));
        Assert.Equal("L", Broken(Check(second, first)));
        Assert.True(Check(second, second).Holds);
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
}
