using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>One run that counts.</summary>
/// <param name="Pass">What was looked at.</param>
/// <param name="Entrant">Place of what ran among the entrants.</param>
/// <param name="Block">Its block in the pass, from 0.</param>
/// <param name="Result">What the worker measured.</param>
internal sealed record LoggedRun(Pass Pass, int Entrant, int Block, WorkerResult Result);

/// <summary>The runs of a comparison that count, in the order in which they were made.</summary>
internal sealed class RunLog
{
    private readonly List<LoggedRun> _runs = [];

    public IReadOnlyList<LoggedRun> Runs => _runs;

    public void Add(LoggedRun run) => _runs.Add(run);

    /// <summary>The runs of an entrant in a pass.</summary>
    public IEnumerable<WorkerResult> Of(Pass pass, int entrant) =>
        _runs.Where(r => r.Pass == pass && r.Entrant == entrant).Select(r => r.Result);

    /// <summary>A figure over the runs of an entrant.</summary>
    public double[] Values(Metric metric, int entrant) => [.. Of(metric.Pass, entrant).Select(metric.Take)];

    /// <summary>The ratio of two entrants' figures over the blocks that both ran in; null where a figure is none, or is 0.</summary>
    public PairedRatio? Ratio(Metric metric, int entrant, int partner, double alpha)
    {
        Dictionary<int, double> partners = _runs.Where(r => r.Pass == metric.Pass && r.Entrant == partner).ToDictionary(r => r.Block, r => metric.Take(r.Result));
        (double Value, double Partner)[] pairs =
        [
            .. _runs.Where(r => r.Pass == metric.Pass && r.Entrant == entrant && partners.ContainsKey(r.Block))
                .Select(r => (metric.Take(r.Result), partners[r.Block])),
        ];
        return PairedStatistics.Ratio([.. pairs.Select(p => p.Value)], [.. pairs.Select(p => p.Partner)], alpha);
    }
}
