using System.Text.Json.Serialization;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Verify;

/// <summary>One kind of edge of the recorded execution, and what became of it in the replay.</summary>
public sealed record EdgeCheck
{
    /// <summary>Short name: P, S for success, O, L, R, or T for the one linear order; of a prologue A or W.</summary>
    public required string Name { get; init; }
    /// <summary>What an edge of this kind says.</summary>
    public required string Meaning { get; init; }
    /// <summary>Edges that were compared.</summary>
    public required long Checked { get; init; }
    /// <summary>Those that held.</summary>
    public required long Held { get; init; }
    /// <summary>Edges that the recordings cannot tell of: ends of threads that are followed by calls.</summary>
    public required long NotChecked { get; init; }
    /// <summary>The first that did not hold, with both events, as one line; null when all did.</summary>
    public required string? FirstViolation { get; init; }

    /// <summary>Whether one did not.</summary>
    public bool IsViolated => Held != Checked;
}

/// <summary>How well a replay kept the recorded gaps between the calls of a thread. Nanoseconds.</summary>
/// <param name="Gaps">Gaps compared.</param>
/// <param name="Median">Half of the gaps are off by no more.</param>
/// <param name="P90">9 of 10 gaps are off by no more.</param>
/// <param name="P99">99 of 100 gaps are off by no more.</param>
/// <param name="Max">None is off by more.</param>
public sealed record TimingError(long Gaps, long Median, long P90, long P99, long Max);

/// <summary>What a replay did before the window of a trace that carries blocks.</summary>
/// <param name="Carried">What the trace carries.</param>
/// <param name="Calls">Calls that acquire it.</param>
/// <param name="Creations">Threads created for that; each is checked like a call.</param>
/// <param name="Edges">A: each thread acquires what is carried, in its order; W: the window begins when all of that is over.</param>
public sealed record PrologueProof(CarriedBlocks Carried, long Calls, long Creations, IReadOnlyList<EdgeCheck> Edges);

/// <summary>Whether a replay was the recorded execution, edge by edge.</summary>
public sealed record ProofReport
{
    /// <summary>The order that the replay was to keep.</summary>
    public required ReplayOrder Order { get; init; }
    public required int Threads { get; init; }
    /// <summary>Calls of the trace that a replay makes, those of the prologue not counted.</summary>
    public required long Calls { get; init; }
    /// <summary>Threads that it creates; each is checked like a call.</summary>
    public required long Creations { get; init; }
    /// <summary>What came before the window; null where the trace is there from its beginning.</summary>
    public required PrologueProof? Prologue { get; init; }
    /// <summary>Edges of the window.</summary>
    public required IReadOnlyList<EdgeCheck> Edges { get; init; }
    /// <summary>Neighbours in the recorded order, of two threads, and how many of them came the other way round in the replay.</summary>
    public required long NeighbourPairs { get; init; }
    /// <inheritdoc cref="NeighbourPairs"/>
    public required long Inversions { get; init; }
    /// <summary>Null where the replay was not to keep times.</summary>
    public required TimingError? Timing { get; init; }
    /// <summary>Calls that failed, or freed, when recorded and gave a block in the replay, which was released at once: allocators may differ there.</summary>
    public required long SucceededNow { get; init; }
    /// <summary>Calls for which the allocator has no function, or that it cannot be given: made by the nearest that it has.</summary>
    public required long Substituted { get; init; }
    /// <summary>Releases of blocks never seen acquired: no replay can make them.</summary>
    public required long SkippedReleases { get; init; }
    /// <summary>Reallocations of such blocks: compared as reallocations of a null pointer.</summary>
    public required long UnknownReallocations { get; init; }

    /// <summary>Every edge that the order keeps held, and so did the prologue's.</summary>
    public bool Holds => !AllEdges.Any(e => e.IsViolated);

    /// <summary>Those of the prologue, where there is one, then those of the window.</summary>
    [JsonIgnore] public IEnumerable<EdgeCheck> AllEdges => [.. Prologue?.Edges ?? [], .. Edges];
}

/// <summary>What a replay was to do, beyond the trace.</summary>
public sealed record ProofOptions
{
    public required ReplayOrder Order { get; init; }
    /// <summary>As <see cref="ReplayOptions.Pace"/>.</summary>
    public Pace Pace { get; init; }
    /// <summary>As <see cref="WorkerResult.Substituted"/>.</summary>
    public IReadOnlyDictionary<int, int> Substituted { get; init; } = new Dictionary<int, int>();
}
