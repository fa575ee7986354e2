using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Compare.Gate;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>What a comparison shows, in the shape that <c>compare --json</c> prints.</summary>
public sealed record ComparisonReport
{
    /// <summary>The trace, as it was named.</summary>
    public required string Trace { get; init; }
    /// <summary>Calls of one replay.</summary>
    public required long Calls { get; init; }
    /// <summary>Threads of the trace.</summary>
    public required int Threads { get; init; }
    /// <summary>Bytes requested and live at the peak, as the trace has them.</summary>
    public required ulong PeakLiveBytes { get; init; }
    /// <summary>Blocks that the trace carries, acquired before the clock starts; null where it is there from its beginning.</summary>
    public CarriedBlocks? Carried { get; init; }
    /// <summary>What became of the calls when the trace was compiled.</summary>
    public required PlanCounts Plan { get; init; }
    /// <summary>What was written into new blocks.</summary>
    public required TouchPolicy Touch { get; init; }
    /// <summary>Whether blocks of calloc were, too.</summary>
    public required bool TouchCalloc { get; init; }
    /// <summary>Processors that runs were kept on; empty: any.</summary>
    public required IReadOnlyList<int> Processors { get; init; }
    /// <summary>Seed of the order within blocks.</summary>
    public required int Seed { get; init; }
    /// <summary>Time that it took, seconds.</summary>
    public required double ElapsedSeconds { get; init; }
    /// <summary>Time that it had, seconds; null where the number of blocks was given.</summary>
    public required double? BudgetSeconds { get; init; }
    /// <summary>Half width of intervals that it aimed at; null where the number of blocks was given.</summary>
    public required double? Precision { get; init; }
    /// <summary>What was looked at, in turn, and why it ended.</summary>
    public required IReadOnlyList<PassFacts> Passes { get; init; }
    /// <summary>What the figures of the rows are.</summary>
    public required IReadOnlyList<Metric> Metrics { get; init; }
    /// <summary>What verdicts are given of, and what these runs could have shown of it.</summary>
    public required IReadOnlyList<PrimaryFacts> Primary { get; init; }
    /// <summary>By configuration; ratios are to the first, which has a twin.</summary>
    public required IReadOnlyList<ComparisonRow> Rows { get; init; }
    /// <summary>What was asked to fail it, and what became of that.</summary>
    public IReadOnlyList<GateFinding> Gate { get; init; } = [];
    /// <summary>Every run that counts, in the order in which they were made.</summary>
    public required IReadOnlyList<RunFigures> Runs { get; init; }

    /// <summary>Whether it was ended before it was done: what is told is what was finished.</summary>
    public required bool IsInterrupted { get; init; }
}

/// <summary>What was looked at by itself.</summary>
/// <param name="Name">Name of the pass.</param>
/// <param name="Order">The order of its replays.</param>
/// <param name="Loops">Times that a run goes through the trace, in each of its turns.</param>
/// <param name="Turns">Turns of a run, which alternate with those of the others; 1 where each runs through by itself.</param>
public sealed record PassFacts(string Name, ReplayOrder Order, int Loops, int Turns)
{
    /// <summary>Runs of each configuration.</summary>
    public int Blocks { get; internal set; }
    /// <summary>Why there are not more.</summary>
    public Stop Stop { get; internal set; }
}

/// <summary>A figure that verdicts are given of.</summary>
/// <param name="Metric">Name of the metric.</param>
/// <param name="Confidence">Of the intervals: so that all verdicts of the comparison hold at once with 0.95.</param>
/// <param name="Resolution">
/// The smallest relative difference that these runs could have shown of every row; null where they were too few.
/// </param>
/// <param name="Noise">By how much the first configuration differs from itself, its twin: the greater of the ends of the interval; null without one.</param>
public sealed record PrimaryFacts(string Metric, double Confidence, double? Resolution, double? Noise);

/// <summary>One configuration's figures in a comparison.</summary>
public sealed record ComparisonRow
{
    /// <summary>What it is there for.</summary>
    public required Role Role { get; init; }
    /// <summary>The configuration.</summary>
    public required AllocatorFacts Allocator { get; init; }
    /// <summary>Why it has no more figures, and no verdicts; null where it did all that was asked of it.</summary>
    public required RowFailure? Failure { get; init; }
    /// <summary>What was wrong with its blocks, which withholds verdicts.</summary>
    public IReadOnlyList<WorkerFault> Faults { get; init; } = [];
    /// <summary>One for each metric; those of passes that leave this configuration out are not there.</summary>
    public required IReadOnlyList<ComparedFigure> Figures { get; init; }
    /// <summary>Peak resident bytes ÷ peak live bytes requested, the median of the runs; null where one of them has none.</summary>
    public required double? Overhead { get; init; }
    /// <summary>Why it has none.</summary>
    public required OverheadGap OverheadGap { get; init; }
    /// <summary>Memory in the course of the trace, of one of its runs.</summary>
    public IReadOnlyList<MemoryPoint> Memory { get; init; } = [];
    /// <summary>How long calls take, by kind and size, over all of its runs.</summary>
    public IReadOnlyList<LatencyFacts> Latency { get; init; } = [];
    /// <summary>What it was set to, as the allocator itself tells where it does.</summary>
    public IReadOnlyList<AllocatorSetting> Settings { get; init; } = [];
    /// <summary>What the hook before it counted in the last run, by name.</summary>
    public IReadOnlyDictionary<string, long> HookCounts { get; init; } = new Dictionary<string, long>();
    /// <summary>Acquisitions that succeeded when recorded and failed now, in one replay.</summary>
    public required long FailedNow { get; init; }
    /// <summary>Other outcomes that differ from the recorded ones, in one replay.</summary>
    public required long Divergences { get; init; }
    /// <summary>Calls for which the allocator has no function; the nearest it has was called.</summary>
    public required IReadOnlyList<string> Substituted { get; init; }
    /// <summary>Waits of a replay for speed that were not over when they were met, in the run that its other counts are of.</summary>
    public long Waits { get; init; }
    /// <summary>Whether in more than half of its time no thread was at work: each waited for another.</summary>
    public bool WaitsDominate { get; init; }

    /// <summary>Whether its runs are what was asked for.</summary>
    public bool IsSound => Failure is null && Faults.Count == 0;

    /// <summary>A figure over the runs, or null.</summary>
    public ComparedFigure? this[Metric metric] => Figures.FirstOrDefault(f => f.Metric == metric.Name);
}

/// <summary>A figure of a configuration.</summary>
/// <param name="Metric">Name of the metric.</param>
/// <param name="Spread">Over the runs.</param>
/// <param name="Ratio">Relative to the first configuration; null of that itself, and where one of the two has no figure above 0.</param>
/// <param name="Verdict">What is claimed; null of figures that are not primary, and of rows that nothing is claimed of.</param>
public sealed record ComparedFigure(string Metric, Spread Spread, PairedRatio? Ratio, Verdict? Verdict);

/// <summary>Memory at one point of a trace.</summary>
/// <param name="Calls">Calls made until then.</param>
/// <param name="ResidentBytes">Anonymous resident bytes over the harness's own.</param>
/// <param name="LiveBytes">Bytes requested and live.</param>
public sealed record MemoryPoint(long Calls, long ResidentBytes, long LiveBytes);

/// <summary>The figures of one run.</summary>
/// <param name="Pass">Name of the pass.</param>
/// <param name="Row">Place of the row, from 0.</param>
/// <param name="Block">The block that it belongs to, from 0: runs of one block are paired.</param>
/// <param name="Figures">By name of the metric.</param>
/// <param name="Turns">Of those that have them, the figures of its turns: turns of one place in runs of one block are paired.</param>
/// <param name="Ratios">Relative to the first configuration's run of the same block; of that run itself, and of figures not above 0, there is none.</param>
public sealed record RunFigures(
    string Pass, int Row, int Block, IReadOnlyDictionary<string, double> Figures, IReadOnlyDictionary<string, IReadOnlyList<double>> Turns,
    IReadOnlyDictionary<string, double> Ratios);

/// <summary>A configuration as JSON tells it.</summary>
/// <param name="Name">As it was named, settings included.</param>
/// <param name="Preload">The library that is preloaded; null for the C library's own and for those that are none.</param>
/// <param name="Library">The file that provides malloc, links resolved; null for those that are none.</param>
/// <param name="Version">Its release, as itself tells; empty where it does not.</param>
/// <param name="Package">Debian's package of the library and its version; empty where dpkg does not know the file.</param>
/// <param name="BuildId">Build id of the library in hexadecimal, or empty.</param>
/// <param name="Environment">Variables set for the worker, as NAME=VALUE.</param>
/// <param name="IsNoop">The harness's own cost: calls go to a function that does nothing.</param>
/// <param name="Hook">What stands before the allocator; null where nothing does.</param>
/// <param name="Configuration">In full, with the paths of libraries: <c>--allocator</c> reads it again.</param>
public sealed record AllocatorFacts(
    string Name, string? Preload, string? Library, string Version, string Package, string BuildId, IReadOnlyList<string> Environment, bool IsNoop, string? Hook,
    string Configuration)
{
    internal static AllocatorFacts Of(Configuration c) => new(
        c.Label, c.Allocator.Preload, c.Allocator.Library, c.Allocator.Version, c.Allocator.Package, c.Allocator.BuildId, c.Environment, c.Allocator.IsNoop,
        c.Hook?.Label, c.Name);
}
