using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>What a comparison shows, in the shape that <c>compare --json</c> prints.</summary>
public sealed record ComparisonReport
{
    /// <summary>The trace, as it was named.</summary>
    public required string Trace { get; init; }
    /// <summary>Blocks that count.</summary>
    public required int Runs { get; init; }
    /// <summary>Seed of the order within blocks and of the resampling.</summary>
    public required int Seed { get; init; }
    /// <summary>What was written into new blocks.</summary>
    public required TouchPolicy Touch { get; init; }
    /// <summary>The order of the runs that are timed.</summary>
    public required ReplayOrder Order { get; init; }
    /// <summary>Calls of one replay.</summary>
    public required long Calls { get; init; }
    /// <summary>Threads of the trace.</summary>
    public required int Threads { get; init; }
    /// <summary>Bytes requested and live at the peak, as the trace has them.</summary>
    public required ulong PeakLiveBytes { get; init; }
    /// <summary>What became of the calls when the trace was compiled.</summary>
    public required PlanCounts Plan { get; init; }
    /// <summary>What the figures of the rows are.</summary>
    public required IReadOnlyList<Metric> Metrics { get; init; }
    /// <summary>By configuration; ratios are to the first.</summary>
    public required IReadOnlyList<ComparisonRow> Rows { get; init; }
}

/// <summary>One configuration's figures in a comparison.</summary>
public sealed record ComparisonRow
{
    /// <summary>The configuration.</summary>
    public required AllocatorFacts Allocator { get; init; }
    /// <summary>One for each metric; those of passes that leave this configuration out are not there.</summary>
    public required IReadOnlyList<ComparedFigure> Figures { get; init; }
    /// <summary>As in figures.</summary>
    public Spread? CallsPerSecond => this[Metric.Speed];
    /// <inheritdoc cref="CallsPerSecond"/>
    public Spread? CpuNsPerCall => this[Metric.CpuTime];
    /// <inheritdoc cref="CallsPerSecond"/>
    public Spread? MinorFaults => this[Metric.MinorFaults];
    /// <inheritdoc cref="CallsPerSecond"/>
    public Spread? ContextSwitches => this[Metric.ContextSwitches];
    /// <summary>As in figures: peak anonymous resident bytes over the harness's own. Null for the no-op, which holds no blocks.</summary>
    public Spread? PeakBytes => this[Metric.PeakMemory];
    /// <summary>As in figures: what is left of that after the last thread ended.</summary>
    public Spread? EndBytes => this[Metric.EndMemory];
    /// <summary>Peak resident bytes ÷ peak live bytes requested, the median of the runs; null where one of them could not tell.</summary>
    public required double? Overhead { get; init; }
    /// <summary>As in figures: speed relative to the first configuration.</summary>
    public PairedRatio? SpeedRatio => RatioOf(Metric.Speed);
    /// <summary>As in figures: peak memory relative to the first configuration.</summary>
    public PairedRatio? MemoryRatio => RatioOf(Metric.PeakMemory);
    /// <summary>Acquisitions that succeeded when recorded and failed now, in one replay.</summary>
    public required long FailedNow { get; init; }
    /// <summary>Other outcomes that differ from the recorded ones, in one replay.</summary>
    public required long Divergences { get; init; }
    /// <summary>Calls for which the allocator has no function; the nearest it has was called.</summary>
    public required IReadOnlyList<string> Substituted { get; init; }

    /// <summary>A figure over the runs, or null.</summary>
    public Spread? this[Metric metric] => Of(metric)?.Spread;

    /// <summary>A figure relative to the first configuration's, or null.</summary>
    public PairedRatio? RatioOf(Metric metric) => Of(metric)?.Ratio;

    private ComparedFigure? Of(Metric metric) => Figures.FirstOrDefault(f => f.Metric == metric.Name);
}

/// <summary>A figure of a configuration.</summary>
/// <param name="Metric">Name of the metric.</param>
/// <param name="Spread">Over the runs.</param>
/// <param name="Ratio">Relative to the first configuration; null of that itself, where that has no such figure, and for metrics that are not compared.</param>
public sealed record ComparedFigure(string Metric, Spread Spread, PairedRatio? Ratio);

/// <summary>A configuration as JSON tells it.</summary>
/// <param name="Name">As it was named, settings included.</param>
/// <param name="Preload">The library that is preloaded; null for the C library's own and for the no-op.</param>
/// <param name="Library">The file that provides malloc, links resolved; null for the no-op.</param>
/// <param name="Version">Its release, as itself tells; empty where it does not.</param>
/// <param name="Package">Debian's package of the library and its version; empty where dpkg does not know the file.</param>
/// <param name="BuildId">Build id of the library in hexadecimal, or empty.</param>
/// <param name="Environment">Variables set for the worker, as NAME=VALUE.</param>
/// <param name="IsNoop">The harness's own cost: calls go to a function that does nothing.</param>
/// <param name="Hook">What stands before the allocator; null where nothing does.</param>
public sealed record AllocatorFacts(
    string Name, string? Preload, string? Library, string Version, string Package, string BuildId, IReadOnlyList<string> Environment, bool IsNoop, string? Hook)
{
    internal static AllocatorFacts Of(Configuration c) => new(
        c.Label, c.Allocator.Preload, c.Allocator.Library, c.Allocator.Version, c.Allocator.Package, c.Allocator.BuildId, c.Environment, c.Allocator.IsNoop,
        c.Hook?.Label);
}
