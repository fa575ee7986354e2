using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Run;
using AllocReplay.Replayer.Verify;
using Recording = AllocReplay.Tests.Support.RecordingWriter;

namespace AllocReplay.Tests.Support;

/// <summary>A small program as a trace and, with some of its events changed, as the recording of a replay; and what verify finds of the two.</summary>
internal static class HandMadeReplay
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

    /// <summary>The program with some of its events replaced; null: left out.</summary>
    public static Recording With(params (string Name, Action<Recording>? Write)[] changes)
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

    public static Recording Of(Action<Recording> write)
    {
        var recording = new RecordingWriter { Latency = true };
        write(recording);
        return recording;
    }

    public static ProofReport Check(
        Recording trace, Recording replay, ReplayOrder order = ReplayOrder.Exact, double slowness = 0, Dictionary<int, int>? substituted = null)
    {
        using TraceReader original = PackFrames.Open(trace), recorded = PackFrames.Open(replay);
        var options = new ProofOptions { Order = order, Pace = Pace.OfTimeScale(slowness), Substituted = substituted ?? [] };
        return ReplayProof.Check(original, recorded, options, Path.GetTempPath(), token: TestContext.Current.CancellationToken);
    }

    /// <summary>Against the program itself, in real time.</summary>
    public static void AssertBroken(Recording replay, string broken, string edge, int times, string why)
    {
        var report = Check(With(), replay);
        Assert.Equal(broken, Broken(report));
        Assert.Equal(times, Edge(report, edge).Checked - Edge(report, edge).Held);
        Assert.Contains(why, Edge(report, edge).FirstViolation, StringComparison.Ordinal);
    }

    public static EdgeCheck Edge(ProofReport report, string name) => report.Edges.Single(e => e.Name == name);

    public static string Broken(ProofReport report) => string.Join(", ", report.Edges.Where(e => e.IsViolated).Select(e => e.Name));

    public static string Violations(ProofReport report) => string.Join('\n', report.Edges.Select(e => e.FirstViolation));
}
