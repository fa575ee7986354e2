namespace AllocReplay.Replayer.Compare.Corpus;

/// <summary>
/// The geometric means of ratios over traces: of these traces, each of which counts once, and not of all that a program may do.
/// </summary>
/// <param name="Traces">Names of the traces that it is of.</param>
/// <param name="Primary">What verdicts are given of, and what the means could have shown of it.</param>
/// <param name="Rows">By configuration; ratios are to the first, which has a twin.</param>
public sealed record CorpusSummary(IReadOnlyList<string> Traces, IReadOnlyList<PrimaryFacts> Primary, IReadOnlyList<MeanRow> Rows)
{
    /// <summary>Of the traces that were compared to their end; null where there is none.</summary>
    internal static CorpusSummary? Of(IReadOnlyList<TraceResult> results)
    {
        (string Name, ComparisonReport Report)[] traces =
            [.. results.Where(r => r.Report is { IsInterrupted: false }).Select(r => (r.Name, r.Report!))];
        if (traces.Length == 0)
            return null;
        // All are of the same configurations, in the same order.
        ComparisonReport first = traces[0].Report;
        MeanRow[] rows = [.. first.Rows.Select((row, place) => new MeanRow(
            row.Role, row.Allocator.Name, row.Allocator.Configuration,
            row.Role == Role.Baseline ? [] : [.. first.Primary.Select(p => FigureOf(Metric.Of(p.Metric)!, place, traces))]))];
        return new CorpusSummary([.. traces.Select(t => t.Name)], [.. first.Primary.Select(p => FactsOf(p, rows))], rows);
    }

    private static MeanFigure FigureOf(Metric metric, int place, (string Name, ComparisonReport Report)[] traces)
    {
        MeanGap[] gaps = [.. traces.Select(t => (t.Name, Reason: WhyNone(t.Report, place, metric))).Where(g => g.Reason is not null)
            .Select(g => new MeanGap(g.Name, g.Reason!.Value))];
        if (gaps.Length > 0)
            return new MeanFigure(metric.Name, null, null, gaps);
        ComparedFigure[] figures = [.. traces.Select(t => t.Report.Rows[place][metric]!)];
        PairedRatio mean = MeanOf([.. figures.Select(f => f.Ratio!)]);
        gaps = [.. traces.Where(t => t.Report.Rows[place][metric]!.Verdict is Verdict.Withheld).Select(t => new MeanGap(t.Name, MeanGapReason.Withheld))];
        return new MeanFigure(
            metric.Name, mean, gaps.Length > 0 ? Verdict.Withheld : VerdictOf(metric, mean, figures, [.. traces.Select(t => t.Report.Rows[0][metric]!)]), gaps);
    }

    private static MeanGapReason? WhyNone(ComparisonReport report, int place, Metric metric) =>
        !report.Rows[place].IsSound ? MeanGapReason.Failed
        : !report.Rows[0].IsSound ? MeanGapReason.FirstFailed
        : report.Rows[place][metric]?.Ratio is null ? MeanGapReason.NoFigure
        : null;

    /// <summary>The mean of logarithms; each has an interval of the same level, and that is the mean's.</summary>
    internal static PairedRatio MeanOf(IReadOnlyList<PairedRatio> ratios)
    {
        SignedRank mean = IndependentSum.Of([.. ratios.Select(r => (1.0 / ratios.Count, new SignedRank(
            Math.Log(r.Estimate), r.Low is { } low ? Math.Log(low) : double.NegativeInfinity,
            r.High is { } high ? Math.Log(high) : double.PositiveInfinity)))]);
        return new PairedRatio(
            Math.Exp(mean.Middle), mean.HasInterval ? Math.Exp(mean.Low) : null, mean.HasInterval ? Math.Exp(mean.High) : null,
            ratios[0].Confidence, ratios.Sum(r => r.Pairs));
    }

    /// <summary>Of a mean something is claimed where something is of each trace, as far as the runs go; null of a twin and of a reference.</summary>
    private static Verdict? VerdictOf(Metric metric, PairedRatio mean, ComparedFigure[] figures, ComparedFigure[] partners)
    {
        if (figures.Any(f => f.Verdict is null))
            return null;
        // The mean of differences in bytes says nothing: on one trace at least a difference of its own has to matter, in the mean's direction.
        double greatest = figures.Zip(partners, (f, p) => (f.Ratio!.Estimate, Difference: f.Spread.Median - p.Spread.Median))
            .Where(d => Math.Abs(d.Estimate - 1) >= metric.Threshold.Relative && d.Estimate > 1 == mean.Estimate > 1)
            .Select(d => Math.Abs(d.Difference)).DefaultIfEmpty(0).Max();
        return PairedStatistics.Judge(mean, greatest, metric.Threshold);
    }

    private static PrimaryFacts FactsOf(PrimaryFacts ofTrace, MeanRow[] rows)
    {
        PairedRatio[] compared = [.. rows.Where(r => r.Role == Role.Compared).Select(r => r[ofTrace.Metric]?.Ratio).OfType<PairedRatio>()];
        double?[] resolutions = [.. compared.Select(r => r.Resolution)];
        PairedRatio? twin = rows.FirstOrDefault(r => r.Role == Role.Twin)?[ofTrace.Metric]?.Ratio;
        double? noise = twin is { Low: { } low, High: { } high } ? Math.Max(Math.Abs(1 - low), Math.Abs(high - 1)) : null;
        return new PrimaryFacts(ofTrace.Metric, ofTrace.Confidence, resolutions.Any(r => r is null) ? null : resolutions.Max(), noise);
    }
}

/// <summary>One configuration's means.</summary>
/// <param name="Role">What it is there for.</param>
/// <param name="Name">As tables call it.</param>
/// <param name="Configuration">In full, with the paths of libraries: <c>--allocator</c> reads it again.</param>
/// <param name="Figures">One for each primary metric; none of the first configuration.</param>
public sealed record MeanRow(Role Role, string Name, string Configuration, IReadOnlyList<MeanFigure> Figures)
{
    /// <summary>The mean of a metric, or null.</summary>
    public MeanFigure? this[string metric] => Figures.FirstOrDefault(f => f.Metric == metric);
}

/// <summary>The mean of a figure's ratios.</summary>
/// <param name="Metric">Name of the metric.</param>
/// <param name="Ratio">The geometric mean, with an interval; null where a trace has no ratio, as a mean of the others would be of something else.</param>
/// <param name="Verdict">What is claimed of the mean; null where nothing is.</param>
/// <param name="Gaps">The traces that have no ratio, or no verdict of theirs.</param>
public sealed record MeanFigure(string Metric, PairedRatio? Ratio, Verdict? Verdict, IReadOnlyList<MeanGap> Gaps);

/// <summary>A trace that has no ratio of a configuration, or no verdict.</summary>
/// <param name="Trace">Name of the trace.</param>
/// <param name="Reason">Why.</param>
public sealed record MeanGap(string Trace, MeanGapReason Reason);

/// <summary>Why a trace has no ratio, or no verdict.</summary>
public enum MeanGapReason
{
    /// <summary>The configuration failed on it, or gave wrong blocks.</summary>
    Failed,
    /// <summary>The first configuration did.</summary>
    FirstFailed,
    /// <summary>It was not measured, or is not above 0.</summary>
    NoFigure,
    /// <summary>There is a ratio that nothing is claimed of, as less was resident than live: there is a mean, and nothing is claimed of that.</summary>
    Withheld,
}
