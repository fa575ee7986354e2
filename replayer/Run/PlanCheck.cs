using AllocReplay.Formats;
using AllocReplay.Replayer.Plan;

namespace AllocReplay.Replayer.Run;

/// <summary>Whether a compiled trace may be replayed.</summary>
/// <param name="Partial">What is readable of a damaged trace will do.</param>
/// <param name="MaxLiveBytes">What it may have live at its peak, whatever memory the machine has; null: what is available.</param>
public sealed record PlanCheck(bool Partial, long? MaxLiveBytes)
{
    /// <param name="plan">The plan.</param>
    /// <param name="trace">The trace, as it was named.</param>
    /// <exception cref="TraceDamagedException">It is damaged.</exception>
    /// <exception cref="TraceFormatException">It has nothing to replay.</exception>
    /// <exception cref="ReplayException">It needs more memory than there is.</exception>
    public void Require(ReplayPlan plan, string trace)
    {
        if (plan.Damage is { } damage && !Partial)
            throw new TraceDamagedException(damage);
        if (plan.Counts.Calls == 0)
            throw new TraceFormatException(trace, null, "the trace has no calls to replay");
        MemoryGuard.Require(plan, MemoryGuard.Available(), MaxLiveBytes);
    }
}
