using AllocReplay.Replayer.Plan;

namespace AllocReplay.Replayer.Run;

/// <summary>How a plan is run.</summary>
public sealed record ReplayOptions
{
    public TouchPolicy Touch { get; init; } = TouchPolicy.Page;
    /// <summary>What is looked at meanwhile.</summary>
    public Instrument Instrument { get; init; }
    /// <summary>Microseconds between readings of resident memory; 0 for none, so that nothing disturbs the figures for speed.</summary>
    public int MemoryIntervalUs { get; init; }
    /// <summary>Times that the plan is replayed in one process; after each but the last, what the trace leaves is released.</summary>
    public int Loops { get; init; } = 1;
    /// <summary>Time that a run may take, from the start of its process; then it is ended, as hung. Null: any.</summary>
    public TimeSpan? Timeout { get; init; }
    /// <summary>Time that it may take to begin: to load what is preloaded, and the plan.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromMinutes(2);
    /// <summary>When calls are made. Unless as soon as can be, the plan needs times (<see cref="PlanOptions.IsTimed"/>).</summary>
    public Pace Pace { get; init; }
}
