using AllocReplay.Replayer.Compare;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Replayer;

public sealed class PairedStatisticsTests
{
    private const string Seed = "0N0XIzNsQ0O3";
    private const double Alpha = 0.05;

    private static readonly Threshold None = new(0);

    [Fact]
    public void A_spread_is_the_median_and_the_ends()
    {
        Assert.Equal(new Spread(3, 1, 9), Spread.Of([9, 1, 3]));
        Assert.Equal(new Spread(2.5, 1, 4), Spread.Of([4, 1, 2, 3]));
        Assert.Equal(default, Spread.Of([]));
    }

    [Fact]
    public void A_median_is_of_values_in_any_order_and_of_none_not_a_number()
    {
        Assert.Equal(3, PairedStatistics.Median([9, 1, 3]));
        Assert.Equal(2.5, PairedStatistics.Median([4, 1, 2, 3]));
        Assert.Equal(double.NaN, PairedStatistics.Median([]));
    }

    [Theory]
    [InlineData(0.8, 1.0, Verdict.NoDifferenceShown)]
    [InlineData(1.0, 1.2, Verdict.NoDifferenceShown)]
    [InlineData(0.8, 0.99, Verdict.Lower)]
    [InlineData(1.01, 1.2, Verdict.Higher)]
    [InlineData(null, null, Verdict.TooFewRuns)]
    public void An_interval_that_ends_at_1_holds_it(double? low, double? high, Verdict verdict) =>
        Assert.Equal(verdict, PairedStatistics.Judge(new PairedRatio((low + high) / 2 ?? 1.5, low, high, 0.95, 6), difference: 1e6, None));

    [Theory]
    [InlineData(1.019, 1e9, Verdict.Negligible)]
    [InlineData(1.021, 65_000, Verdict.Negligible)]
    [InlineData(1.021, 66_000, Verdict.Higher)]
    public void What_is_sure_and_below_the_threshold_is_negligible(double estimate, double difference, Verdict verdict) =>
        Assert.Equal(verdict, PairedStatistics.Judge(
            new PairedRatio(estimate, estimate - 0.001, estimate + 0.001, 0.95, 6), difference, new Threshold(0.02, Absolute: 65_536)));

    [Fact]
    public void Runs_that_scatter_around_each_other_show_no_difference()
    {
        PairedRatio ratio = Ratio([100, 104, 97, 101, 99, 103], [101, 100, 102, 98, 103, 99]);
        Assert.Equal(Verdict.NoDifferenceShown, PairedStatistics.Judge(ratio, 1, None));
        Assert.InRange(ratio.Estimate, 0.95, 1.05);
    }

    [Fact]
    public void A_difference_in_every_block_is_shown_even_where_blocks_differ_more()
    {
        // The machine slows down from block to block by far more than the allocators differ.
        double[] baseline = [100, 80, 60, 50, 40, 30];
        double[] values = [110, 89, 65.5, 55.1, 44.4, 33];
        PairedRatio ratio = Ratio(values, baseline);
        Assert.Equal(Verdict.Higher, PairedStatistics.Judge(ratio, 1, None));
        Assert.InRange(ratio.Estimate, 1.09, 1.12);
        Assert.Equal(Verdict.Lower, PairedStatistics.Judge(Ratio(baseline, values), 1, None));
    }

    [Theory]
    [InlineData(5, 0.05, false)]
    [InlineData(6, 0.05, true)]
    [InlineData(8, 0.005, false)]
    [InlineData(9, 0.005, true)]
    public void Too_few_pairs_have_no_interval(int pairs, double alpha, bool hasInterval)
    {
        double[] ones = [.. Enumerable.Repeat(1.0, pairs)], twos = [.. Enumerable.Repeat(2.0, pairs)];
        PairedRatio ratio = PairedStatistics.Ratio(twos, ones, alpha)!;
        Assert.Equal((hasInterval, 2.0), (ratio.Low is not null, Math.Round(ratio.Estimate, 12)));
        Assert.Equal(hasInterval, pairs >= SignedRank.PairsFor(alpha));
    }

    [Fact]
    public void What_is_not_above_0_has_no_ratio()
    {
        Assert.Null(PairedStatistics.Ratio([1, 0], [1, 1], Alpha));
        Assert.Null(PairedStatistics.Ratio([1, 1], [1, -1], Alpha));
        Assert.Null(PairedStatistics.Ratio([1, double.NaN], [1, 1], Alpha));
        Assert.Null(PairedStatistics.Ratio([], [], Alpha));
    }

    [Fact]
    public void The_interval_holds_the_estimate_turns_with_the_ratio_and_narrows_with_alpha() =>
        Gen.Select(Gen.Double[1, 100], Gen.Double[1, 100]).Array[6, 40].Sample(
            pairs =>
            {
                double[] values = [.. pairs.Select(p => p.Item1)], partners = [.. pairs.Select(p => p.Item2)];
                PairedRatio ratio = Ratio(values, partners), turned = Ratio(partners, values);
                Assert.True(ratio.Low <= ratio.Estimate && ratio.Estimate <= ratio.High);
                Assert.Equal(1 / ratio.Estimate, turned.Estimate, 1e-9);
                Assert.Equal(1 / ratio.High!.Value, turned.Low!.Value, 1e-9);
                PairedRatio wider = PairedStatistics.Ratio(values, partners, Alpha / 10)!;
                Assert.True(wider.Low is null || wider.Low <= ratio.Low && wider.High >= ratio.High);
            },
            seed: Seed, iter: 100, threads: 1);

    /// <summary>Tables of the signed ranks give the largest sum whose tail is at most 2.5 %: 0 of 6, 2 of 7, 8 of 10, 52 of 20, 89 of 25.</summary>
    [Theory]
    [InlineData(6, 0)]
    [InlineData(7, 2)]
    [InlineData(10, 8)]
    [InlineData(20, 52)]
    [InlineData(25, 89)]
    public void The_ends_are_those_of_the_tables(int pairs, int outside)
    {
        // Powers of two: every mean of two differs from every other.
        double[] differences = [.. Enumerable.Range(0, pairs).Select(i => Math.Pow(2, i))];
        double[] means = [.. differences.SelectMany((a, i) => differences.Skip(i).Select(b => (a + b) / 2)).Order()];
        SignedRank rank = SignedRank.Of(differences, Alpha);
        Assert.Equal((means[outside], means[^(outside + 1)]), (rank.Low, rank.High));
    }

    [Theory]
    [InlineData(6, 0.05, 1)]
    [InlineData(12, 0.05, 1)]
    [InlineData(40, 0.005, 1)]
    [InlineData(12, 0.05, 20)] // one run in ten is twenty times as far off
    public void An_interval_misses_the_truth_no_more_often_than_it_says(int blocks, double alpha, double outliers)
    {
        int comparisons = Effort.Of(10_000, small: 1000);
        var random = new Random(20261122);
        double Run() => Math.Exp(0.05 * Normal(random) * (random.Next(10) == 0 ? outliers : 1));
        int missed = 0;
        for (int i = 0; i < comparisons; i++)
        {
            double[] a = [.. Enumerable.Range(0, blocks).Select(_ => 1.1 * Run())], b = [.. Enumerable.Range(0, blocks).Select(_ => Run())];
            PairedRatio ratio = PairedStatistics.Ratio(a, b, alpha)!;
            missed += ratio.Low > 1.1 || ratio.High < 1.1 ? 1 : 0;
        }
        // Three standard deviations above what is expected of an interval that misses just so often.
        Assert.InRange(missed, 0, comparisons * alpha + 3 * Math.Sqrt(comparisons * alpha));
    }

    [Fact]
    public void An_interval_that_claims_too_much_is_found_out()
    {
        // The control of the simulation above: an interval of 80 % that says that it is one of 95.
        var random = new Random(20261123);
        int missed = 0;
        for (int i = 0; i < 1000; i++)
        {
            double[] a = [.. Enumerable.Range(0, 12).Select(_ => Math.Exp(0.05 * Normal(random)))];
            PairedRatio ratio = PairedStatistics.Ratio(a, [.. a.Select(_ => Math.Exp(0.05 * Normal(random)))], alpha: 0.2)!;
            missed += ratio.Low > 1 || ratio.High < 1 ? 1 : 0;
        }
        Assert.True(missed > 1000 * Alpha + 3 * Math.Sqrt(1000 * Alpha));
    }

    private static PairedRatio Ratio(double[] values, double[] partners) => PairedStatistics.Ratio(values, partners, Alpha)!;

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
