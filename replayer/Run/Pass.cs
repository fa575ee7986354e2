using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Run;

/// <summary>What a run looks at. One kind of figure each, as taking one disturbs the others.</summary>
public sealed record Pass
{
    /// <summary>Speed and what the system does meanwhile: nothing is looked at while it runs.</summary>
    public static Pass Throughput { get; } = new() { Name = "throughput", Order = ReplayOrder.Deps, WarmUps = 1 };

    /// <summary>
    /// Resident memory. Compared in one order: where threads run as they like, one may run ahead of another that releases its blocks, and what is live
    /// is the replay's doing.
    /// </summary>
    public static Pass Memory { get; } = new() { Name = "memory", Order = ReplayOrder.Total, Instrument = Instrument.Memory };

    public required string Name { get; init; }
    /// <summary>The order that a comparison replays in.</summary>
    public required ReplayOrder Order { get; init; }
    /// <summary>Blocks of a comparison that are run first and do not count.</summary>
    public int WarmUps { get; init; }
    /// <summary>What the worker looks at.</summary>
    public Instrument Instrument { get; init; }

    /// <summary>The no-op holds no blocks: it has no memory to look at.</summary>
    public bool Includes(Configuration configuration) => Instrument != Instrument.Memory || !configuration.Allocator.IsNoop;
}
