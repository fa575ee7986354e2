using System.Text.Json.Serialization;

namespace AllocReplay.Replayer.Run;

/// <summary>Calls that took about as long.</summary>
/// <param name="Ns">Nanoseconds that each took, within 1.6 % or 1/8 ns.</param>
/// <param name="Count">How many; 1 or more.</param>
public readonly record struct LatencyBucket(double Ns, long Count);

/// <summary>How long calls took. Immutable.</summary>
public sealed class LatencyHistogram
{
    /// <summary>Of no calls.</summary>
    public static LatencyHistogram Empty { get; } = new(0, []);

    /// <param name="max">Nanoseconds of the longest call.</param>
    /// <param name="buckets">All calls, by rising time.</param>
    [JsonConstructor]
    public LatencyHistogram(double max, IReadOnlyList<LatencyBucket> buckets) => (Max, Buckets, Count) = (max, buckets, buckets.Sum(b => b.Count));

    /// <summary>Nanoseconds of the longest call, exactly; 0 where there are none.</summary>
    public double Max { get; }
    /// <summary>Calls.</summary>
    [JsonIgnore]
    public long Count { get; }
    /// <summary>All calls, by rising time.</summary>
    public IReadOnlyList<LatencyBucket> Buckets { get; }

    /// <summary>All calls of several histograms. Those of one bucket stay in one: the buckets of all runs are the same.</summary>
    public static LatencyHistogram Merge(IEnumerable<LatencyHistogram> histograms)
    {
        double max = 0;
        var counts = new SortedDictionary<double, long>();
        foreach (LatencyHistogram histogram in histograms)
        {
            max = Math.Max(max, histogram.Max);
            foreach (LatencyBucket bucket in histogram.Buckets)
                counts[bucket.Ns] = counts.GetValueOrDefault(bucket.Ns) + bucket.Count;
        }
        return new LatencyHistogram(max, [.. counts.Select(c => new LatencyBucket(c.Key, c.Value))]);
    }

    /// <summary>The time, in nanoseconds, that so many in a hundred calls did not exceed; 0 where there are no calls.</summary>
    /// <param name="p">0 to 100. 100 is <see cref="Max"/>; 99.99 of fewer than 10,000 calls is as well, or nearly.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="p"/> is none.</exception>
    public double Percentile(double p)
    {
        if (!(p is >= 0 and <= 100))
            throw new ArgumentOutOfRangeException(nameof(p), p, "expected 0 to 100");
        // The nearest rank. A product such as 99.9 × 1000 is a little more than a whole number, and that little is no call.
        long rank = Math.Max(1, (long)Math.Ceiling(p * Count / 100 - 1e-9 * Count)), below = 0;
        if (rank >= Count)
            return Max;
        foreach (LatencyBucket bucket in Buckets)
        {
            below += bucket.Count;
            if (below >= rank)
                return Math.Min(bucket.Ns, Max);
        }
        return Max;
    }
}
