using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Verify;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>What verify finds of replays of a window that acquired something else before it, or not in time.</summary>
public sealed class PrologueProofTests : IDisposable
{
    private const int Before = 10; // events that the trace has let go of, or carries

    /// <summary>
    /// Thread 0 creates thread 1 and thread 2, which ends; each acquires a block that is live when the window begins, where thread 0 and 1 give back each
    /// other's. Times are multiples of the clock's 8 ns.
    /// </summary>
    private static readonly (string Name, Action<RecordingWriter> Write)[] Program =
    [
        ("m0", w => w.Thread(0).Malloc(800, 0x1000, 8)),
        ("c1", w => w.Thread(0).Event(1600, CallKind.ThreadCreate, otherThread: 1)),
        ("s1", w => w.Thread(1).Event(2400, CallKind.ThreadStart, otherThread: 0)),
        ("k1", w => w.Thread(1).Malloc(3200, 0x3000, 32)),
        ("c2", w => w.Thread(0).Event(4000, CallKind.ThreadCreate, otherThread: 2)),
        ("s2", w => w.Thread(2).Event(4800, CallKind.ThreadStart, otherThread: 0)),
        ("k2", w => w.Thread(2).Malloc(5600, 0x4000, 64)),
        ("e2", w => w.Thread(2).Event(6400, CallKind.ThreadExit)),
        ("gone", w => w.Thread(0).Malloc(7200, 0x9000, 16).Free(8000, 0x9000)),
        ("g0", w => w.Thread(0).Malloc(8800, 0x5000, 24)),
        ("f1", w => w.Thread(1).Free(9600, 0x1000)),
        ("m1", w => w.Thread(1).Malloc(10400, 0x2000, 40)),
        ("f0", w => w.Thread(0).Free(11200, 0x3000)),
        ("e1", w => w.Thread(1).Event(12000, CallKind.ThreadExit)),
    ];

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(ReplayOrder.Deps)]
    [InlineData(ReplayOrder.Exact)]
    [InlineData(ReplayOrder.Total)]
    public void A_replay_that_acquires_what_is_carried_holds(ReplayOrder order)
    {
        ProofReport report = Check(order);
        Assert.True(report.Holds);
        Assert.Equal((4, 0), (report.Calls, report.Creations));
        PrologueProof prologue = report.Prologue!;
        Assert.Equal((3, 2, 3, 104UL), (prologue.Calls, prologue.Creations, prologue.Carried.Blocks, prologue.Carried.Bytes));
        Assert.Equal(["A: 5 of 5", "W: 2 of 2"], prologue.Edges.Select(e => $"{e.Name}: {e.Held} of {e.Checked}"));
    }

    [Fact]
    public void In_whatever_order_threads_acquired_what_is_carried() =>
        Assert.True(Check(ReplayOrder.Total, ("k1", w => w.Thread(1).Malloc(6000, 0x3000, 32)), ("m0", w => w.Thread(0).Malloc(808, 0x1000, 8))).Holds);

    [Fact]
    public void A_carried_block_that_is_not_acquired()
    {
        AssertBroken(Check(ReplayOrder.Deps, ("k2", null)), "A", "the replay's thread has ended its calls before");
        Assert.Contains("A", Broken(Check(ReplayOrder.Deps, ("k1", null))));
    }

    [Fact]
    public void A_carried_block_that_is_refused()
    {
        ProofReport report = Check(ReplayOrder.Deps, ("k2", w => w.Thread(2).Malloc(5600, 0, 64)));
        AssertBroken(report, "A", "in the replay it failed");
    }

    [Fact]
    public void A_carried_block_of_another_size() => AssertBroken(
        Check(ReplayOrder.Deps, ("k1", w => w.Thread(1).Malloc(3200, 0x3000, 33))), "A", "in the replay it is call 0 .*, malloc\\(33 B\\)");

    [Fact]
    public void A_carried_block_of_another_kind() => AssertBroken(
        Check(ReplayOrder.Deps, ("k1", w => w.Thread(1).Event(3200, CallKind.New, 0x3000, 32))), "A", "in the replay it is call 0 .*, new\\(32 B\\)");

    [Fact]
    public void A_carried_block_that_another_thread_acquires() =>
        Assert.Contains("A", Broken(Check(ReplayOrder.Deps, ("k1", w => w.Thread(0).Malloc(3200, 0x3000, 32)))));

    [Fact]
    public void A_call_of_the_window_before_the_prologue_s_end()
    {
        AssertBroken(
            Check(ReplayOrder.Deps, ("g0", w => w.Thread(0).Malloc(5000, 0x5000, 24))), "W", "begins before the prologue is over, with the end of thread 2");
        AssertBroken(
            Check(ReplayOrder.Deps, ("k1", w => w.Thread(1).Malloc(9000, 0x3000, 32))), "W", "begins before the prologue is over, with call 0 of thread 1");
    }

    [Fact]
    public void A_thread_of_the_prologue_that_ends_in_the_window() =>
        AssertBroken(Check(ReplayOrder.Deps, ("e2", w => w.Thread(2).Event(9000, CallKind.ThreadExit))), "W", "with the end of thread 2");

    [Fact]
    public void A_call_of_the_window_is_held_to_the_window_s_edges() =>
        AssertBroken(Check(ReplayOrder.Deps, ("m1", w => w.Thread(1).Malloc(10400, 0x2000, 41))), "P", "in the replay it is call 2 of thread 1");

    private static void AssertBroken(ProofReport report, string edge, string why)
    {
        Assert.Equal(edge, Broken(report));
        Assert.Matches(why, report.AllEdges.Single(e => e.Name == edge).FirstViolation!);
        Assert.False(report.Holds);
    }

    private static string Broken(ProofReport report) => string.Join(", ", report.AllEdges.Where(e => e.IsViolated).Select(e => e.Name));

    /// <summary>The window against a replay with some of its events replaced; null: left out.</summary>
    private ProofReport Check(ReplayOrder order, params (string Name, Action<RecordingWriter>? Write)[] changes)
    {
        Assert.All(changes, c => Assert.Contains(c.Name, Program.Select(p => p.Name)));
        string trace = _directory[$"t{Guid.NewGuid():N}"];
        var whole = new RecordingWriter(trace) { Latency = true };
        var replay = new RecordingWriter { Latency = true };
        foreach ((string name, Action<RecordingWriter> write) in Program)
        {
            write(whole);
            int change = Array.FindIndex(changes, c => c.Name == name);
            if (name != "gone")
                (change < 0 ? write : changes[change].Write)?.Invoke(replay);
        }
        whole.Save();
        CutTrace.After(trace, Before);
        using TraceReader original = TraceReader.Open(trace), recorded = PackFrames.Open(replay);
        return ReplayProof.Check(original, recorded, new ProofOptions { Order = order }, Path.GetTempPath(), token: TestContext.Current.CancellationToken);
    }
}
