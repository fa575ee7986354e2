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

/// <summary>A figure that a comparison shows: to be in <see cref="All"/> is all that a new one takes.</summary>
/// <param name="Name">Its name in JSON.</param>
/// <param name="Unit">What it counts.</param>
/// <param name="Better">Which direction is the better one.</param>
/// <param name="Pass">The pass whose runs have it.</param>
/// <param name="Take">How it is taken from a run.</param>
public sealed record Metric(
    string Name, MetricUnit Unit, Better Better, [property: JsonIgnore] Pass Pass, [property: JsonIgnore] Func<WorkerResult, double> Take)
{
    /// <summary>A ratio of nothing to nothing is none: a peak is a page at least.</summary>
    private const double PeakMin = 4096;

    /// <summary>Name of the pass whose runs have it.</summary>
    [JsonPropertyName("pass")]
    public string PassName => Pass.Name;
    /// <summary>Heading of its ratio to the first configuration on a page; null where none is taken.</summary>
    [JsonIgnore]
    public string? RatioHeading { get; private init; }
    /// <summary>Heading of its column on a page; null where it has none.</summary>
    [JsonIgnore]
    public string? Heading { get; private init; }
    /// <summary>Whether its ratio to the first configuration is taken.</summary>
    public bool IsCompared => RatioHeading is not null;

    public static Metric Speed { get; } = new("calls_per_second", MetricUnit.CallsPerSecond, Better.Higher, Pass.Throughput, r => r.CallsPerSecond)
    {
        Heading = "M calls/s",
        RatioHeading = "speed",
    };

    public static Metric CpuTime { get; } = new(
        "cpu_ns_per_call", MetricUnit.NanosecondsPerCall, Better.Lower, Pass.Throughput, r => (double)r.CpuNs / Math.Max(1, r.Calls))
    {
        Heading = "CPU ns/call",
    };

    public static Metric MinorFaults { get; } = new("minor_faults", MetricUnit.Count, Better.Lower, Pass.Throughput, r => r.MinorFaults);

    public static Metric ContextSwitches { get; } =
        new("context_switches", MetricUnit.Count, Better.Lower, Pass.Throughput, r => r.VoluntarySwitches + r.InvoluntarySwitches);

    /// <summary>Peak anonymous resident bytes over the harness's own.</summary>
    public static Metric PeakMemory { get; } = new("peak_bytes", MetricUnit.Bytes, Better.Lower, Pass.Memory, r => Math.Max(PeakMin, r.PeakOverBaseline))
    {
        Heading = "peak RSS",
        RatioHeading = "peak RSS",
    };

    /// <summary>What is left of that after the last thread ended.</summary>
    public static Metric EndMemory { get; } = new("end_bytes", MetricUnit.Bytes, Better.Lower, Pass.Memory, r => r.EndBytes - r.BaselineBytes);

    /// <summary>All, in the order that pages show them.</summary>
    public static IReadOnlyList<Metric> All { get; } = [Speed, CpuTime, MinorFaults, ContextSwitches, PeakMemory, EndMemory];
}
