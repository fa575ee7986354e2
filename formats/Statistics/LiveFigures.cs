using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Statistics;

/// <summary>What a process image, a call site or a thread has called and holds, and how that changed: see <see cref="LiveWindow"/>.</summary>
public sealed class LiveFigures
{
    internal LiveFigures(int key) => Key = key;

    /// <summary>What it is of: number of a stack, or index of a thread.</summary>
    public int Key { get; }

    /// <summary>Calls of the thread. A reallocation is one; of a site they are not counted.</summary>
    public long Calls { get; internal set; }

    /// <summary>Blocks acquired, without those that are carried (<see cref="Calls.TraceEvent.IsCarried"/>); a successful reallocation acquires one.</summary>
    public long Blocks { get; private set; }

    /// <summary>Bytes requested for them; at most <see cref="ByteCount.Max"/>.</summary>
    public ulong Bytes => ByteCount.Of(Acquired);

    /// <summary>Blocks that are live, carried ones too.</summary>
    public long LiveBlocks { get; private set; }

    /// <summary>Bytes requested for those; at most <see cref="ByteCount.Max"/>.</summary>
    public ulong LiveBytes => ByteCount.Of(Live);

    /// <summary>Of a thread: whether it has ended.</summary>
    public bool HasEnded { get; internal set; }

    /// <summary>Calls a second between the last two moments; null before there are two.</summary>
    public double? CallsPerSecond { get; private set; }

    /// <summary>Blocks acquired a second, likewise.</summary>
    public double? BlocksPerSecond { get; private set; }

    /// <summary>Bytes requested a second, likewise.</summary>
    public double? BytesPerSecond { get; private set; }

    /// <summary>Bytes by which live bytes grew a minute over the window; null before the window has two moments.</summary>
    public double? GrowthPerMinute { get; private set; }

    internal UInt128 Acquired { get; private set; }

    internal UInt128 Live { get; private set; }

    private long _callsBefore, _blocksBefore;
    private UInt128 _bytesBefore;
    private double[]? _liveAt; // of the window's moments; absent: never seen live

    /// <param name="bytes">Requested.</param>
    /// <param name="isCarried">Whether it was before the window: it is live, and was not acquired there.</param>
    internal void Acquire(ulong bytes, bool isCarried)
    {
        if (!isCarried)
        {
            Blocks++;
            Acquired += bytes;
        }
        LiveBlocks++;
        Live += bytes;
    }

    internal void Release(ulong bytes)
    {
        LiveBlocks--;
        Live -= bytes;
    }

    /// <summary>A moment has come.</summary>
    /// <param name="seconds">Since the one before; null: it is the first.</param>
    internal void Rate(double? seconds)
    {
        if (seconds is { } s)
            (CallsPerSecond, BlocksPerSecond, BytesPerSecond) =
                ((Calls - _callsBefore) / s, (Blocks - _blocksBefore) / s, (double)(Acquired - _bytesBefore) / s);
        (_callsBefore, _blocksBefore, _bytesBefore) = (Calls, Blocks, Acquired);
    }

    /// <summary>Keeps what is live as one of the window's moments.</summary>
    /// <param name="slot">Its place.</param>
    /// <param name="slots">Places that there are.</param>
    internal void Keep(int slot, int slots)
    {
        if (_liveAt is null && Live == 0)
            return;
        _liveAt ??= new double[slots];
        _liveAt[slot] = (double)Live;
    }

    /// <param name="oldest">Place of the window's oldest moment.</param>
    /// <param name="minutes">Since then; null: it is now.</param>
    internal void Grow(int oldest, double? minutes) => GrowthPerMinute = minutes is { } m ? ((double)Live - (_liveAt?[oldest] ?? 0)) / m : null;
}
