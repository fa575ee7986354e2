using System.Collections.Concurrent;

namespace AllocReplay.Replayer.Compare;

/// <summary>Where the middle of paired differences lies, by Wilcoxon's signed ranks: exact for any number of pairs, however they are spread.</summary>
/// <remarks>
/// Two runs of a block stand in an order drawn by lot, so where two configurations differ by a factor, the logarithm of their ratio is spread evenly
/// around that of the factor, whatever the spread of one run is. That is all that the signed ranks ask for. Beside the exact interval of the median
/// it takes two thirds of the runs to be as narrow: docs/decisions/0009.
/// </remarks>
/// <param name="Middle">The median of the means of all pairs of differences (Hodges and Lehmann).</param>
/// <param name="Low">Lower end of the interval; negative infinity where the pairs are too few for one.</param>
/// <param name="High">Upper end; infinity where they are too few.</param>
public readonly record struct SignedRank(double Middle, double Low, double High)
{
    /// <summary>The most pairs that are taken: the least probability, 2 to the power of minus that, is a number still, and an interval takes 0.3 s.</summary>
    public const int PairsMax = 1000;

    private static readonly ConcurrentDictionary<int, double[]> Cumulative = new();

    /// <summary>Whether the pairs were enough for an interval.</summary>
    public bool HasInterval => double.IsFinite(Low);

    /// <param name="differences">One for each pair, at most <see cref="PairsMax"/>; none is not a number.</param>
    /// <param name="alpha">How often the interval may miss the middle, such as 0.05.</param>
    public static SignedRank Of(IReadOnlyList<double> differences, double alpha)
    {
        int n = differences.Count;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(n, PairsMax);
        if (n == 0)
            return new SignedRank(double.NaN, double.NegativeInfinity, double.PositiveInfinity);
        double[] means = new double[n * (n + 1) / 2];
        for (int i = 0, at = 0; i < n; i++)
            for (int j = i; j < n; j++)
                means[at++] = (differences[i] + differences[j]) / 2;
        Array.Sort(means);
        double middle = PairedStatistics.MedianOfSorted(means);
        int outside = Outside(n, alpha / 2);
        return outside < 0
            ? new SignedRank(middle, double.NegativeInfinity, double.PositiveInfinity)
            : new SignedRank(middle, means[outside], means[^(outside + 1)]);
    }

    /// <summary>The fewest pairs that have an interval.</summary>
    public static int PairsFor(double alpha) => (int)Math.Ceiling(Math.Log2(2 / alpha) - 1e-9);

    /// <summary>Means that may be left out at each end: the largest rank sum whose tail is at most that; -1 where not even the least is.</summary>
    private static int Outside(int n, double tail)
    {
        double[] cumulative = Cumulative.GetOrAdd(n, CumulativeOf);
        int index = Array.FindIndex(cumulative, p => p > tail * (1 + 1e-9));
        return index - 1;
    }

    /// <summary>The probability that the ranks of the positive differences sum to at most so much, up to half of the greatest sum.</summary>
    private static double[] CumulativeOf(int n)
    {
        int half = n * (n + 1) / 4;
        double[] probability = new double[half + 1];
        probability[0] = 1;
        for (int rank = 1; rank <= n; rank++)
        {
            for (int sum = half; sum >= 0; sum--)
                probability[sum] = (probability[sum] + (sum >= rank ? probability[sum - rank] : 0)) / 2;
        }
        for (int sum = 1; sum <= half; sum++)
            probability[sum] += probability[sum - 1];
        return probability;
    }
}
