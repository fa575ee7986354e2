using System.Text.Json.Serialization;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>What a figure counts.</summary>
public enum MetricUnit
{
    CallsPerSecond,
    NanosecondsPerCall,
    Bytes,
    Count,
}

/// <summary>Which of two figures is the better one.</summary>
public enum Better
{
    Higher,
    Lower,
}

/// <summary>A figure that a comparison shows: a row of <see cref="All"/> is all that a new one takes.</summary>
/// <param name="Name">Its property in JSON.</param>
/// <param name="Unit">What it counts.</param>
/// <param name="Better">Which direction is the better one.</param>
/// <param name="Pass">The pass whose runs have it.</param>
/// <param name="Take">How it is taken from a run.</param>
public sealed record Metric(
    string Name, MetricUnit Unit, Better Better, [property: JsonIgnore] Pass Pass, [property: JsonIgnore] Func<WorkerResult, double> Take)
{
    /// <summary>A ratio of nothing to nothing is none: a peak is a page at least.</summary>
    private const double PeakMin = 4096;

    /// <summary>Property of its ratio to the first configuration; null where none is taken.</summary>
    public string? RatioName { get; private init; }
    /// <summary>Heading of its column on a page; null where it has none.</summary>
    [JsonIgnore]
    public string? Heading { get; private init; }
    /// <summary>Heading of its ratio on a page.</summary>
    [JsonIgnore]
    public string? RatioHeading { get; private init; }
    /// <summary>Name of the pass.</summary>
    [JsonPropertyName("pass")]
    public string PassName => Pass.Name;

    public static Metric Speed { get; } = new("calls_per_second", MetricUnit.CallsPerSecond, Better.Higher, Pass.Throughput, r => r.CallsPerSecond)
    {
        Heading = "M calls/s",
        RatioName = "speed_ratio",
        RatioHeading = "speed",
    };

    /// <summary>Peak anonymous resident bytes over the harness's own.</summary>
    public static Metric PeakMemory { get; } = new("peak_bytes", MetricUnit.Bytes, Better.Lower, Pass.Memory, r => Math.Max(PeakMin, r.PeakOverBaseline))
    {
        Heading = "peak RSS",
        RatioName = "memory_ratio",
        RatioHeading = "peak RSS",
    };

    /// <summary>All, in the order that pages show them.</summary>
    public static IReadOnlyList<Metric> All { get; } =
    [
        Speed,
        new("cpu_ns_per_call", MetricUnit.NanosecondsPerCall, Better.Lower, Pass.Throughput, r => (double)r.CpuNs / Math.Max(1, r.Calls))
        {
            Heading = "CPU ns/call",
        },
        new("minor_faults", MetricUnit.Count, Better.Lower, Pass.Throughput, r => r.MinorFaults),
        new("context_switches", MetricUnit.Count, Better.Lower, Pass.Throughput, r => r.VoluntarySwitches + r.InvoluntarySwitches),
        PeakMemory,
        new("end_bytes", MetricUnit.Bytes, Better.Lower, Pass.Memory, r => r.EndBytes - r.BaselineBytes),
    ];
}
