using System.Numerics;

namespace AllocReplay.Replayer.Run;

/// <summary>
/// The buckets of a histogram of times: linear in each octave, so that what a bucket says of a time is off by 1.6 % at most, or by 1/8 ns.
/// </summary>
/// <remarks>
/// <code>
/// time in units of 1/8 ns    bucket
/// v &lt; 32                     v
/// 2^e ≤ v &lt; 2^(e+1)          32 (e − 5) + (v &gt;&gt; (e − 5)), 5 ≤ e &lt; 36
/// more (8.6 s)               the last
/// </code>
/// Of a time of 100 ns, 800 units: e = 9, bucket 128 + 50 = 178, which holds 800 to 815 units.
/// </remarks>
internal static class LatencyGrid
{
    public const int UnitsPerNs = 8;
    public const int Count = 1024;
    private const int LinearBits = 5, MaxBits = 36;

    public static int BucketOf(ulong units)
    {
        if (units >> LinearBits == 0)
            return (int)units;
        int shift = BitOperations.Log2(units) - LinearBits;
        return shift < MaxBits - LinearBits ? (shift << LinearBits) + (int)(units >> shift) : Count - 1;
    }

    /// <summary>The middle of a bucket, in nanoseconds.</summary>
    public static double MiddleNs(int bucket)
    {
        int shift = Math.Max(0, (bucket >> LinearBits) - 1);
        ulong low = (ulong)(bucket - (shift << LinearBits)) << shift;
        return (low + ((1UL << shift) - 1) / 2.0) / UnitsPerNs;
    }
}
