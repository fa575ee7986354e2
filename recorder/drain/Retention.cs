namespace AllocReplay.Drain;

/// <summary>How much of a recording is kept whole; of what is older, only what is not over.</summary>
/// <param name="Bytes">Of the session's directory, in all; 0: any.</param>
/// <param name="Ns">Of time; 0: any.</param>
/// <param name="IsPacked">Whether somebody else takes the segments away, one by one.</param>
internal readonly record struct Retention(long Bytes, long Ns, bool IsPacked)
{
    /// <summary>Segments that a window has: it is let go of one by one.</summary>
    private const int Segments = 16;

    private const long SegmentMin = 64 << 10, SegmentPacked = 16 << 20, SegmentMax = 64 << 20; // bytes

    public bool IsAsked => Bytes > 0 || Ns > 0;

    /// <summary>Whether events are written in segments.</summary>
    public bool HasSegments => IsAsked || IsPacked;

    /// <summary>Bytes after which a segment ends.</summary>
    public long SegmentBytes => Bytes > 0 ? Math.Clamp(Bytes / Segments, SegmentMin, SegmentMax) : IsPacked ? SegmentPacked : SegmentMax;

    /// <summary>Time after which a segment ends, in ns.</summary>
    public ulong SegmentNs => Ns > 0 ? (ulong)Math.Max(1, Ns / Segments) : ulong.MaxValue;

    /// <summary>Bytes by which it may be more, before nothing more is written until something was let go of.</summary>
    public long SlackBytes => Bytes / 10;
}
