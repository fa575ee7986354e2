using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>Makes a report of the runs that there are.</summary>
/// <param name="plans">The trace, compiled.</param>
/// <param name="entrants">Who took part; the first is who the others are compared with.</param>
/// <param name="log">Their runs.</param>
/// <param name="options">How they were run.</param>
/// <param name="alphaOfClaims">How often the interval of a primary figure may miss the truth.</param>
internal sealed class ReportBuilder(
    IReadOnlyList<ReplayPlan> plans, IReadOnlyList<Entrant> entrants, RunLog log, ComparisonOptions options, double alphaOfClaims)
{
    private readonly ReplayPlan _timed = plans.First(p => p.Order == Pass.Throughput.Order);

    /// <param name="trace">The trace, as it was named.</param>
    /// <param name="passes">What was looked at.</param>
    /// <param name="isWhole">Whether that is all that there was to look at.</param>
    /// <param name="elapsed">Time that it took.</param>
    public ComparisonReport Build(string trace, IReadOnlyList<PassFacts> passes, bool isWhole, TimeSpan elapsed)
    {
        ComparisonRow[] rows = [.. entrants.Select(RowOf)];
        return new ComparisonReport
        {
            Trace = trace,
            Calls = _timed.Counts.Calls,
            Threads = _timed.Expected.Count,
            PeakLiveBytes = _timed.Trace.PeakLiveBytes,
            Carried = _timed.Carried,
            Plan = _timed.Counts,
            Touch = options.Touch,
            TouchCalloc = options.TouchCalloc,
            Processors = options.Processors,
            Seed = options.Seed,
            ElapsedSeconds = elapsed.TotalSeconds,
            BudgetSeconds = options.Blocks is null ? options.Budget.TotalSeconds : null,
            Precision = options.Blocks is null ? options.Precision : null,
            Passes = passes,
            IsInterrupted = !isWhole || passes.Any(p => p.Stop == Stop.Interrupted),
            Metrics = Metric.All,
            Primary = [.. options.Primary.Select(m => FactsOf(m, rows))],
            Rows = rows,
            Runs = [.. log.Figures(partner: 0)],
        };
    }

    private PrimaryFacts FactsOf(Metric metric, IReadOnlyList<ComparisonRow> rows)
    {
        double?[] resolutions = [.. rows.Where(r => r.Role == Role.Compared && r.IsSound).Select(r => r[metric]?.Ratio?.Resolution)];
        PairedRatio? twin = rows.FirstOrDefault(r => r.Role == Role.Twin)?[metric]?.Ratio;
        double? noise = twin is { Low: { } low, High: { } high } ? Math.Max(Math.Abs(1 - low), Math.Abs(high - 1)) : null;
        return new PrimaryFacts(metric.Name, 1 - alphaOfClaims, resolutions.Any(r => r is null) ? null : resolutions.Max(), noise);
    }

    private ComparisonRow RowOf(Entrant entrant)
    {
        MemoryOverhead[] overheads = OverheadsOf(entrant);
        OverheadGap gap = GapOf(overheads);
        WorkerResult? timed = log.Of(Pass.Throughput, entrant.Index).LastOrDefault();
        return new ComparisonRow
        {
            Role = entrant.Role,
            Allocator = AllocatorFacts.Of(entrant.Configuration),
            Failure = entrant.Failure,
            Figures = [.. Metric.All.Select(m => FigureOf(m, entrant)).OfType<ComparedFigure>()],
            Overhead = overheads.Length > 0 && gap is OverheadGap.None ? PairedStatistics.Median(overheads.Select(o => o.Ratio!.Value)) : null,
            OverheadGap = gap,
            Memory = [.. CurveOf(entrant)],
            Latency = LatencyFacts.Of(log.Of(Pass.Latency, entrant.Index)),
            Faults = FaultsOf(entrant),
            Settings = timed?.Settings ?? [],
            HookCounts = timed?.HookCounts ?? new Dictionary<string, long>(),
            FailedNow = timed is null ? 0 : timed.FailedNow / Math.Max(1, timed.LoopNs.Count),
            Divergences = timed is null ? 0 : timed.Divergences / Math.Max(1, timed.LoopNs.Count),
            Waits = timed is null ? 0 : timed.Threads.Sum(t => t.Waits) / Math.Max(1, timed.LoopNs.Count),
            WaitsDominate = timed?.WaitsDominate ?? false,
            Substituted = timed is null ? [] : [.. timed.Substituted.Keys.Select(k => CallKinds.CallName((CallKind)k))],
        };
    }

    private ComparedFigure? FigureOf(Metric metric, Entrant entrant)
    {
        double[] values = log.Values(metric, entrant.Index);
        if (values.Length == 0)
            return null;
        var spread = Spread.Of(values);
        bool isPrimary = options.Primary.Contains(metric);
        PairedRatio? ratio = entrant.Role == Role.Baseline ? null
            : log.Ratio(metric, entrant.Index, 0, isPrimary ? alphaOfClaims : ComparisonOptions.Alpha);
        Verdict? verdict = isPrimary && entrant.IsCompared && ratio is not null ? VerdictOf(metric, entrant, spread, ratio) : null;
        return new ComparedFigure(metric.Name, spread, ratio, verdict);
    }

    private Verdict VerdictOf(Metric metric, Entrant entrant, Spread spread, PairedRatio ratio)
    {
        if (new[] { entrant, entrants[0] }.Any(e => e.Failure is not null || FaultsOf(e).Length > 0))
            return Verdict.Withheld;
        // Where less was resident than live, what is compared is what was not touched.
        if (metric.Pass == Pass.Memory && new[] { entrant, entrants[0] }.Any(e => GapOf(OverheadsOf(e)) > OverheadGap.NothingLive))
            return Verdict.Withheld;
        double partner = PairedStatistics.Median(log.Values(metric, 0));
        return PairedStatistics.Judge(ratio, spread.Median - partner, metric.Threshold);
    }

    /// <summary>Those of the twin are the first one's.</summary>
    private WorkerFault[] FaultsOf(Entrant entrant) => [.. log.Of(Pass.Blocks, entrant.Index).SelectMany(r => r.Faults)];

    private MemoryOverhead[] OverheadsOf(Entrant entrant) => [.. log.Of(Pass.Memory, entrant.Index).Select(r => MemoryOverhead.Of(r, options.Touch))];

    /// <summary>Why a configuration has no overhead: one run without is enough.</summary>
    private static OverheadGap GapOf(MemoryOverhead[] overheads) =>
        overheads.Length == 0 ? OverheadGap.NotMeasured : overheads.Max(o => o.Gap);

    /// <summary>Of the first run: in that order all are alike, but for what the allocator decides by time.</summary>
    private IEnumerable<MemoryPoint> CurveOf(Entrant entrant) =>
        log.Of(Pass.Memory, entrant.Index).Take(1).SelectMany(r => r.MemoryCurve).Select(m => new MemoryPoint(m.Calls, m.ResidentBytes, m.LiveBytes));
}
