using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Verify;
using static AllocReplay.Tests.Support.HandMadeReplay;
using Recording = AllocReplay.Tests.Support.RecordingWriter;

namespace AllocReplay.Tests.Replayer;

/// <summary>What verify finds of recordings made by hand: each edge of calls and blocks that holds, and each that one change breaks.</summary>
public sealed class ReplayEdgeTests
{
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
        objects = Edge(Check(Frees(0, 0x2000, 0x1000), Frees(0, 0x1000, 0x2000)), "O");
        Assert.Contains("its block is that of call 0 of thread 0 (thread-0), malloc(8 B) at 0.000000800 s, and not that of call 1",
            objects.FirstViolation, StringComparison.Ordinal);
        // The call of the same number in another thread.
        Assert.Equal("O", Broken(Check(Frees(1, 0x1000, 0x2000), Frees(1, 0x2000, 0x1000))));
        Assert.True(Check(Frees(1, 0x1000, 0x2000), Frees(1, 0x1000, 0x2000)).Holds);
    }

    [Fact]
    public void Calls_that_the_worker_substitutes_are_compared_as_such_and_counted()
    {
        Recording replay = With(("m1", w => w.Thread(1).Event(4000, CallKind.Memalign, 0x2000, 16, alignment: 4096)));
        Recording trace = With(("m1", w => w.Thread(1).Event(4000, CallKind.Valloc, 0x2000, 16)));
        Assert.Equal("P", Broken(Check(trace, replay)));
        var report = Check(trace, replay, substituted: new() { [(int)CallKind.Valloc] = (int)CallKind.Memalign });
        Assert.Equal(("", 1L), (Broken(report), report.Substituted));
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
        // One that failed, or gave a block of no bytes, is not one that freed.
        trace = Of(w => w.Thread(0).Realloc(160, 240, 0x9100, 0x1000, 0).Realloc(320, 400, 0x9200, 0, 100));
        replay = Of(w => w.Thread(0).Realloc(160, 240, 0, 0x1000, 0).Realloc(320, 400, 0, 0, 100));
        report = Check(trace, replay);
        Assert.True(report.Holds, Violations(report));
        Assert.Equal((0L, 2L, 2L), (report.SkippedReleases, report.UnknownReallocations, report.Calls));
        trace = Of(w => w.Thread(0).Free(80, 0x9000).Malloc(160, 0x1000, 8));
        replay = Of(w => w.Thread(0).Malloc(160, 0x1000, 8));
        // In a replay nothing is left out.
        Assert.Equal("P", Broken(Check(replay, trace)));

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
}
