using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Corpus;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>Means over traces: what they are, how often their intervals hold the truth, and what is claimed of them.</summary>
public sealed class CorpusSummaryTests
{
    private const int Seed = 20261126;
    private const double Alpha = 0.05;

    private static readonly string[] Names = ["first", "second"];

    [Fact]
    public void A_mean_is_the_geometric_one_of_the_traces_estimates_and_each_counts_once()
    {
        PairedRatio mean = CorpusSummary.MeanOf([Ratio(2, 1.9, 2.1, pairs: 10), Ratio(0.5, 0.45, 0.55, pairs: 1000)]);
        Assert.Equal(1, mean.Estimate, 1e-12);
        Assert.Equal((1010, 0.95), (mean.Pairs, mean.Confidence));
        // Squares of the distances add up, each end for itself.
        Assert.Equal(Math.Exp(-Math.Sqrt(Square(Math.Log(2 / 1.9)) + Square(Math.Log(0.5 / 0.45))) / 2), mean.Low!.Value, 1e-12);
        Assert.Equal(Math.Exp(Math.Sqrt(Square(Math.Log(2.1 / 2)) + Square(Math.Log(0.55 / 0.5))) / 2), mean.High!.Value, 1e-12);
    }

    [Fact]
    public void The_mean_over_one_trace_is_that_trace_s()
    {
        PairedRatio one = Ratio(1.5, 1.2, 1.9, pairs: 12), mean = CorpusSummary.MeanOf([one]);
        Assert.Equal((one.Estimate, one.Low!.Value, one.High!.Value), (Round(mean.Estimate), Round(mean.Low!.Value), Round(mean.High!.Value)));
    }

    [Fact]
    public void A_trace_without_an_interval_leaves_the_mean_without_one()
    {
        PairedRatio mean = CorpusSummary.MeanOf([Ratio(2, 1.9, 2.1, 10), new PairedRatio(1.5, null, null, 0.95, 3)]);
        Assert.Equal((Round(Math.Sqrt(3)), null, null), (Round(mean.Estimate), mean.Low, mean.High));
    }

    /// <summary>
    /// Traces whose ratios lie far apart, whose runs scatter differently and are not equally many; of one case in ten runs is late by far.
    /// </summary>
    [Theory]
    [InlineData(0.05, 1, 9, 9)]
    [InlineData(0.05, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9)]
    [InlineData(0.05, 1, 9, 12, 20, 40)]
    [InlineData(0.05, 20, 24, 24, 24, 24)]
    [InlineData(0.005, 1, 12, 12, 12)]
    public void An_interval_misses_the_mean_no_more_often_than_it_says(double alpha, double outliers, params int[] blocks)
    {
        int corpora = Effort.Of(10_000, small: 500);
        int missed = Missed(outliers, blocks, corpora, level: alpha);
        Assert.InRange(missed, 0, corpora * alpha + 3 * Math.Sqrt(corpora * alpha));
    }

    [Fact]
    public void A_mean_whose_intervals_claim_too_much_is_found_out()
    {
        // The control: intervals of 70 % that are taken for ones of 95.
        int missed = Missed(1, [12, 12, 12, 12], 500, level: 0.3);
        Assert.True(missed > 500 * Alpha + 3 * Math.Sqrt(500 * Alpha), $"{missed}");
    }

    [Fact]
    public void A_difference_on_every_trace_is_one_of_the_mean_and_opposite_ones_cancel()
    {
        // In SampleComparison the second configuration is 1.13 times as fast.
        ComparisonReport report = SampleComparison.Make("a", Names), turned = Turned(report);
        MeanFigure both = MeanOf("speed", report, report);
        Assert.Equal((Verdict.Higher, Round(report.Rows[2][Metric.Speed]!.Ratio!.Estimate)), (both.Verdict, Round(both.Ratio!.Estimate)));
        Assert.True(both.Ratio.High - both.Ratio.Low < report.Rows[2][Metric.Speed]!.Ratio!.High - report.Rows[2][Metric.Speed]!.Ratio!.Low);
        MeanFigure opposite = MeanOf("speed", report, turned);
        Assert.Equal((Verdict.NoDifferenceShown, 1.0), (opposite.Verdict, Round(opposite.Ratio!.Estimate)));
    }

    [Fact]
    public void Means_have_the_level_of_the_traces_claims_and_the_twin_s_tells_their_noise()
    {
        CorpusSummary summary = Summary(SampleComparison.Make("a", Names), SampleComparison.Make("b", Names))!;
        Assert.Equal(["a", "b"], summary.Traces);
        Assert.Equal([Role.Baseline, Role.Twin, Role.Compared, Role.Reference], summary.Rows.Select(r => r.Role));
        PrimaryFacts speed = summary.Primary[0];
        Assert.Equal(1 - 0.05 / 3, speed.Confidence, 1e-12);
        PairedRatio twin = summary.Rows[1]["speed"]!.Ratio!;
        Assert.Equal(Math.Max(Math.Abs(1 - twin.Low!.Value), Math.Abs(twin.High!.Value - 1)), speed.Noise);
        Assert.Null(summary.Rows[1]["speed"]!.Verdict);
        Assert.Null(summary.Rows[3]["speed"]!.Verdict);
        Assert.Empty(summary.Rows[0].Figures);
        Assert.NotNull(speed.Resolution);
    }

    [Theory]
    [InlineData(1.005, 1 << 20, Verdict.Negligible)] // below one percent
    [InlineData(1.1, 1000, Verdict.Negligible)] // of memory: on no trace is it 64 KiB
    [InlineData(1.1, 1 << 20, Verdict.Higher)]
    public void What_is_sure_and_matters_on_no_trace_is_negligible(double estimate, double difference, Verdict verdict)
    {
        ComparisonReport report = Planted(new PairedRatio(estimate, estimate - 0.001, estimate + 0.001, 0.95, 12), difference);
        Assert.Equal(verdict, MeanOf("peak_rss", report, report).Verdict);
    }

    [Fact]
    public void What_failed_on_one_trace_has_no_mean_and_it_is_said_which()
    {
        ComparisonReport good = SampleComparison.Make("good", Names);
        ComparisonReport bad = good with
        {
            Trace = "bad",
            Rows = [.. good.Rows.Select((r, i) => i == 2 ? r with { Failure = new RowFailure("memory", null, null, "crashed") } : r)],
        };
        CorpusSummary summary = Summary(good, bad)!;
        Assert.All(summary.Rows[2].Figures, f => Assert.Equal((null, null, new MeanGap("bad", MeanGapReason.Failed)), (f.Ratio, f.Verdict, f.Gaps.Single())));
        Assert.NotNull(summary.Rows[3]["speed"]!.Ratio);

        ComparisonReport first = good with { Trace = "bad", Rows = [.. good.Rows.Select((r, i) => i < 2 ? r with { Failure = bad.Rows[2].Failure } : r)] };
        Assert.Equal(MeanGapReason.FirstFailed, Summary(good, first)!.Rows[2]["speed"]!.Gaps.Single().Reason);
    }

    [Fact]
    public void A_verdict_that_is_withheld_on_one_trace_is_withheld()
    {
        ComparisonReport report = SampleComparison.Make("a", Names);
        ComparedFigure peak = report.Rows[2][Metric.PeakRss]!;
        ComparisonReport withheld = report with
        {
            Rows = [.. report.Rows.Select((r, i) => i == 2
                ? r with { Figures = [.. r.Figures.Select(f => f == peak ? f with { Verdict = Verdict.Withheld } : f)] } : r)],
        };
        MeanFigure mean = MeanOf("peak_rss", report, withheld with { Trace = "b" });
        Assert.Equal((Verdict.Withheld, new MeanGap("b", MeanGapReason.Withheld)), (mean.Verdict, mean.Gaps.Single()));
        Assert.NotNull(mean.Ratio);
    }

    [Fact]
    public void What_was_interrupted_is_in_no_mean()
    {
        ComparisonReport report = SampleComparison.Make("whole", Names);
        Assert.Equal(["whole"], Summary(report, report with { Trace = "part", IsInterrupted = true })!.Traces);
        Assert.Null(Summary(report with { IsInterrupted = true }));
    }

    private static CorpusSummary? Summary(params ComparisonReport[] reports) => SampleComparison.Corpus(reports).Summary;

    private static MeanFigure MeanOf(string metric, params ComparisonReport[] reports) => Summary(reports)!.Rows[2][metric]!;

    /// <summary>The second is as much slower as it was faster.</summary>
    private static ComparisonReport Turned(ComparisonReport report) => report with
    {
        Rows = [.. report.Rows.Select(r => r with
        {
            Figures = [.. r.Figures.Select(f => f.Ratio is { } x
                ? f with { Ratio = x with { Estimate = 1 / x.Estimate, Low = 1 / x.High, High = 1 / x.Low } } : f)],
        })],
    };

    private static ComparisonReport Planted(PairedRatio ratio, double difference)
    {
        ComparisonReport report = SampleComparison.Make("a", Names);
        double partner = report.Rows[0][Metric.PeakRss]!.Spread.Median;
        return report with
        {
            Rows = [.. report.Rows.Select((r, i) => i == 2
                ? r with { Figures = [.. r.Figures.Select(f => f.Metric == "peak_rss"
                    ? f with { Ratio = ratio, Spread = new Spread(partner + difference, 0, 0), Verdict = Verdict.Higher } : f)] } : r)],
        };
    }

    /// <summary>How many of so many simulated corpora have a mean whose interval does not hold the truth.</summary>
    private static int Missed(double outliers, int[] blocks, int corpora, double level)
    {
        var random = new Random(Seed);
        double Run(int trace) => Math.Exp(
            0.01 * (trace + 1) * Math.Abs(Normal(random)) * (random.Next(10) == 0 ? outliers : 1) * (random.Next(2) == 0 ? 1 : -1));
        double truth = Math.Exp(blocks.Select((_, trace) => 0.2 * trace).Average());
        int missed = 0;
        for (int i = 0; i < corpora; i++)
        {
            PairedRatio mean = CorpusSummary.MeanOf([.. blocks.Select((n, trace) => PairedStatistics.Ratio(
                [.. Enumerable.Range(0, n).Select(_ => Math.Exp(0.2 * trace) * Run(trace))], [.. Enumerable.Range(0, n).Select(_ => Run(trace))], level)!)]);
            missed += mean.Low > truth || mean.High < truth ? 1 : 0;
        }
        return missed;
    }

    private static PairedRatio Ratio(double estimate, double low, double high, int pairs) => new(estimate, low, high, 0.95, pairs);

    private static double Square(double x) => x * x;

    private static double Round(double x) => Math.Round(x, 9);

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
