using AllocReplay.Cli.Options;
using AllocReplay.Formats;
using AllocReplay.Recorder;
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
    public static ReplayInfo Run(string trace, string recording, ReplayOrder order, Configuration configuration, Pace pace = default)
    {
        using TraceReader reader = TraceReader.Open(trace);
        using ReplayPlan plan = ReplayPlan.Compile(reader, new PlanOptions { Order = order, IsTimed = !pace.IsAsap });
        var hook = new RecordingHook("record", new RecordOptions { Command = ["replay"], Output = recording, Force = true, Latency = true, OptIn = true })
        {
            Trace = trace,
        };
        WorkerRunner.Instance.Run(plan, configuration with { Hook = hook }, new ReplayOptions { Pace = pace });
        using TraceReader replay = TraceReader.Open(recording);
        return replay.Session!.Replay!;
    }

    public static ProofReport Verify(string trace, string recording, ReplayOrder order, ReplayInfo info)
    {
        using TraceReader original = TraceReader.Open(trace), replay = TraceReader.Open(recording);
        var options = new ProofOptions { Order = order, Pace = Pace.OfTimeScale(info.Slowness), Substituted = info.Substituted };
        return ReplayProof.Check(original, replay, options, Path.GetTempPath());
    }

    public static void AssertHolds(ProofReport report) =>
        Assert.True(report.Holds, string.Join(
            '\n', report.Edges.Where(e => e.IsViolated).Select(e => $"{e.Name}: {e.Held} of {e.Checked} held; {e.FirstViolation}")));
}
