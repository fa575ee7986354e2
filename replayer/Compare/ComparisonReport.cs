using System.Text.Json.Serialization;
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
    public required int Seed { get; init; }
    public required TouchPolicy Touch { get; init; }
    /// <summary>The order of the runs that are timed.</summary>
    public required ReplayOrder Order { get; init; }
    /// <summary>Calls of one replay.</summary>
    public required long Calls { get; init; }
    public required int Threads { get; init; }
    /// <summary>Bytes requested and live at the peak, as the trace has them.</summary>
    public required ulong PeakLiveBytes { get; init; }
    public required PlanCounts Plan { get; init; }
    /// <summary>What the figures of the rows are.</summary>
    public required IReadOnlyList<Metric> Metrics { get; init; }
    /// <summary>By configuration; ratios are to the first.</summary>
    public required IReadOnlyList<ComparisonRow> Rows { get; init; }
}

/// <summary>One configuration's figures in a comparison.</summary>
public sealed record ComparisonRow
{
    internal ComparisonRow(Configuration configuration, IReadOnlyDictionary<Metric, Spread> figures, IReadOnlyDictionary<Metric, PairedRatio> ratios) =>
        (Configuration, Figures, Ratios) = (configuration, figures, ratios);

    [JsonIgnore]
    public Configuration Configuration { get; }
    /// <summary>The configuration as JSON has it.</summary>
    public AllocatorFacts Allocator => AllocatorFacts.Of(Configuration);
    /// <summary>As <see cref="MemoryOverhead"/> has it, the median of the runs; null where one of them could not tell.</summary>
    public required double? Overhead { get; init; }
    /// <summary>Acquisitions that failed, and other outcomes that differ from the recorded ones, in one replay.</summary>
    public required long FailedNow { get; init; }
    /// <inheritdoc cref="FailedNow"/>
    public required long Divergences { get; init; }
    /// <summary>Kinds of call for which the allocator has no function; the nearest it has was called.</summary>
    public required IReadOnlyList<int> Substituted { get; init; }
    /// <summary>By metric; those of passes that leave this configuration out are not there.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<Metric, Spread> Figures { get; }
    /// <summary>By metric, relative to the first configuration; the first itself has none.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<Metric, PairedRatio> Ratios { get; }

    /// <summary>Figures and ratios as JSON has them: a property for each metric, and one for its ratio.</summary>
    [JsonExtensionData]
    public Dictionary<string, object?> Properties
    {
        get
        {
            var properties = new Dictionary<string, object?>();
            foreach (Metric metric in Metric.All)
            {
                properties[metric.Name] = this[metric];
                if (metric.RatioName is { } ratio)
                    properties[ratio] = RatioOf(metric);
            }
            return properties;
        }
    }

    /// <summary>A figure over the runs, or null.</summary>
    public Spread? this[Metric metric] => Figures.TryGetValue(metric, out Spread spread) ? spread : null;

    /// <summary>A figure relative to the first configuration's, or null.</summary>
    public PairedRatio? RatioOf(Metric metric) => Ratios.TryGetValue(metric, out PairedRatio ratio) ? ratio : null;
}

/// <summary>A configuration as JSON tells it.</summary>
public sealed record AllocatorFacts(
    string Name, string? Preload, string? Library, string Version, string Package, string BuildId, IReadOnlyList<string> Environment, bool IsNoop, string? Hook)
{
    public static AllocatorFacts Of(Configuration c) => new(
        c.Name, c.Allocator.Preload, c.Allocator.Library, c.Allocator.Version, c.Allocator.Package, c.Allocator.BuildId, c.Environment, c.Allocator.IsNoop,
        c.Hook?.Name);
}
