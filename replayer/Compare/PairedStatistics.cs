namespace AllocReplay.Replayer.Compare;

/// <summary>The statistics of runs in blocks, value beside value of the same block: pure functions.</summary>
public static class PairedStatistics
{
    /// <summary>Where the ratio of values to their partners lies; null where one of them is not positive, as it has no ratio.</summary>
    /// <param name="values">One value per block, at most <see cref="SignedRank.PairsMax"/>.</param>
    /// <param name="partners">The partner of each value.</param>
    /// <param name="alpha">How often the interval may miss the truth, such as 0.05.</param>
    public static PairedRatio? Ratio(IReadOnlyList<double> values, IReadOnlyList<double> partners, double alpha)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Count, partners.Count);
        return Ratio([.. values.Zip(partners, LogRatio)], alpha);
    }

    /// <summary>Where a ratio lies; null where a pair has none.</summary>
    /// <param name="logRatios">The logarithm of the ratio of each pair, at most <see cref="SignedRank.PairsMax"/>.</param>
    /// <param name="alpha">How often the interval may miss the truth, such as 0.05.</param>
    public static PairedRatio? Ratio(IReadOnlyList<double> logRatios, double alpha)
    {
        if (logRatios.Count == 0 || logRatios.Any(double.IsNaN))
            return null;
        SignedRank rank = SignedRank.Of(logRatios, alpha);
        return new PairedRatio(
            Math.Exp(rank.Middle), rank.HasInterval ? Math.Exp(rank.Low) : null, rank.HasInterval ? Math.Exp(rank.High) : null, 1 - alpha, logRatios.Count);
    }

    /// <summary>Not a number where one of the two is not positive, as they have no ratio.</summary>
    public static double LogRatio(double value, double partner) =>
        value > 0 && partner > 0 && double.IsFinite(value) && double.IsFinite(partner) ? Math.Log(value / partner) : double.NaN;

    /// <summary>
    /// The logarithm of the ratio of two runs of a block. Where both were made in turns, the median of the rounds: a turn and its partner are close
    /// together, and what the machine does for a moment is in few of them.
    /// </summary>
    /// <param name="figure">The figure of the run.</param>
    /// <param name="partner">That of its partner.</param>
    /// <param name="turns">The figure of each of its turns; null where it has none.</param>
    /// <param name="partners">Those of its partner.</param>
    public static double LogRatio(double figure, double partner, IReadOnlyList<double>? turns, IReadOnlyList<double>? partners)
    {
        if (turns is null || partners is null || turns.Count != partners.Count || turns.Count == 0)
            return LogRatio(figure, partner);
        double[] ratios = [.. turns.Zip(partners, LogRatio)];
        return ratios.Any(double.IsNaN) ? double.NaN : Median(ratios);
    }

    /// <summary>What is claimed of a ratio.</summary>
    /// <param name="ratio">The ratio.</param>
    /// <param name="difference">The figure's difference from its partner's, in the figure's unit.</param>
    /// <param name="threshold">What matters.</param>
    public static Verdict Judge(PairedRatio ratio, double difference, Threshold threshold)
    {
        if (ratio.Low is not { } low || ratio.High is not { } high)
            return Verdict.TooFewRuns;
        if (low <= 1 && high >= 1)
            return Verdict.NoDifferenceShown;
        if (Math.Abs(ratio.Estimate - 1) < threshold.Relative || Math.Abs(difference) < threshold.Absolute)
            return Verdict.Negligible;
        return low > 1 ? Verdict.Higher : Verdict.Lower;
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

/// <summary>The least difference that matters: both are to be reached.</summary>
/// <param name="Relative">Relative to the partner's figure, such as 0.02.</param>
/// <param name="Absolute">In the figure's unit.</param>
public readonly record struct Threshold(double Relative, double Absolute = 0);
