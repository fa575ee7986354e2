using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>How a comparison is run.</summary>
public sealed record ComparisonOptions
{
    /// <summary>Measured blocks; each runs every allocator once.</summary>
    public int Runs { get; init; } = 5;
    /// <summary>Seed of the order within blocks and of the resampling.</summary>
    public required int Seed { get; init; }
    public TouchPolicy Touch { get; init; } = TouchPolicy.Page;
}

/// <summary>One allocator's figures in a comparison.</summary>
public sealed record ComparisonRow
{
    public required Allocator Allocator { get; init; }
    public required Spread CallsPerSecond { get; init; }
    public required Spread CpuNsPerCall { get; init; }
    public required Spread MinorFaults { get; init; }
    public required Spread ContextSwitches { get; init; }
    /// <summary>Peak anonymous resident bytes over the harness's own; null for the no-op, which holds no blocks.</summary>
    public required Spread? PeakBytes { get; init; }
    /// <summary>What is left of that after the last thread ended.</summary>
    public required Spread? EndBytes { get; init; }
    /// <summary>Peak resident bytes ÷ peak live bytes requested.</summary>
    public required double? Overhead { get; init; }
    /// <summary>Speed relative to the first allocator; null for the first itself.</summary>
    public required PairedRatio? SpeedRatio { get; init; }
    /// <summary>Peak memory relative to the first allocator.</summary>
    public required PairedRatio? MemoryRatio { get; init; }
    /// <summary>Acquisitions that failed, and other outcomes that differ from the recorded ones, in one replay.</summary>
    public required long FailedNow { get; init; }
    public required long Divergences { get; init; }
    public required IReadOnlyList<int> Substituted { get; init; }
}

/// <summary>
/// Runs allocators against each other: a fresh worker for every run, every allocator once per block in an order shuffled for
/// each block, the first block not counted, speed and memory in passes of their own.
/// </summary>
/// <param name="plan">What is timed.</param>
/// <param name="memoryPlan">
/// The same trace for the memory pass, in one order: where threads run as they like, one may run ahead of another that releases its blocks, and
/// what is live is the replay's doing.
/// </param>
/// <param name="allocators">What is compared, the first with the others.</param>
/// <param name="options">How.</param>
public sealed class Comparison(ReplayPlan plan, ReplayPlan memoryPlan, IReadOnlyList<Allocator> allocators, ComparisonOptions options)
{
    private int _done;

    /// <exception cref="ReplayException">A run crashed or was not the trace.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public IReadOnlyList<ComparisonRow> Run(IProgress<double>? progress = null, CancellationToken token = default)
    {
        _done = 0;
        var random = new Random(options.Seed);
        List<WorkerResult>[] speed = Pass(plan, random, allocators, memoryIntervalUs: 0, warmUps: 1, progress, token);
        Allocator[] real = [.. allocators.Where(a => !a.IsNoop)];
        List<WorkerResult>[] memory = Pass(memoryPlan, random, real, ReplayOptions.MemoryPassIntervalUs, warmUps: 0, progress, token);
        var rows = new List<ComparisonRow>();
        int memoryBaseline = Array.IndexOf(real, allocators[0]);
        for (int i = 0; i < allocators.Count; i++)
        {
            int m = Array.IndexOf(real, allocators[i]);
            rows.Add(Row(allocators[i], speed[i], i == 0 ? null : speed[0],
                m < 0 ? null : memory[m], m <= 0 || memoryBaseline < 0 ? null : memory[memoryBaseline]));
        }
        return rows;
    }

    private List<WorkerResult>[] Pass(
        ReplayPlan replayed, Random random, IReadOnlyList<Allocator> configurations, int memoryIntervalUs, int warmUps, IProgress<double>? progress, CancellationToken token)
    {
        var results = new List<WorkerResult>[configurations.Count];
        for (int i = 0; i < results.Length; i++)
            results[i] = [];
        var replay = new ReplayOptions { Touch = options.Touch, MemoryIntervalUs = memoryIntervalUs };
        int total = allocators.Count * (options.Runs + 1) + allocators.Count(a => !a.IsNoop) * options.Runs;
        int[] order = [.. Enumerable.Range(0, configurations.Count)];
        for (int block = -warmUps; block < options.Runs; block++)
        {
            random.Shuffle(order);
            foreach (int i in order)
            {
                WorkerResult result = WorkerProcess.Run(replayed, configurations[i], replay, token: token);
                if (block >= 0)
                    results[i].Add(result);
                progress?.Report((double)++_done / total);
            }
        }
        return results;
    }

    private ComparisonRow Row(
        Allocator allocator, List<WorkerResult> speed, List<WorkerResult>? speedBaseline,
        List<WorkerResult>? memory, List<WorkerResult>? memoryBaseline)
    {
        Spread? peak = memory is null ? null : Spread.Of(memory.Select(Peak));
        return new ComparisonRow
        {
            Allocator = allocator,
            CallsPerSecond = Spread.Of(speed.Select(r => r.CallsPerSecond)),
            CpuNsPerCall = Spread.Of(speed.Select(r => (double)r.CpuNs / Math.Max(1, r.Calls))),
            MinorFaults = Spread.Of(speed.Select(r => (double)r.MinorFaults)),
            ContextSwitches = Spread.Of(speed.Select(r => (double)(r.VoluntarySwitches + r.InvoluntarySwitches))),
            PeakBytes = peak,
            EndBytes = memory is null ? null : Spread.Of(memory.Select(r => (double)(r.EndBytes - r.BaselineBytes))),
            Overhead = peak is { } p && plan.Trace.PeakLiveBytes > 0 ? p.Median / plan.Trace.PeakLiveBytes : null,
            SpeedRatio = speedBaseline is null ? null : Ratio(speed, speedBaseline, r => r.CallsPerSecond),
            MemoryRatio = memory is null || memoryBaseline is null ? null : Ratio(memory, memoryBaseline, Peak),
            FailedNow = speed[^1].FailedNow,
            Divergences = speed[^1].Divergences,
            Substituted = [.. speed[^1].Substituted.Keys],
        };
    }

    private PairedRatio Ratio(List<WorkerResult> values, List<WorkerResult> baseline, Func<WorkerResult, double> figure) =>
        Statistics.Ratio(values.ConvertAll(r => figure(r)), baseline.ConvertAll(r => figure(r)), options.Seed);

    /// <summary>At least a page: a ratio of nothing to nothing is none.</summary>
    private static double Peak(WorkerResult result) => Math.Max(4096, result.PeakOverBaseline);
}
