using System.Runtime.InteropServices;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Statistics;

/// <summary>Totals of a process image so far: in all, by where blocks were acquired, and by thread. Memory is bounded by the live blocks.</summary>
public sealed class LiveStatistics : ITraceSink
{
    private readonly Dictionary<long, Block> _live = [];
    private readonly Dictionary<int, int> _siteOf = []; // by stack
    private readonly List<LiveFigures> _sites = [], _threads = [];
    private UInt128 _peak;

    private record struct Block(ulong Bytes, int Site, int Thread);

    /// <summary>The process image in all.</summary>
    public LiveFigures Total { get; } = new(0);

    /// <summary>Calls and live bytes over time.</summary>
    public Timeline Timeline { get; } = new();

    /// <summary>By stack, in the order in which they were met; <see cref="LiveFigures.Key"/> is its number, 0 where it is not known.</summary>
    public IReadOnlyList<LiveFigures> Sites => _sites;

    /// <summary>By thread: what it called, acquired, and what of that is live, whoever will release it. <see cref="LiveFigures.Key"/> is its index.</summary>
    public IReadOnlyList<LiveFigures> Threads => _threads;

    /// <summary>The most bytes that were live at once; at most <see cref="ByteCount.Max"/>.</summary>
    public ulong PeakBytes => ByteCount.Of(_peak);

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
        LiveFigures thread = ThreadOf(e.Thread);
        if (e.Kind == CallKind.ThreadExit)
            thread.HasEnded = true;
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        LiveFigures thread = ThreadOf(call.Thread);
        thread.Calls++;
        Total.Calls++;
        if (call.Released >= 0)
            Remove(call.Released);
        if (call.Displaced >= 0)
            Remove(call.Displaced);
        if (call.Acquired >= 0)
            Acquire(call, thread);
        Timeline.Add(call.TimeNs, isCall: true, Total.LiveBytes);
    }

    private void Acquire(in TraceCall call, LiveFigures thread)
    {
        ref int index = ref CollectionsMarshal.GetValueRefOrAddDefault(_siteOf, call.Stack, out bool isKnown);
        if (!isKnown)
        {
            index = _sites.Count;
            _sites.Add(new LiveFigures(call.Stack));
        }
        ulong bytes = call.BytesRequested;
        Total.Acquire(bytes);
        _sites[index].Acquire(bytes);
        thread.Acquire(bytes);
        _live[call.Acquired] = new Block(bytes, index, call.Thread);
        if (Total.Live > _peak)
            _peak = Total.Live;
    }

    private LiveFigures ThreadOf(int index)
    {
        while (_threads.Count <= index)
            _threads.Add(new LiveFigures(_threads.Count));
        return _threads[index];
    }

    private void Remove(long block)
    {
        if (!_live.Remove(block, out Block was))
            return;
        Total.Release(was.Bytes);
        _sites[was.Site].Release(was.Bytes);
        _threads[was.Thread].Release(was.Bytes);
    }
}
