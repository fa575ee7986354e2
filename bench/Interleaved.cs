namespace AllocReplay.Bench;

/// <summary>One configuration of a benchmark. <paramref name="Run"/> does one run and returns its figure.</summary>
internal sealed record Candidate(string Name, Func<double> Run);

/// <summary>
/// Runs candidates in blocks: each once a block, in an order drawn anew, so that what the machine does meanwhile hits them
/// alike. Figures are medians; differences and ratios are taken within a block and then their median.
/// </summary>
internal sealed class Interleaved
{
    private const int Seed = 20261122;

    private readonly Dictionary<string, double[]> _figures;

    private Interleaved(Dictionary<string, double[]> figures) => _figures = figures;

    public static Interleaved Run(int blocks, IReadOnlyList<Candidate> candidates)
    {
        var random = new Random(Seed);
        var figures = candidates.ToDictionary(c => c.Name, _ => new double[blocks]);
        Candidate[] order = [.. candidates];
        foreach (Candidate candidate in order)
            candidate.Run(); // warm-up
        for (int block = 0; block < blocks; block++)
        {
            random.Shuffle(order);
            foreach (Candidate candidate in order)
                figures[candidate.Name][block] = candidate.Run();
        }
        return new Interleaved(figures);
    }

    public double Median(string name) => MedianOf(_figures[name]);

    /// <summary>Median over blocks of what one candidate's figure is above another's.</summary>
    public double Added(string name, string baseline) => MedianOf(_figures[name].Zip(_figures[baseline], (a, b) => a - b));

    /// <summary>Median over blocks of one figure divided by another.</summary>
    public double Ratio(string name, string baseline) => MedianOf(_figures[name].Zip(_figures[baseline], (a, b) => a / b));

    public static double MedianOf(IEnumerable<double> values)
    {
        double[] sorted = values.Order().ToArray();
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
