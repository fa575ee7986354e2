using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Plan;

/// <summary>What a plan keeps of the recorded execution.</summary>
public sealed record PlanOptions
{
    /// <summary>The edges that the replay enforces.</summary>
    public ReplayOrder Order { get; init; } = ReplayOrder.Deps;
    /// <summary>Whether it has the calls' times, for a replay at the recorded pace.</summary>
    public bool IsTimed { get; init; }
}
