using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>How a comparison is run.</summary>
public sealed record ComparisonOptions
{
    /// <summary>Measured blocks; each runs every configuration once.</summary>
    public int Runs { get; init; } = 5;
    /// <summary>Seed of the order within blocks and of the resampling.</summary>
    public required int Seed { get; init; }
    public TouchPolicy Touch { get; init; } = TouchPolicy.Page;
}

/// <summary>
/// Runs configurations against each other: a fresh worker for every run, every configuration once per block in an order shuffled for
/// each block, warm-up not counted, speed and memory in passes of their own.
/// </summary>
/// <param name="plans">The trace, compiled in the order of each of <see cref="Passes"/>.</param>
/// <param name="configurations">What is compared, the first with the others.</param>
/// <param name="options">How.</param>
/// <param name="runner">Runs one.</param>
public sealed class Comparison(IReadOnlyList<ReplayPlan> plans, IReadOnlyList<Configuration> configurations, ComparisonOptions options, IRunner runner)
{
    /// <summary>What is looked at, in turn.</summary>
    public static IReadOnlyList<Pass> Passes { get; } = [Pass.Throughput, Pass.Memory];

    private ReplayPlan Timed => PlanOf(Pass.Throughput);

    /// <param name="trace">The trace, as it was named.</param>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="token">Ends the work.</param>
    /// <exception cref="ReplayException">A run crashed or was not the trace.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public ComparisonReport Run(string trace, IProgress<double>? progress = null, CancellationToken token = default)
    {
        var results = new Dictionary<(Pass, Configuration), List<WorkerResult>>();
        int done = 0, total = Passes.Sum(p => ScheduleOf(p).Count);
        foreach (Pass pass in Passes)
        {
            Configuration[] included = Included(pass);
            foreach (Configuration configuration in included)
                results[(pass, configuration)] = [];
            var replay = new ReplayOptions { Touch = options.Touch, Instrument = pass.Instrument };
            foreach (ScheduledRun run in ScheduleOf(pass).Runs())
            {
                token.ThrowIfCancellationRequested();
                Configuration configuration = included[run.Configuration];
                WorkerResult result = runner.Run(PlanOf(pass), configuration, replay, token: token);
                if (run.Counts)
                    results[(pass, configuration)].Add(result);
                progress?.Report((double)++done / total);
            }
        }
        return new ComparisonReport
        {
            Trace = trace,
            Runs = options.Runs,
            Seed = options.Seed,
            Touch = options.Touch,
            Order = Timed.Order,
            Calls = Timed.Counts.Calls,
            Threads = Timed.Expected.Count,
            PeakLiveBytes = Timed.Trace.PeakLiveBytes,
            Plan = Timed.Counts,
            Metrics = Metric.All,
            Rows = [.. configurations.Select(c => RowOf(c, results))],
        };
    }

    private ReplayPlan PlanOf(Pass pass) => plans.First(p => p.Order == pass.Order);

    private Configuration[] Included(Pass pass) => [.. configurations.Where(pass.Includes)];

    private Schedule ScheduleOf(Pass pass) => new(Included(pass).Length, options.Runs, pass.WarmUps, options.Seed);

    private ComparisonRow RowOf(Configuration configuration, Dictionary<(Pass, Configuration), List<WorkerResult>> results)
    {
        var figures = new List<ComparedFigure>();
        foreach (Metric metric in Metric.All)
        {
            if (!results.TryGetValue((metric.Pass, configuration), out List<WorkerResult>? runs))
                continue;
            double[] values = [.. runs.Select(metric.Take)];
            bool isCompared = metric.IsCompared && configuration != configurations[0];
            PairedRatio? ratio = isCompared && results.TryGetValue((metric.Pass, configurations[0]), out List<WorkerResult>? baseline)
                ? PairedStatistics.Ratio(values, [.. baseline.Select(metric.Take)], options.Seed)
                : null;
            figures.Add(new ComparedFigure(metric.Name, Spread.Of(values), ratio));
        }
        WorkerResult timed = results[(Pass.Throughput, configuration)][^1];
        return new ComparisonRow
        {
            Allocator = AllocatorFacts.Of(configuration),
            Figures = figures,
            Overhead = OverheadOf(results.GetValueOrDefault((Pass.Memory, configuration)) ?? []),
            FailedNow = timed.FailedNow,
            Divergences = timed.Divergences,
            Substituted = [.. timed.Substituted.Keys.Select(k => CallKinds.CallName((CallKind)k))],
        };
    }

    private double? OverheadOf(List<WorkerResult> memory)
    {
        double?[] overheads = [.. memory.Select(r => MemoryOverhead.Of(r, options.Touch).Ratio)];
        return overheads.Length == 0 || overheads.Any(o => o is null) ? null : PairedStatistics.Median(overheads.Select(o => o!.Value));
    }
}
