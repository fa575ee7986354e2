using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Verify;
using AllocReplay.Tests.Support;
using static AllocReplay.Tests.Support.HandMadeReplay;
using Recording = AllocReplay.Tests.Support.RecordingWriter;

namespace AllocReplay.Tests.Replayer;

/// <summary>When calls begin and end, as far as a recording tells, and what verify makes of that.</summary>
public sealed class ReplayTimeTests
{
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
    public void A_call_begins_when_its_kind_says()
    {
        // A release at its stamp, however long it took; a reallocation when it was entered; an acquisition as long before as it took.
        static Recording Last(long end, Action<Recording> last) => With(("e1", w => w.Thread(1).Event(end, CallKind.ThreadExit)), ("f0", last));
        static void Free(Recording w) => w.Thread(0).Event(5600, CallKind.Free, 0x2000, duration: 10);
        static void Realloc(Recording w) => w.Thread(0).Realloc(5600, 6400, 0x2000, 0x3000, 8);
        static void Malloc(Recording w) => w.Thread(0).Event(6400, CallKind.Malloc, 0x3000, 8, duration: 100);
        foreach (Action<Recording> call in (Action<Recording>[])[Free, Realloc, Malloc])
        {
            Assert.Equal("", Broken(Check(Last(4800, call), Last(5616, call))));
            Assert.Equal("R", Broken(Check(Last(4800, call), Last(5624, call))));
        }
    }

    [Fact]
    public void Without_latency_a_call_began_after_the_one_before_it_in_its_thread()
    {
        static Recording Three(RecordingWriter w, long second)
        {
            w.Thread(0).Malloc(80, 0x1000, 8).Malloc(400, 0x2000, 8).Malloc(560, 0x3000, 8);
            w.Thread(1).Malloc(second, 0x4000, 8);
            return w;
        }
        var report = Check(Three(new RecordingWriter(), 240), Of(w => Three(w, 240)));
        Assert.Equal(("", 1L), (Broken(report), Edge(report, "R").Held)); // thread 1's call, and the last of thread 0, which began after 400
        Assert.Equal("R", Broken(Check(Three(new RecordingWriter(), 240), Of(w => Three(w, 584)))));
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

        // Without latency the end of an acquisition is known, and the beginning of a reallocation.
        static Recording Acquiring(RecordingWriter w, ulong steps, long second)
        {
            w.Thread(0).Free(80, 0).Event(400, CallKind.Malloc, 0x1000, 8, duration: steps);
            w.Thread(1).Malloc(second, 0x2000, 8);
            return w;
        }
        Assert.Equal((2L, 0L), Of2(Acquiring(new RecordingWriter(), 0, 240), Of(w => Acquiring(w, 20, 320))));
        static Recording Reallocating(RecordingWriter w, long begin)
        {
            w.Thread(0).Realloc(begin, 480, 0, 0x1000, 8);
            w.Thread(1).Malloc(320, 0x2000, 8);
            return w;
        }
        Assert.Equal((1L, 0L), Of2(Reallocating(new RecordingWriter(), 160), Of(w => Reallocating(w, 160))));
        Assert.Equal((1L, 1L), Of2(Reallocating(new RecordingWriter(), 160), Of(w => Reallocating(w, 400))));
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
        // From beginning to beginning.
        static Recording Slow(long ns, ulong steps) => Of(w => w.Thread(0).Free(800, 0).Event(ns, CallKind.Malloc, 0x1000, 8, duration: steps));
        Assert.Equal(new TimingError(1, 0, 0, 0, 0), Check(Slow(1600, 50), Slow(1600, 0), slowness: 2).Timing);
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
}
