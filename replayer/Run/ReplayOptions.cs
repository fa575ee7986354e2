using AllocReplay.Replayer.Plan;

namespace AllocReplay.Replayer.Run;

/// <summary>How a plan is run.</summary>
public sealed record ReplayOptions
{
    /// <summary>How often a memory pass reads: a reading takes about 0.1 ms, and short replays should see a few.</summary>
    public const int MemoryPassIntervalUs = 1000;

    public TouchPolicy Touch { get; init; } = TouchPolicy.Page;
    /// <summary>Microseconds between readings of resident memory; 0 for none, so that nothing disturbs the figures for speed.</summary>
    public int MemoryIntervalUs { get; init; }
    /// <summary>Times that the plan is replayed in one process; after each but the last, what the trace leaves is released.</summary>
    public int Loops { get; init; } = 1;
    /// <summary>
    /// Time that a second of the recording takes: 1 replays at the recorded pace, 0.5 twice as fast; 0 as fast as it goes. Else the plan needs times
    /// (<see cref="PlanOptions.IsTimed"/>).
    /// </summary>
    public double Slowness { get; init; }
    /// <summary>A hook to stand before the allocator, or null.</summary>
    public PreloadedHook? Hook { get; init; }
}

/// <summary>A library that stands before the allocator in a replay.</summary>
/// <param name="Library">Its file.</param>
/// <param name="Environment">Its settings, as NAME=VALUE.</param>
public sealed record PreloadedHook(string Library, IReadOnlyList<string> Environment);
