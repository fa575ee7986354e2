using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Formats;

/// <summary>How likely blocks are to be in a sample, and what is estimated by those that are.</summary>
public sealed class SamplingTests
{
    private static readonly int Traces = Effort.Of(300, small: 60);

    private static readonly Gen<Sampling> AnySampling = Gen.Select(
        Gen.Bool, Gen.UInt[2, 1000], (byBytes, mean) => new Sampling(byBytes ? SampleScheme.Bytes : SampleScheme.Blocks, mean));

    [Fact]
    public void A_block_is_as_likely_as_its_bytes_are_to_have_a_point() =>
        Gen.Select(Gen.UInt[2, uint.MaxValue], Gen.OneOf(Gen.ULong[0, 100], Gen.ULong[0, 1 << 20], Gen.ULong[0, 1ul << 33])).Sample((mean, bytes) =>
        {
            double expected = OneMinusExp((decimal)Math.Max(1, bytes) / mean), p = new Sampling(SampleScheme.Bytes, mean).Probability(bytes);
            Assert.InRange(p / expected, 1 - 1e-12, 1 + 1e-12);
        }, iter: 2000);

    [Fact]
    public void Where_all_is_recorded_a_block_stands_for_itself()
    {
        foreach (Sampling all in (Sampling[])[Sampling.None, default, new(SampleScheme.Bytes, 1)])
        {
            Assert.False(all.IsSample);
            Assert.True(all.IsIndependent);
            Assert.Equal((1, 1), (all.Probability(7), all.Weight(0)));
        }
    }

    /// <summary>Of addresses a weight is known, but how far the estimate may be off is not.</summary>
    [Fact]
    public void A_sample_of_addresses_has_no_error()
    {
        var addresses = new Sampling(SampleScheme.Addresses, 64);
        var blocks = default(BlockEstimates);
        blocks.Acquired(10, isCarried: false, addresses);
        Assert.Equal(new EstimatedTotal(640, null), blocks.ToTotals(addresses).Bytes);
        Assert.NotNull(blocks.ToTotals(new Sampling(SampleScheme.Blocks, 64)).Bytes.StandardError);
    }

    /// <summary>
    /// Over all samples that a few blocks can have, each with its probability: the mean of the estimate is the truth, and the mean of the square of its
    /// error is the variance.
    /// </summary>
    [Fact]
    public void Estimate_and_error_have_no_bias() =>
        Gen.Select(AnySampling, Gen.UInt[0, 5000].Array[1, 9]).Sample((sampling, sizes) => Assert.True(HasNoBias(sampling, sizes, plant: 0)), iter: Traces);

    [Fact]
    public void A_weight_that_is_a_little_off_is_biased() => // the control
        Assert.Throws<CsCheckException>(() => Gen.Select(AnySampling, Gen.UInt[0, 5000].Array[1, 9])
            .Sample((sampling, sizes) => Assert.True(HasNoBias(sampling, sizes, plant: 1e-4)), iter: Traces));

    private static bool HasNoBias(Sampling sampling, uint[] sizes, double plant)
    {
        double[] p = [.. sizes.Select(s => sampling.Probability(s))];
        double mean = 0, square = 0, variance = 0;
        for (int chosen = 0; chosen < 1 << sizes.Length; chosen++)
        {
            double likelihood = 1;
            var estimate = new SampleEstimate();
            for (int i = 0; i < sizes.Length; i++)
            {
                bool isIn = (chosen >> i & 1) != 0;
                likelihood *= isIn ? p[i] : 1 - p[i];
                if (isIn)
                    estimate.Add(sizes[i], p[i] * (1 + plant));
            }
            mean += likelihood * estimate.Total;
            square += likelihood * estimate.Total * estimate.Total;
            variance += likelihood * estimate.StandardError * estimate.StandardError;
        }
        double truth = sizes.Sum(s => (double)s);
        return Near(mean, truth, truth) && Near(variance, square - mean * mean, square);
    }

    /// <summary>What was acquired and has ended is as if it had never been, and of nothing nothing is left.</summary>
    [Fact]
    public void Live_estimates_are_those_of_what_is_live() =>
        Gen.Select(AnySampling, Gen.Select(Gen.ULong[0, 1 << 20], Gen.Bool).Array[0, 50]).Sample((sampling, blocks) =>
        {
            var all = default(BlockEstimates);
            var live = default(BlockEstimates);
            foreach ((ulong bytes, bool ends) in blocks)
            {
                all.Acquired(bytes, isCarried: false, sampling);
                if (!ends)
                    live.Acquired(bytes, isCarried: false, sampling);
            }
            foreach ((ulong bytes, _) in blocks.Where(b => b.Item2))
                all.Ended(bytes, sampling);
            EstimatedBlocks found = all.ToTotals(sampling), expected = live.ToTotals(sampling);
            double scale = found.Bytes.Estimate + 1;
            Assert.True(Near(found.LiveBytes.Estimate, expected.LiveBytes.Estimate, scale));
            Assert.True(Near(found.LiveBlocks.Estimate, expected.LiveBlocks.Estimate, scale));
            Assert.InRange(found.PeakLiveBytes.Estimate, found.LiveBytes.Estimate - 1e-9 * scale, found.Bytes.Estimate * (1 + 1e-9));
            if (blocks.All(b => b.Item2))
                Assert.Equal((default, default), (found.LiveBytes with { StandardError = null }, found.LiveBlocks with { StandardError = null }));
            // Apart and together.
            EstimatedBlocks twice = (all + live).ToTotals(sampling);
            Assert.True(Near(twice.Bytes.Estimate, found.Bytes.Estimate + expected.Bytes.Estimate, scale));
        }, iter: Traces);

    private static bool Near(double found, double expected, double scale) => Math.Abs(found - expected) <= 1e-9 * (scale + 1);

    /// <summary>1 − e^−x, by its series with 28 digits; from 30 on it is 1.</summary>
    private static double OneMinusExp(decimal x)
    {
        if (x > 30)
            return 1;
        // e^-x = (e^-(x/64))^64
        decimal small = x / 64, term = 1, exp = 1;
        for (int k = 1; k < 40; k++)
        {
            term *= -small / k;
            exp += term;
        }
        // 1 − y^64 = (1 − y)(1 + y)(1 + y^2)…(1 + y^32)
        decimal product = 1 - exp, power = exp;
        for (int i = 0; i < 6; i++)
        {
            product *= 1 + power;
            power *= power;
        }
        return (double)product;
    }
}
