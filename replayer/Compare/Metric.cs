using System.Globalization;
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
    PerCall,
    Nanoseconds,
}

/// <summary>Which of two figures is the better one.</summary>
public enum Better
{
    Higher,
    Lower,
}

/// <summary>A figure that a comparison shows: to be in <see cref="All"/> is all that a new one takes.</summary>
/// <param name="Name">Its name, in JSON and on the command line.</param>
/// <param name="Unit">What it counts.</param>
/// <param name="Better">Which direction is the better one.</param>
/// <param name="Pass">The pass whose runs have it.</param>
/// <param name="Take">How it is taken from a run; not a number where the run does not have it.</param>
public sealed record Metric(
    string Name, MetricUnit Unit, Better Better, [property: JsonIgnore] Pass Pass, [property: JsonIgnore] Func<WorkerResult, double> Take)
{
    private const double OnePercent = 0.01;
    private static readonly Threshold OfMemory = new(2 * OnePercent, Absolute: 64 << 10);

    /// <summary>Name of the pass whose runs have it.</summary>
    [JsonPropertyName("pass")]
    public string PassName => Pass.Name;
    /// <summary>Heading of its column on a page; null where it has none.</summary>
    [JsonIgnore]
    public string? Heading { get; private init; }
    /// <summary>How it is taken from each turn of a run; null where it is a figure of the whole run alone.</summary>
    [JsonIgnore]
    public Func<WorkerResult, IReadOnlyList<double>>? TakeTurns { get; private init; }
    /// <summary>A difference below this does not matter, however sure it is.</summary>
    public Threshold Threshold { get; private init; } = new(OnePercent);

    /// <summary>Calls in a second: of a run, the median of its turns.</summary>
    public static Metric Speed { get; } = InTurns(
        "speed", MetricUnit.CallsPerSecond, Better.Higher, "M calls/s", r => r.TurnNs, (calls, ns) => ns == 0 ? 0 : calls * 1e9 / ns);

    /// <summary>CPU time, user and system, of a call, likewise.</summary>
    public static Metric Cpu { get; } = InTurns(
        "cpu", MetricUnit.NanosecondsPerCall, Better.Lower, "CPU ns/call", r => r.TurnCpuNs, (calls, ns) => calls == 0 ? 0 : ns / calls);

    /// <summary>Calls in a second over all turns of a run, those too in which an allocator does what it does seldom.</summary>
    public static Metric MeanSpeed { get; } = new("mean_speed", MetricUnit.CallsPerSecond, Better.Higher, Pass.Throughput, r => r.CallsPerSecond);

    /// <summary>Instructions in user space of a call; where the machine counts them, they tell what times cannot.</summary>
    public static Metric Instructions { get; } = new(
        "instructions", MetricUnit.PerCall, Better.Lower, Pass.Throughput, r => r.Calls == 0 ? double.NaN : r.Instructions / r.Calls ?? double.NaN);

    /// <summary>Misses of the last cache of a call, likewise.</summary>
    public static Metric CacheMisses { get; } = new(
        "cache_misses", MetricUnit.PerCall, Better.Lower, Pass.Throughput, r => r.Calls == 0 ? double.NaN : r.CacheMisses / r.Calls ?? double.NaN);

    /// <summary>Page faults that needed no reading, of one replay: on average where a run loops.</summary>
    public static Metric Faults { get; } = new("faults", MetricUnit.Count, Better.Lower, Pass.Throughput, r => r.MinorFaults / LoopsOf(r));

    /// <summary>Context switches of one replay, likewise.</summary>
    public static Metric Switches { get; } =
        new("switches", MetricUnit.Count, Better.Lower, Pass.Throughput, r => (r.VoluntarySwitches + r.InvoluntarySwitches) / LoopsOf(r));

    /// <summary>Peak anonymous resident bytes over the harness's own.</summary>
    public static Metric PeakRss { get; } = new("peak_rss", MetricUnit.Bytes, Better.Lower, Pass.Memory, r => r.PeakOverBaseline)
    {
        Heading = "peak RSS",
        Threshold = OfMemory,
    };

    /// <summary>That on average over the calls.</summary>
    public static Metric MeanRss { get; } = new("mean_rss", MetricUnit.Bytes, Better.Lower, Pass.Memory, r => r.MeanBytes) { Threshold = OfMemory };

    /// <summary>What is left of that after the last thread ended.</summary>
    public static Metric EndRss { get; } = new("end_rss", MetricUnit.Bytes, Better.Lower, Pass.Memory, r => r.EndBytes - r.BaselineBytes)
    {
        Threshold = OfMemory,
    };

    /// <summary>All, in the order that pages show them.</summary>
    public static IReadOnlyList<Metric> All { get; } =
    [
        Speed, MeanSpeed, Cpu, Instructions, CacheMisses, Faults, Switches, PeakRss, MeanRss, EndRss, .. Pass.Residue.ResidueMs.Select(Residue),
        .. LatencyFacts.Told.Select(Latency),
    ];

    /// <summary>Those that verdicts are given of unless others are asked for.</summary>
    public static IReadOnlyList<Metric> Primary { get; } = [Speed, Cpu, PeakRss];

    /// <param name="name">Its name.</param>
    /// <param name="unit">What it counts.</param>
    /// <param name="better">Which direction is the better one.</param>
    /// <param name="heading">Heading of its column.</param>
    /// <param name="times">What each turn of a run took, ns.</param>
    /// <param name="figure">The figure of so many calls in so many ns.</param>
    private static Metric InTurns(
        string name, MetricUnit unit, Better better, string heading, Func<WorkerResult, IReadOnlyList<long>> times, Func<double, double, double> figure)
    {
        IReadOnlyList<double> OfTurns(WorkerResult run)
        {
            IReadOnlyList<long> turns = times(run);
            return [.. turns.Select(ns => figure((double)run.Calls / turns.Count, ns))];
        }
        return new(name, unit, better, Pass.Throughput, r => PairedStatistics.Median(OfTurns(r))) { Heading = heading, TakeTurns = OfTurns };
    }

    /// <summary>What is left some time after the last call.</summary>
    private static Metric Residue(int ms) => new(
        $"rss_after_{ms}ms", MetricUnit.Bytes, Better.Lower, Pass.Residue,
        r => r.Residue.Where(x => x.AfterMs == ms).Select(x => (double)x.Bytes).DefaultIfEmpty(double.NaN).First())
    {
        Threshold = OfMemory,
    };

    /// <summary>The time that so many in a hundred acquisitions did not exceed.</summary>
    private static Metric Latency(double percentile) => new(
        percentile == 100 ? "max" : "p" + percentile.ToString(CultureInfo.InvariantCulture).Replace('.', '_'),
        MetricUnit.Nanoseconds, Better.Lower, Pass.Latency,
        r => LatencyFacts.Acquisitions(r) is { Count: > 0 } times ? times.Percentile(percentile) : double.NaN)
    {
        Heading = percentile is 99 or 99.99 ? string.Create(CultureInfo.InvariantCulture, $"p{percentile}") : null,
    };

    private static double LoopsOf(WorkerResult run) => Math.Max(1, run.LoopNs.Count);

    /// <summary>The metric of that name, or null.</summary>
    public static Metric? Of(string name) => All.FirstOrDefault(m => m.Name == name);
}
