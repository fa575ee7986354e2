using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>How a comparison is run.</summary>
public sealed record ComparisonOptions
{
    /// <summary>How often one of all claims of a comparison may be wrong, where nothing differs.</summary>
    public const double Alpha = 0.05;

    /// <summary>It ends when the half width of every interval of a primary figure is at most this: 0.01 is one percent.</summary>
    public double Precision { get; init; } = 0.01;
    /// <summary>Or when so much time is spent.</summary>
    public TimeSpan Budget { get; init; } = TimeSpan.FromMinutes(3);
    /// <summary>The time of all traces, where this is one of several and the budget its part of it; null: it is the only one.</summary>
    public TimeSpan? WholeBudget { get; init; }
    /// <summary>Exactly so many blocks in each pass, whatever the precision and the time; null: as many as these say.</summary>
    public int? Blocks { get; init; }
    /// <summary>Seed of the order within blocks.</summary>
    public required int Seed { get; init; }
    /// <summary>What is written into new blocks.</summary>
    public TouchPolicy Touch { get; init; } = TouchPolicy.Page;
    /// <summary>Blocks of calloc are touched as well.</summary>
    public bool TouchCalloc { get; init; }
    /// <summary>The figures that verdicts are given of.</summary>
    public IReadOnlyList<Metric> Primary { get; init; } = Metric.Primary;
    /// <summary>Figures that are looked at besides, as a gate is about them: their passes have their part of the time.</summary>
    public IReadOnlyList<Metric> Watched { get; init; } = [];
    /// <summary>Processors that runs are kept on; empty: any.</summary>
    public IReadOnlyList<int> Processors { get; init; } = [];
    /// <summary>Bytes that there are for configurations that are in memory at once; null: what the machine has left.</summary>
    public long? AvailableBytes { get; init; }
    /// <summary>A run of another configuration takes so long at the most; null: ten times as long as the others' runs of the pass.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>How far a comparison is.</summary>
/// <param name="Pass">What is run now.</param>
/// <param name="Blocks">Blocks of it that are done.</param>
/// <param name="HalfWidth">Half width of the widest interval of its primary figures; null where there is none yet.</param>
/// <param name="Share">Of the whole, from 0 to 1.</param>
public readonly record struct ComparisonProgress(string Pass, int Blocks, double? HalfWidth, double Share);

/// <summary>Why a comparison took no more runs.</summary>
public enum Stop
{
    /// <summary>Every interval is as narrow as was asked for.</summary>
    Precision,
    /// <summary>The time was spent.</summary>
    Budget,
    /// <summary>There were as many blocks as was asked for.</summary>
    Blocks,
    /// <summary>It was interrupted; what was finished is told.</summary>
    Interrupted,
}
