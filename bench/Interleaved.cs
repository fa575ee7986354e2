using AllocReplay.Replayer.Compare;

namespace AllocReplay.Bench;

/// <summary>One configuration of a benchmark. <paramref name="Run"/> does one run and returns its figure.</summary>
internal sealed record Candidate(string Name, Func<double> Run);

/// <summary>
/// Runs candidates by the schedule that <c>compare</c> has. Figures are medians; differences and ratios are taken within a block and then their median.
/// </summary>
internal sealed class Interleaved
{
    private const int Seed = 20261122;

    private readonly Dictionary<string, double[]> _figures;

    private Interleaved(Dictionary<string, double[]> figures) => _figures = figures;

    public static Interleaved Run(int blocks, IReadOnlyList<Candidate> candidates)
    {
        var figures = candidates.ToDictionary(c => c.Name, _ => new double[blocks]);
        var schedule = new Schedule(candidates.Count, Seed);
        const int warmUps = 1;
        for (int block = -warmUps; block < blocks; block++)
        {
            foreach (Candidate candidate in schedule.NextBlock().Select(i => candidates[i]))
            {
                double figure = candidate.Run();
                if (block >= 0)
                    figures[candidate.Name][block] = figure;
            }
        }
        return new Interleaved(figures);
    }

    public double Median(string name) => PairedStatistics.Median(_figures[name]);

    public double Least(string name) => _figures[name].Min();

    /// <summary>Median over blocks of what one candidate's figure is above another's.</summary>
    public double Added(string name, string baseline) => PairedStatistics.Median(_figures[name].Zip(_figures[baseline], (a, b) => a - b));

    /// <summary>Median over blocks of one figure divided by another.</summary>
    public double Ratio(string name, string baseline) => PairedStatistics.Median(_figures[name].Zip(_figures[baseline], (a, b) => a / b));
}
