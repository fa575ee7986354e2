namespace AllocReplay.Replayer;

/// <summary>What a plan keeps of the recorded execution.</summary>
public sealed record PlanOptions
{
    /// <summary>The edges that the replay enforces.</summary>
    public PlanOrder Order { get; init; } = PlanOrder.Deps;
    /// <summary>Whether it has the calls' times, for a replay at the recorded pace.</summary>
    public bool IsTimed { get; init; }
}
