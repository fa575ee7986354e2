using AllocReplay.Replayer.Plan;

namespace AllocReplay.Replayer.Run;

/// <summary>How a plan is run.</summary>
public sealed record ReplayOptions
{
    public TouchPolicy Touch { get; init; } = TouchPolicy.Page;
    /// <summary>Blocks of calloc are touched as well; else they are left to the allocator, as a program may never write into them.</summary>
    public bool TouchCalloc { get; init; }
    /// <summary>What is looked at meanwhile.</summary>
    public Instrument Instrument { get; init; }
    /// <summary>
    /// Milliseconds after the last call at which resident memory is read once more, rising; with <see cref="Instrument.Memory"/>. Allocators that give
    /// back late do so after up to some seconds: the run lasts so much longer.
    /// </summary>
    public IReadOnlyList<int> ResidueMs { get; init; } = [];
    /// <summary>Times that the plan is replayed in one process; after each but the last, what the trace leaves is released.</summary>
    public int Loops { get; init; } = 1;
    /// <summary>Processors that the run is kept on; empty: any.</summary>
    public IReadOnlyList<int> Processors { get; init; } = [];
    /// <summary>Loops after which the process stands still until it is told to go on, as it does before the first; 0: it runs through.</summary>
    public int TurnLoops { get; init; }
    /// <summary>Time that a run may take from the start of its process, or each of its turns; then it is ended, as hung. Null: any.</summary>
    public TimeSpan? Timeout { get; init; }
    /// <summary>Time that it may take to begin: to load what is preloaded, and the plan.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromMinutes(2);
    /// <summary>When calls are made. Unless as soon as can be, the plan needs times (<see cref="PlanOptions.IsTimed"/>).</summary>
    public Pace Pace { get; init; }
}
