namespace AllocReplay.Formats.Statistics;

/// <summary>
/// Calls and live bytes over time, in buckets of equal width. The width doubles, and neighbours are merged, whenever the buckets run
/// out: so the duration need not be known beforehand, and memory is constant.
/// </summary>
/// <remarks>The buckets begin at the first event, not at the start of the recording: a recording may start paused.</remarks>
public sealed class Timeline
{
    /// <summary>There are never more buckets; and, once events span as many nanoseconds, never fewer than half as many.</summary>
    public const int BucketsMax = 512;

    private readonly Bucket[] _buckets = new Bucket[BucketsMax];
    private int _shift; // the width is a power of two, so that an event costs a shift, not a division

    /// <summary>Start of the first bucket, nanoseconds since the start of the recording; 0 without events.</summary>
    public long StartNs { get; private set; }

    /// <summary>Width of a bucket in nanoseconds, a power of two.</summary>
    public long BucketNs => 1L << _shift;

    /// <summary>Buckets in use, 0 to <see cref="BucketsMax"/>. The last one is in use up to the last event.</summary>
    public int Count { get; private set; }

    /// <summary>Calls in each bucket, as <see cref="TraceStatistics.Calls"/> counts them.</summary>
    public IReadOnlyList<long> Calls => [.. _buckets.Take(Count).Select(b => b.Calls)];

    /// <summary>
    /// Requested bytes of live blocks at their highest in each bucket. In a bucket without events they are as before it.
    /// </summary>
    public IReadOnlyList<ulong> PeakLiveBytes
    {
        get
        {
            var peaks = new ulong[Count];
            ulong before = 0;
            for (int i = 0; i < peaks.Length; i++)
            {
                peaks[i] = Math.Max(before, _buckets[i].Peak);
                if (_buckets[i].Events > 0)
                    before = _buckets[i].Last;
            }
            return peaks;
        }
    }

    /// <summary>Takes an event. One that is earlier than the first counts for the first bucket: merged order may differ from time by a little.</summary>
    /// <param name="timeNs">Nanoseconds since the start of the recording.</param>
    /// <param name="isCall">Whether it counts as a call.</param>
    /// <param name="liveBytes">Bytes of live blocks after it.</param>
    internal void Add(long timeNs, bool isCall, ulong liveBytes)
    {
        if (Count == 0)
            StartNs = timeNs;
        long distance = Math.Max(0, timeNs - StartNs);
        while (distance >> _shift >= BucketsMax)
            Halve();
        int index = (int)(distance >> _shift);
        Count = Math.Max(Count, index + 1);
        ref Bucket bucket = ref _buckets[index];
        bucket.Events++;
        if (isCall)
            bucket.Calls++;
        bucket.Peak = Math.Max(bucket.Peak, liveBytes);
        bucket.Last = liveBytes;
    }

    private void Halve()
    {
        for (int i = 0; i < BucketsMax / 2; i++)
            _buckets[i] = Bucket.Merge(_buckets[2 * i], _buckets[2 * i + 1]);
        Array.Clear(_buckets, BucketsMax / 2, BucketsMax / 2);
        Count = (Count + 1) / 2;
        _shift++;
    }

    private struct Bucket
    {
        public long Events;
        public long Calls;
        public ulong Peak;
        public ulong Last; // live bytes after its last event; of no meaning without one

        public static Bucket Merge(in Bucket a, in Bucket b) => new()
        {
            Events = a.Events + b.Events,
            Calls = a.Calls + b.Calls,
            Peak = Math.Max(a.Peak, b.Peak),
            Last = b.Events > 0 ? b.Last : a.Last,
        };
    }
}
