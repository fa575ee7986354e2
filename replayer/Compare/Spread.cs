namespace AllocReplay.Replayer.Compare;

/// <summary>Middle and ends of one figure over the runs of a configuration.</summary>
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
