using AllocReplay.Replayer.Run;

namespace AllocReplay.Tests.Replayer;

/// <summary>Histograms of times: what they say of the times that went into them.</summary>
public sealed class LatencyHistogramTests
{
    private const int Seed = 20261126;
    private const double ErrorMax = 0.016;

    private static readonly double[] Percents = [0, 1, 50, 90, 99, 99.9, 99.99, 100];

    [Fact]
    public void A_bucket_is_within_its_error_of_each_time_in_it()
    {
        var random = new Random(Seed);
        for (int i = 0; i < 1_000_000; i++)
        {
            ulong units = (ulong)random.NextInt64(1L << random.Next(1, 36));
            double ns = units / (double)LatencyGrid.UnitsPerNs, error = Math.Abs(LatencyGrid.MiddleNs(LatencyGrid.BucketOf(units)) - ns);
            Assert.True(error <= ErrorMax * ns, $"seed {Seed}: {ns} ns is off by {error}");
        }
        // The example beside the table, and the ends.
        Assert.Equal((178, 100.9375), (LatencyGrid.BucketOf(800), LatencyGrid.MiddleNs(178)));
        Assert.Equal((0, LatencyGrid.Count - 1, LatencyGrid.Count - 1),
            (LatencyGrid.BucketOf(0), LatencyGrid.BucketOf((1UL << 36) - 1), LatencyGrid.BucketOf(ulong.MaxValue)));
        for (int bucket = 0; bucket < LatencyGrid.Count; bucket++)
            Assert.Equal(bucket, LatencyGrid.BucketOf((ulong)(LatencyGrid.MiddleNs(bucket) * LatencyGrid.UnitsPerNs)));
    }

    [Fact]
    public void Percentiles_are_those_of_the_sorted_times()
    {
        var random = new Random(Seed);
        foreach (int count in (int[])[1, 2, 10, 100, 1000, 10_000, 54_321])
        {
            double[] times = [.. Enumerable.Range(0, count).Select(_ => Math.Exp(random.NextDouble() * 15)).Order()];
            LatencyHistogram histogram = LatencyHistogram.Merge(times.Chunk(100).Select(Of));
            Assert.Equal((count, times[^1]), (histogram.Count, histogram.Max));
            foreach (double p in Percents)
            {
                // By whole numbers: so many ten-thousandths, rounded up.
                int rank = Math.Max(1, (int)(((long)Math.Round(p * 100) * count + 9999) / 10_000));
                Assert.InRange(histogram.Percentile(p), times[rank - 1] * (1 - 2 * ErrorMax) - 0.125, times[rank - 1] * (1 + 2 * ErrorMax));
            }
        }
    }

    [Fact]
    public void Of_no_calls_all_is_zero_and_more_than_all_is_refused()
    {
        Assert.Equal((0L, 0.0, 0.0), (LatencyHistogram.Empty.Count, LatencyHistogram.Empty.Max, LatencyHistogram.Empty.Percentile(99)));
        Assert.Equal(0, LatencyHistogram.Merge([]).Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => LatencyHistogram.Empty.Percentile(100.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => LatencyHistogram.Empty.Percentile(double.NaN));
    }

    private static LatencyHistogram Of(double[] times) => new(times.Max(), [.. times
        .GroupBy(t => LatencyGrid.BucketOf((ulong)(t * LatencyGrid.UnitsPerNs))).OrderBy(g => g.Key)
        .Select(g => new LatencyBucket(LatencyGrid.MiddleNs(g.Key), g.Count()))]);
}
