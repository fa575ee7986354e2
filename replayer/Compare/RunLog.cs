using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>One run that counts.</summary>
/// <param name="Pass">What was looked at.</param>
/// <param name="Entrant">Place of what ran among the entrants.</param>
/// <param name="Block">Number of the block, or heat, whose runs are paired; no two passes share one.</param>
/// <param name="Result">What the worker measured.</param>
/// <param name="Figures">What the metrics of the pass take from it, by name; those that it does not have are not there.</param>
/// <param name="Turns">Of the metrics that have them, the figure of each turn, by name.</param>
internal sealed record LoggedRun(
    Pass Pass, int Entrant, int Block, WorkerResult Result, IReadOnlyDictionary<string, double> Figures,
    IReadOnlyDictionary<string, IReadOnlyList<double>> Turns)
{
    public static LoggedRun Of(Pass pass, int entrant, int block, WorkerResult result) => new(
        pass, entrant, block, result,
        Metric.All.Where(m => m.Pass == pass).Select(m => (m.Name, Value: m.Take(result))).Where(f => double.IsFinite(f.Value))
            .ToDictionary(f => f.Name, f => f.Value),
        Metric.All.Where(m => m.Pass == pass && m.TakeTurns is not null).ToDictionary(m => m.Name, m => m.TakeTurns!(result)));

    /// <inheritdoc cref="PairedStatistics.LogRatio(double, double, IReadOnlyList{double}?, IReadOnlyList{double}?)"/>
    public double LogRatio(LoggedRun partner, string metric) =>
        PairedStatistics.LogRatio(Figures[metric], partner.Figures[metric], Turns.GetValueOrDefault(metric), partner.Turns.GetValueOrDefault(metric));
}

/// <summary>The runs of a comparison that count, in the order in which they were made.</summary>
internal sealed class RunLog
{
    private readonly List<LoggedRun> _runs = [];

    public void Add(LoggedRun run) => _runs.Add(run);

    /// <summary>The runs of an entrant in a pass.</summary>
    public IEnumerable<WorkerResult> Of(Pass pass, int entrant) =>
        _runs.Where(r => r.Pass == pass && r.Entrant == entrant).Select(r => r.Result);

    /// <summary>A figure over the runs of an entrant.</summary>
    public double[] Values(Metric metric, int entrant) => [.. RunsOf(metric, entrant).Select(r => r.Figures[metric.Name])];

    /// <summary>The ratio of two entrants' figures over the blocks that both ran in; null where there is none, or one is not above 0.</summary>
    public PairedRatio? Ratio(Metric metric, int entrant, int partner, double alpha)
    {
        Dictionary<int, LoggedRun> partners = RunsOf(metric, partner).ToDictionary(r => r.Block);
        return PairedStatistics.Ratio(
            [.. RunsOf(metric, entrant).Where(r => partners.ContainsKey(r.Block)).Select(r => r.LogRatio(partners[r.Block], metric.Name))], alpha);
    }

    /// <summary>Every run, as a report tells it.</summary>
    /// <param name="partner">Whose runs ratios are relative to.</param>
    public IEnumerable<RunFigures> Figures(int partner)
    {
        var partners = _runs.Where(r => r.Entrant == partner).ToDictionary(r => (r.Pass, r.Block));
        return _runs.Select(r => new RunFigures(
            r.Pass.Name, r.Entrant, r.Block, r.Figures, r.Turns, RatiosOf(r, partners.GetValueOrDefault((r.Pass, r.Block)))));
    }

    private static Dictionary<string, double> RatiosOf(LoggedRun run, LoggedRun? partner) => partner is null || partner == run ? []
        : run.Figures.Keys.Where(partner.Figures.ContainsKey).Select(m => (Metric: m, Ratio: Math.Exp(run.LogRatio(partner, m))))
            .Where(r => double.IsFinite(r.Ratio)).ToDictionary(r => r.Metric, r => r.Ratio);

    private IEnumerable<LoggedRun> RunsOf(Metric metric, int entrant) =>
        _runs.Where(r => r.Pass == metric.Pass && r.Entrant == entrant && r.Figures.ContainsKey(metric.Name));
}
