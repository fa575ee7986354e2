using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>One run that counts.</summary>
/// <param name="Pass">What was looked at.</param>
/// <param name="Entrant">Place of what ran among the entrants.</param>
/// <param name="Block">Its block in the pass, from 0.</param>
/// <param name="Result">What the worker measured.</param>
/// <param name="Figures">What the metrics of the pass take from it, by name; those that it does not have are not there.</param>
internal sealed record LoggedRun(Pass Pass, int Entrant, int Block, WorkerResult Result, IReadOnlyDictionary<string, double> Figures)
{
    public static LoggedRun Of(Pass pass, int entrant, int block, WorkerResult result) => new(
        pass, entrant, block, result,
        Metric.All.Where(m => m.Pass == pass).Select(m => (m.Name, Value: m.Take(result))).Where(f => double.IsFinite(f.Value))
            .ToDictionary(f => f.Name, f => f.Value));
}

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
    public double[] Values(Metric metric, int entrant) => [.. ByBlock(metric, entrant).Values];

    /// <summary>The ratio of two entrants' figures over the blocks that both ran in; null where there is none, or one is not above 0.</summary>
    public PairedRatio? Ratio(Metric metric, int entrant, int partner, double alpha)
    {
        Dictionary<int, double> values = ByBlock(metric, entrant), partners = ByBlock(metric, partner);
        int[] blocks = [.. values.Keys.Where(partners.ContainsKey)];
        return PairedStatistics.Ratio([.. blocks.Select(b => values[b])], [.. blocks.Select(b => partners[b])], alpha);
    }

    private Dictionary<int, double> ByBlock(Metric metric, int entrant) => _runs
        .Where(r => r.Pass == metric.Pass && r.Entrant == entrant && r.Figures.ContainsKey(metric.Name))
        .ToDictionary(r => r.Block, r => r.Figures[metric.Name]);
}
