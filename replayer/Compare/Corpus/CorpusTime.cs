namespace AllocReplay.Replayer.Compare.Corpus;

/// <summary>How the time of a comparison is shared out over its traces, and whether it is enough.</summary>
public static class CorpusTime
{
    /// <summary>A run lasts so long at the least: its process has to start, and where it has turns, one lasts 50 ms.</summary>
    private static readonly TimeSpan RunMin = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan ShareMin = TimeSpan.FromMilliseconds(1);

    /// <summary>An equal part of what is left: who needs less than its share leaves it to those after it.</summary>
    /// <param name="left">Time that is left; not above 0 where it is spent.</param>
    /// <param name="traces">Traces that are left, this one among them.</param>
    public static TimeSpan Share(TimeSpan left, int traces) => left > ShareMin * traces ? left / traces : ShareMin;

    /// <summary>
    /// What a trace takes at the least, however small it is, until every interval of a primary figure has an end: fewer runs have none at this many claims.
    /// </summary>
    /// <param name="configurations">How many are compared, the first among them.</param>
    /// <param name="references">Those of them that nothing is claimed of.</param>
    /// <param name="primary">The figures that verdicts are given of.</param>
    public static TimeSpan Least(int configurations, int references, IReadOnlyList<Metric> primary)
    {
        int claims = Math.Max(1, primary.Count * (configurations - 1 - references));
        return SignedRank.PairsFor(ComparisonOptions.Alpha / claims) * (configurations + 1) * primary.Select(m => m.Pass).Distinct().Count() * RunMin;
    }

    /// <summary>
    /// Time of all that would have given each trace as many blocks as an interval takes, about, seconds; null where each had them, or it was not time that
    /// it lacked.
    /// </summary>
    internal static double? Needed(IReadOnlyList<TraceResult> traces)
    {
        ComparisonReport[] reports =
            [.. traces.Select(t => t.Report).OfType<ComparisonReport>().Where(r => r is { BudgetSeconds: not null, IsInterrupted: false })];
        double[] factors = [.. reports.Select(r => Shortage(r))];
        // Shares are equal: all have to be as large as that of the neediest.
        return factors.Any(f => f > 1) ? reports.Length * reports.Zip(factors, (r, f) => Math.Max(r.ElapsedSeconds, r.BudgetSeconds!.Value) * f).Max() : null;
    }

    /// <summary>How many times as many blocks the pass would have to have that has the fewest of those that an interval takes; 1 where none lacks.</summary>
    private static double Shortage(ComparisonReport report) =>
    (
        from primary in report.Primary
        join metric in Metric.All on primary.Metric equals metric.Name
        join pass in report.Passes on metric.PassName equals pass.Name
        where pass.Stop == Stop.Budget
        select (double)SignedRank.PairsFor(1 - primary.Confidence) / Math.Max(1, pass.Blocks)
    ).Append(1).Max();
}
