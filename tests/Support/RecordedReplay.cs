using AllocReplay.Formats;
using AllocReplay.Recorder;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Replayer.Verify;

namespace AllocReplay.Tests.Support;

/// <summary>Replays that are recorded, and their comparison with the trace: what <c>replay --record</c> and <c>verify</c> do.</summary>
internal static class RecordedReplay
{
    /// <summary>Replays a trace under the hook.</summary>
    /// <returns>What was replayed, as the recording has it.</returns>
    public static ReplayInfo Run(string trace, string recording, ReplayOrder order, Allocator allocator, double slowness = 0)
    {
        using TraceReader reader = TraceReader.Open(trace);
        using ReplayPlan plan = ReplayPlan.Compile(reader, new PlanOptions { Order = order, IsTimed = slowness > 0 });
        RecordSession session = RecordSession.Begin(new RecordOptions { Command = ["replay"], Output = recording, Force = true, Latency = true, OptIn = true });
        var options = new ReplayOptions { Slowness = slowness, Hook = new PreloadedHook(session.HookPath, session.Environment) };
        WorkerResult result = WorkerProcess.Run(plan, allocator, options);
        var info = new ReplayInfo { Trace = trace, Image = plan.Image, Order = order.ToString(), Slowness = slowness, Substituted = result.Substituted };
        session.Close(result.ProcessId, 0, info);
        return info;
    }

    public static ClosureReport Verify(string trace, string recording, ReplayOrder order, ReplayInfo info)
    {
        using TraceReader original = TraceReader.Open(trace), replay = TraceReader.Open(recording);
        var options = new ClosureOptions { Order = order, Slowness = info.Slowness, Substituted = info.Substituted };
        return Closure.Check(original, replay, options, Path.GetTempPath());
    }

    public static void AssertHolds(ClosureReport report) =>
        Assert.True(report.Holds, string.Join('\n', report.Edges.Where(e => e.IsViolated).Select(e => $"{e.Name}: {e.Held} of {e.Checked} held; {e.FirstViolation}")));
}
