using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Run;

/// <summary>What a run looks at. One kind of figure each, as taking one disturbs the others.</summary>
public sealed record Pass
{
    /// <summary>How often memory is read: a reading takes about 0.1 ms, and short replays should see a few.</summary>
    private const int MemoryInterval = 1000;

    /// <summary>Speed and what the system does meanwhile: nothing is looked at while it runs.</summary>
    public static Pass Throughput { get; } = new() { Name = "throughput", Order = ReplayOrder.Deps, Repeats = true };

    /// <summary>
    /// Resident memory. Compared in one order: where threads run as they like, one may run ahead of another that releases its blocks, and what is live
    /// is the replay's doing.
    /// </summary>
    public static Pass Memory { get; } = new() { Name = "memory", Order = ReplayOrder.Total, Instrument = Instrument.Memory, MemoryIntervalUs = MemoryInterval, Share = 0.35 };

    public required string Name { get; init; }
    /// <summary>The order that a comparison replays in.</summary>
    public required ReplayOrder Order { get; init; }
    /// <summary>What the worker looks at.</summary>
    public Instrument Instrument { get; init; }
    /// <summary>A comparison goes through a short trace more than once in a run, so that a run lasts a while.</summary>
    public bool Repeats { get; init; }
    /// <summary>What may be used of a comparison's time when this pass ends, from 0 to 1.</summary>
    public double Share { get; init; } = 1;
    /// <summary>Blocks of a comparison at the most.</summary>
    public int BlocksMax { get; init; } = int.MaxValue;
    /// <summary>Microseconds between readings of resident memory; 0 for none.</summary>
    public int MemoryIntervalUs { get; init; }

    /// <summary>The no-op holds no blocks: it has no memory to look at.</summary>
    public bool Includes(Configuration configuration) => MemoryIntervalUs == 0 || !configuration.Allocator.IsNoop;
}
