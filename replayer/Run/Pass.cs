using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Run;

/// <summary>What a run looks at. One kind of figure each, as taking one disturbs the others.</summary>
public sealed record Pass
{
    /// <summary>Speed and what the system does meanwhile: nothing is looked at while it runs.</summary>
    public static Pass Throughput { get; } = new() { Name = "throughput", Order = ReplayOrder.Deps, TakesTurns = true };

    /// <summary>
    /// Resident memory. Compared in one order: where threads run as they like, one may run ahead of another that releases its blocks, and what is live
    /// is the replay's doing.
    /// </summary>
    public static Pass Memory { get; } = new() { Name = "memory", Order = ReplayOrder.Total, Instrument = Instrument.Memory };

    /// <summary>Whether blocks are what was asked for. An allocator whose blocks are not is not to be compared.</summary>
    public static Pass Blocks { get; } = new() { Name = "blocks", Order = ReplayOrder.Deps, Instrument = Instrument.Blocks, BlocksMax = 1 };

    /// <summary>How long each call takes.</summary>
    public static Pass Latency { get; } = new() { Name = "latency", Order = ReplayOrder.Deps, Instrument = Instrument.Latency };

    /// <summary>What is left after the last call, and some time later: allocators that give back do so late.</summary>
    public static Pass Residue { get; } = new()
    {
        Name = "residue",
        Order = ReplayOrder.Total,
        Instrument = Instrument.Memory,
        ResidueMs = [100, 1000, 5000],
        BlocksMax = 1,
        BudgetMin = TimeSpan.FromMinutes(2),
    };

    public required string Name { get; init; }
    /// <summary>The order that a comparison replays in.</summary>
    public required ReplayOrder Order { get; init; }
    /// <summary>What the worker looks at.</summary>
    public Instrument Instrument { get; init; }
    /// <summary>Milliseconds after the last call at which memory is read once more.</summary>
    public IReadOnlyList<int> ResidueMs { get; init; } = [];
    /// <summary>In a comparison runs take turns, and go through a short trace more than once in each, so that it lasts a while.</summary>
    public bool TakesTurns { get; init; }
    /// <summary>Blocks of a comparison at the most.</summary>
    public int BlocksMax { get; init; } = int.MaxValue;
    /// <summary>A comparison that has less time goes without it.</summary>
    public TimeSpan BudgetMin { get; init; }

    /// <summary>The no-op holds no blocks: it has no memory to look at. Nor are those of a bump pointer, which go over one another, to be checked.</summary>
    public bool Includes(Configuration configuration) => Instrument switch
    {
        Instrument.Memory => !configuration.Allocator.IsNoop,
        Instrument.Blocks => !configuration.Allocator.IsReference,
        _ => true,
    };
}
