using AllocReplay.Analyzer.Query;

namespace AllocReplay.Analyzer.Check;

/// <summary>What a dataset has to keep to. What is null is not asked for.</summary>
public sealed record CheckLimits
{
    /// <summary>Bytes live at a time.</summary>
    public long? MaxPeak { get; init; }
    /// <summary>Bytes not freed at the end.</summary>
    public long? MaxOutstanding { get; init; }
    /// <summary>The same, of any site.</summary>
    public long? MaxOutstandingPerSite { get; init; }
    /// <summary>Growth of live bytes over the middle of the trace, in bytes per minute.</summary>
    public double? MaxGrowth { get; init; }
    /// <summary>What it is held against.</summary>
    public DatasetQuery? Baseline { get; init; }
    /// <summary>How much more than in the baseline a figure may be, such as 0.05.</summary>
    public double MaxRegression { get; init; } = 0.05;
    /// <summary>Bytes: a difference to the baseline that is smaller is none, also that of a site which is new.</summary>
    public long MinDifference { get; init; }
    /// <summary>Stacks whose outstanding blocks do not count, nor their growth.</summary>
    public IReadOnlyList<Suppression> Suppressions { get; init; } = [];

    /// <summary>Whether anything is asked for.</summary>
    public bool AreAny => (MaxPeak ?? MaxOutstanding ?? MaxOutstandingPerSite) is not null || MaxGrowth is not null || Baseline is not null;
}
