namespace AllocReplay.Replayer.Compare;

/// <summary>A weighted sum of estimates that know nothing of each other, with an interval of the same level as theirs.</summary>
/// <remarks>
/// The distances from the estimates to the ends of their intervals add up as deviations do, by their squares, each end for itself: an interval that is
/// wider on one side stays so. With one estimate it is that one's interval. How often it holds the truth: docs/decisions/0009.
/// </remarks>
internal static class IndependentSum
{
    /// <param name="parts">The estimates, and what each is multiplied with, which is not 0.</param>
    /// <returns>Without an interval where one of them has none.</returns>
    public static SignedRank Of(IReadOnlyList<(double Weight, SignedRank Rank)> parts)
    {
        double middle = 0, down = 0, up = 0;
        foreach ((double weight, SignedRank rank) in parts)
        {
            middle += weight * rank.Middle;
            double below = rank.Middle - rank.Low, above = rank.High - rank.Middle;
            (below, above) = weight > 0 ? (below, above) : (above, below);
            down += Square(weight * below);
            up += Square(weight * above);
        }
        return new SignedRank(middle, middle - Math.Sqrt(down), middle + Math.Sqrt(up));
    }

    private static double Square(double x) => x * x;
}
