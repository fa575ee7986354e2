using AllocReplay.Replayer.Compare;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Replayer;

public sealed class PairedStatisticsTests
{
    private const string Seed = "0N0XIzNsQ0O3";
    private const int BootstrapSeed = 7;

    [Fact]
    public void A_spread_is_the_median_and_the_ends()
    {
        Assert.Equal(new Spread(3, 1, 9), Spread.Of([9, 1, 3]));
        Assert.Equal(new Spread(2.5, 1, 4), Spread.Of([4, 1, 2, 3]));
        Assert.Equal(default, Spread.Of([]));
    }

    [Fact]
    public void Runs_that_scatter_around_each_other_show_no_difference()
    {
        PairedRatio ratio = PairedStatistics.Ratio([100, 104, 97, 101, 99, 103], [101, 100, 102, 98, 103, 99], BootstrapSeed);
        Assert.Equal(Verdict.NoDifferenceShown, ratio.Verdict);
        Assert.InRange(ratio.Median, 0.95, 1.05);
    }

    [Fact]
    public void A_difference_in_every_block_is_shown_even_where_blocks_differ_more()
    {
        // The machine slows down from block to block by far more than the allocators differ.
        double[] baseline = [100, 80, 60, 50, 40, 30];
        double[] values = [110, 89, 65.5, 55.1, 44.4, 33];
        PairedRatio ratio = PairedStatistics.Ratio(values, baseline, BootstrapSeed);
        Assert.Equal(Verdict.Higher, ratio.Verdict);
        Assert.InRange(ratio.Median, 1.09, 1.12);
        Assert.Equal(Verdict.Lower, PairedStatistics.Ratio(baseline, values, BootstrapSeed).Verdict);
    }

    [Fact]
    public void Fewer_than_five_blocks_never_give_a_verdict()
    {
        PairedRatio ratio = PairedStatistics.Ratio([200, 201, 199], [100, 100, 100], BootstrapSeed);
        Assert.Null(ratio.Verdict);
        Assert.Equal(2, ratio.Median);
    }

    [Fact]
    public void The_interval_holds_the_median_and_is_the_same_every_time() =>
        Gen.Select(Gen.Double[1, 100], Gen.Double[1, 100]).Array[1, 20].Sample(
            pairs =>
            {
                double[] values = [.. pairs.Select(p => p.Item1)];
                double[] baseline = [.. pairs.Select(p => p.Item2)];
                PairedRatio ratio = PairedStatistics.Ratio(values, baseline, BootstrapSeed);
                Assert.True(ratio.Low <= ratio.Median && ratio.Median <= ratio.High);
                Assert.Equal(ratio, PairedStatistics.Ratio(values, baseline, BootstrapSeed));
            },
            seed: Seed, iter: 50, threads: 1);

    [Theory, InlineData(5), InlineData(12)]
    public void A_95_percent_interval_misses_the_truth_about_one_time_in_twenty(int blocks)
    {
        // Two allocators of the same speed: how often would a difference be claimed?
        int comparisons = Effort.Of(400, small: 200);
        var random = new Random(20261122);
        int claimed = 0;
        for (int i = 0; i < comparisons; i++)
        {
            double[] a = [.. Enumerable.Range(0, blocks).Select(_ => 100 + 5 * Normal(random))];
            double[] b = [.. Enumerable.Range(0, blocks).Select(_ => 100 + 5 * Normal(random))];
            if (PairedStatistics.Ratio(a, b, i).Verdict != Verdict.NoDifferenceShown)
                claimed++;
        }
        Assert.InRange(claimed, 0, comparisons / 10);
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
