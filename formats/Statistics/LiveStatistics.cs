using System.Runtime.InteropServices;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Statistics;

/// <summary>Totals of a process image so far: in all, by where blocks were acquired, and by thread. Memory is bounded by the live blocks.</summary>
public sealed class LiveStatistics : ITraceSink
{
    private readonly SlotArray<Block> _live = new(new Block(TraceEvent.NoObject, 0, 0, 0));
    private readonly LivePeak _bytes = new();
    private readonly Dictionary<int, int> _siteOf = []; // by stack
    private readonly List<LiveFigures> _sites = [], _threads = [];

    private record struct Block(long Object, ulong Bytes, int Site, int Thread);

    /// <summary>The process image in all.</summary>
    public LiveFigures Total { get; } = new(0);

    /// <summary>Calls and live bytes over time.</summary>
    public Timeline Timeline { get; } = new();

    /// <summary>By stack, in the order in which they were met; <see cref="LiveFigures.Key"/> is its number, 0 where it is not known.</summary>
    public IReadOnlyList<LiveFigures> Sites => _sites;

    /// <summary>By thread: what it called, acquired, and what of that is live, whoever will release it. <see cref="LiveFigures.Key"/> is its index.</summary>
    public IReadOnlyList<LiveFigures> Threads => _threads;

    /// <inheritdoc cref="TraceStatistics.PeakLiveBytes"/>
    public ulong PeakBytes => ByteCount.Of(_bytes.Peak.Bytes);

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
        _bytes.Ended(begin.Thread, isKept: false); // the thread went on, and the end of an earlier one is not in the trace
        if (begin.Object >= 0 && _live[begin.Slot] is var block && block.Object == begin.Object)
            _bytes.Begun(begin.Thread, block.Bytes);
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
        if (call.IsCarried)
        {
            if (call.Acquired >= 0)
                Acquire(call, thread);
            return;
        }
        thread.Calls++;
        Total.Calls++;
        if (call.IsReallocation)
            _bytes.Ended(call.Thread, call.Kept >= 0);
        if (Remove(call.Released, call.GivenSlot) is { } released && !call.IsReallocation)
            _bytes.Released(released.Bytes);
        if (Remove(call.Displaced, call.DisplacedSlot) is { } displaced)
            _bytes.Released(displaced.Bytes);
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
        Total.Acquire(bytes, call.IsCarried);
        _sites[index].Acquire(bytes, call.IsCarried);
        thread.Acquire(bytes, call.IsCarried);
        _live[call.TakenSlot] = new Block(call.Acquired, bytes, index, call.Thread);
        _bytes.Acquired(bytes, call.Acquired, call.TimeNs);
    }

    private LiveFigures ThreadOf(int index)
    {
        while (_threads.Count <= index)
            _threads.Add(new LiveFigures(_threads.Count));
        return _threads[index];
    }

    /// <summary>A block is live no more; null where it was not known.</summary>
    private Block? Remove(long id, int slot)
    {
        if (id < 0 || _live[slot] is var block && block.Object != id)
            return null;
        _live[slot].Object = TraceEvent.NoObject;
        Total.Release(block.Bytes);
        _sites[block.Site].Release(block.Bytes);
        _threads[block.Thread].Release(block.Bytes);
        return block;
    }
}
