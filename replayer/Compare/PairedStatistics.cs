namespace AllocReplay.Replayer.Compare;

/// <summary>Middle and spread of one figure over the runs of a configuration.</summary>
/// <param name="Median">The middle.</param>
/// <param name="Min">The least.</param>
/// <param name="Max">The most.</param>
public readonly record struct Spread(double Median, double Min, double Max)
{
    public static Spread Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? default : new Spread(PairedStatistics.MedianOfSorted(sorted), sorted[0], sorted[^1]);
    }
}

/// <summary>What a comparison of two configurations shows.</summary>
public enum Verdict
{
    /// <summary>The interval holds 1: these runs show no difference.</summary>
    NoDifferenceShown,
    Higher,
    Lower,
}

/// <summary>A ratio between two configurations, run by run in the same blocks.</summary>
/// <param name="Median">Median of the paired ratios.</param>
/// <param name="Low">Lower end of the 95 % interval.</param>
/// <param name="High">Upper end.</param>
/// <param name="Verdict">What the interval shows; null with fewer than five runs, which show nothing.</param>
public readonly record struct PairedRatio(double Median, double Low, double High, Verdict? Verdict);

/// <summary>The statistics of runs in blocks, value beside value of the same block: pure functions.</summary>
public static class PairedStatistics
{
    private const int Resamples = 10_000;
    private const double Tail = 0.025;
    /// <summary>
    /// With five pairs the interval is the whole range of their ratios, which holds the true median 94 times in 100; with
    /// four it would be 88 times.
    /// </summary>
    public const int PairsForAVerdict = 5;

    /// <summary>
    /// The ratio of each value to its partner of the same block, its median, and a percentile bootstrap over the blocks. With
    /// fewer than five blocks the interval is the range of the ratios widened to hold 1, and no verdict is drawn from it.
    /// </summary>
    /// <param name="values">One value per block.</param>
    /// <param name="baseline">The partner of each value.</param>
    /// <param name="seed">Seed of the resampling, so that the same runs always give the same interval.</param>
    public static PairedRatio Ratio(IReadOnlyList<double> values, IReadOnlyList<double> baseline, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Count, baseline.Count);
        double[] ratios = [.. values.Zip(baseline, (value, partner) => value / partner)];
        double[] sorted = [.. ratios.Order()];
        if (sorted.Length == 0)
            return new PairedRatio(double.NaN, double.NegativeInfinity, double.PositiveInfinity, Verdict: null);
        double median = MedianOfSorted(sorted);
        if (sorted.Length < PairsForAVerdict)
            return new PairedRatio(median, Math.Min(1, sorted[0]), Math.Max(1, sorted[^1]), Verdict: null);
        var random = new Random(seed);
        double[] medians = new double[Resamples];
        double[] sample = new double[ratios.Length];
        for (int i = 0; i < Resamples; i++)
        {
            for (int j = 0; j < sample.Length; j++)
                sample[j] = ratios[random.Next(ratios.Length)];
            Array.Sort(sample);
            medians[i] = MedianOfSorted(sample);
        }
        Array.Sort(medians);
        (double low, double high) = (medians[(int)(Tail * Resamples)], medians[(int)((1 - Tail) * Resamples) - 1]);
        return new PairedRatio(median, low, high, low > 1 ? Verdict.Higher : high < 1 ? Verdict.Lower : Verdict.NoDifferenceShown);
    }

    /// <summary>Median of values in any order; not a number of none.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : MedianOfSorted(sorted);
    }

    /// <summary>Median of values in rising order.</summary>
    internal static double MedianOfSorted(ReadOnlySpan<double> sorted)
    {
        int middle = sorted.Length / 2;
        return sorted.Length % 2 != 0 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
