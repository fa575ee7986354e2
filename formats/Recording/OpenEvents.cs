using System.Buffers;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Recording;

/// <summary>
/// Of all that a merge has taken so far, the events that are not over: acquisitions of blocks that are live, reallocations that have begun, and what is
/// known of threads that matter. It is what <c>carried</c> holds.
/// </summary>
/// <remarks>
/// <para>Blocks are kept by their slots, a reallocation's old block until its end: the slot is its own until then.</para>
/// <para>A block that came of a reallocation is kept as one of null, which has the time, the size and the kind, and asks for no block that is gone.</para>
/// <para>Of calls that were lost, the latest that is known of is kept: blocks that were acquired before it may be gone. Memory: some 50 bytes a block that
/// is live, beside the merge's own.</para>
/// </remarks>
internal sealed class OpenEvents
{
    /// <summary>What few blocks have, by <see cref="Block.Rare"/>.</summary>
    private readonly List<RareFields> _rare = [default];
    private readonly Stack<int> _unusedRare = new();
    private int _plain; // the fields of a block of the latest interval that has none of them: kept once
    private readonly HashSet<int> _begunSlots = []; // of blocks that a reallocation which has begun was given
    private readonly SlotArray<Block> _blocks = new(new Block { Order = -1 });
    private readonly Dictionary<int, ThreadState> _threads = [];
    private ThreadState? _last; // of which the last event was
    private int _slots; // all below were used
    private long _order;
    private (int Thread, RawEvent Event)? _gap;

    /// <summary>An acquisition.</summary>
    private struct Block
    {
        public ulong Ticks, Address, Size;
        public long Order; // in which they were taken; −1: none
        public int Thread, Stack, Rare;
        public byte Kind;
    }

    private record struct RareFields(ulong Count, ulong Alignment, ulong Duration, ulong BeginTicks, uint Interval)
    {
        public readonly bool IsPlain => this is { Count: 1, Alignment: 0, Duration: 0, BeginTicks: 0 };
    }

    private sealed class ThreadState(int index)
    {
        public int Index => index;
        public long Blocks;
        public RawEvent? Start, Exit, Begun; // a reallocation that has begun
        public (int Parent, RawEvent Event)? Created;
    }

    /// <summary>The latest time of an event, in shifted ticks.</summary>
    public ulong LatestTicks { get; private set; }

    /// <summary>Events that were taken, less those that <see cref="Write"/> found to be over.</summary>
    public long Held { get; private set; }

    /// <summary>Blocks that are live, those included that a reallocation which has begun may give up.</summary>
    public long Blocks { get; private set; }

    /// <summary>
    /// Whether there are two blocks of one address, of which a reallocation that has begun gives up one: which one, times alone would not tell a reader.
    /// </summary>
    public bool IsAmbiguous
    {
        get
        {
            var addresses = new HashSet<ulong>();
            foreach (ThreadState thread in _threads.Values)
                if (thread.Begun is { IsNull: false } begun && !addresses.Add(begun.Address))
                    return true;
            for (int slot = 0; slot < _slots && addresses.Count > 0; slot++)
                if (_blocks[slot] is { Order: >= 0 } block && addresses.Contains(block.Address) && !_begunSlots.Contains(slot))
                    return true;
            return false;
        }
    }

    /// <summary>Whether a thread has ended, and left nothing that is not over.</summary>
    public bool IsOver(int thread) => _threads.TryGetValue(thread, out ThreadState? state) && state.Exit is not null && !Matters(state);

    /// <summary>Lets go of a thread that is over.</summary>
    public void Forget(int thread)
    {
        _threads.Remove(thread);
        _last = null;
    }

    public void Take(in RawEvent raw, in TraceEvent e)
    {
        Held++;
        LatestTicks = Math.Max(LatestTicks, raw.Ticks);
        ThreadState thread = StateOf(e.Thread);
        if (CallKinds.IsRegionEvent(e.Kind))
            return; // a recording that lets go of events has none, and where they are packed they are there
        if (CallKinds.IsThreadEvent(e.Kind))
            TakeThreadEvent(thread, raw, e);
        else if (CallKinds.IsReallocBegin(e.Kind))
            Begin(thread, raw, e);
        else if (CallKinds.IsReallocEnd(e.Kind))
            EndRealloc(thread, raw, e);
        else if (e.Acquires)
            Acquire(thread, raw, e, begin: default);
        else if (e.Slot >= 0)
            Release(e.Slot);
    }

    /// <summary>Writes what is not over, each thread's events in order.</summary>
    /// <param name="writer">Of the file.</param>
    /// <param name="threads">The threads, by index.</param>
    /// <returns>Events that are over since the last time: nothing is left of them.</returns>
    public long Write(ChunkWriter writer, IReadOnlyList<StreamInfo> threads)
    {
        int count = (int)Blocks;
        long[] orders = ArrayPool<long>.Shared.Rent(count);
        int[] slots = ArrayPool<int>.Shared.Rent(count);
        Dictionary<int, (int First, int Count)> parts = SortByThread(orders, slots);
        ILookup<int, RawEvent> created = _threads.Values.Where(t => t.Created is not null && Matters(t))
            .ToLookup(t => t.Created!.Value.Parent, t => t.Created!.Value.Event);
        long written = 0;
        foreach (ThreadState thread in _threads.Values.Where(Matters).OrderBy(t => t.Index))
        {
            writer.Begin(threads[thread.Index]);
            (int first, int n) = parts.GetValueOrDefault(thread.Index);
            written += WriteThread(writer, thread, [.. FactsOf(thread, created[thread.Index]).OrderBy(f => f.Ticks)], slots.AsSpan(first, n));
        }
        writer.Flush();
        ArrayPool<long>.Shared.Return(orders);
        ArrayPool<int>.Shared.Return(slots);
        long over = Held - written;
        Held = written;
        return over;
    }

    private bool Matters(ThreadState thread) =>
        thread.Exit is null || thread.Blocks > 0 || thread.Begun is not null || _gap is { } gap && gap.Thread == thread.Index;

    private ThreadState StateOf(int thread)
    {
        if (_last is { } last && last.Index == thread)
            return last;
        if (!_threads.TryGetValue(thread, out ThreadState? state))
            _threads.Add(thread, state = new ThreadState(thread));
        return _last = state;
    }

    private void TakeThreadEvent(ThreadState thread, in RawEvent raw, in TraceEvent e)
    {
        switch (e.Kind)
        {
            case CallKind.ThreadStart:
                thread.Start ??= raw;
                break;
            case CallKind.ThreadExit:
                thread.Exit = raw;
                break;
            case CallKind.ThreadCreate when e.OtherThread >= 0:
                StateOf(e.OtherThread).Created ??= (thread.Index, raw);
                break;
            case CallKind.Gap:
                _gap = _gap is { } gap ? Latest(gap, (thread.Index, raw)) : (thread.Index, raw);
                break;
        }
    }

    /// <summary>The later of two gaps, of as many calls as both.</summary>
    private static (int Thread, RawEvent Event) Latest((int Thread, RawEvent Event) a, (int Thread, RawEvent Event) b)
    {
        (int thread, RawEvent gap) = a.Event.Ticks <= b.Event.Ticks ? b : a;
        return (thread, gap with { Count = (ulong)UInt128.Min((UInt128)a.Event.Count + b.Event.Count, ulong.MaxValue) });
    }

    private void Begin(ThreadState thread, in RawEvent raw, in TraceEvent e)
    {
        // Where the block is not known, who has its address later is another.
        thread.Begun = e.Slot >= 0 ? raw : raw with { Address = 0, IsNull = true };
        if (e.Slot >= 0)
            _begunSlots.Add(e.Slot);
    }

    private void EndRealloc(ThreadState thread, in RawEvent raw, in TraceEvent e)
    {
        RawEvent begin = thread.Begun ?? default;
        thread.Begun = null;
        _begunSlots.Remove(e.PreviousSlot);
        if (e.PreviousSlot >= 0 && e.PreviousSlot != e.Slot)
            Release(e.PreviousSlot);
        if (e.IsNull)
            return;
        Acquire(thread, raw with { Size = e.Size, Count = e.Count }, e, begin.Ticks);
    }

    private void Acquire(ThreadState thread, in RawEvent raw, in TraceEvent e, ulong begin)
    {
        if (e.DisplacedSlot >= 0)
            Release(e.DisplacedSlot);
        ref Block block = ref _blocks[e.Slot];
        _slots = Math.Max(_slots, e.Slot + 1);
        block.Ticks = raw.Ticks;
        block.Address = raw.Address;
        block.Size = raw.Size;
        block.Order = _order++;
        block.Thread = thread.Index;
        block.Stack = raw.Stack;
        block.Kind = (byte)raw.Kind;
        block.Rare = Keep(new RareFields(raw.Count, raw.Alignment, raw.Duration, begin, raw.Interval));
        thread.Blocks++;
        Blocks++;
    }

    private void Release(int slot)
    {
        ref Block block = ref _blocks[slot];
        if (block.Order < 0)
            return;
        if (!_rare[block.Rare].IsPlain)
            _unusedRare.Push(block.Rare);
        block.Order = -1;
        Blocks--;
        StateOf(block.Thread).Blocks--;
    }

    /// <returns>Where they are kept.</returns>
    private int Keep(RareFields fields)
    {
        if (fields.IsPlain)
        {
            if (fields == _rare[_plain])
                return _plain;
            _rare.Add(fields);
            return _plain = _rare.Count - 1;
        }
        if (_unusedRare.TryPop(out int unused))
        {
            _rare[unused] = fields;
            return unused;
        }
        _rare.Add(fields);
        return _rare.Count - 1;
    }

    private Dictionary<int, (int First, int Count)> SortByThread(long[] orders, int[] slots)
    {
        var parts = new Dictionary<int, (int First, int Count)>();
        int next = 0;
        foreach (ThreadState thread in _threads.Values.Where(t => t.Blocks > 0))
        {
            parts.Add(thread.Index, (next, 0));
            next += (int)thread.Blocks;
        }
        for (int slot = 0; slot < _slots; slot++)
        {
            ref Block block = ref _blocks[slot];
            if (block.Order < 0)
                continue;
            (int first, int n) = parts[block.Thread];
            (orders[first + n], slots[first + n]) = (block.Order, slot);
            parts[block.Thread] = (first, n + 1);
        }
        foreach ((int first, int n) in parts.Values)
            Array.Sort(orders, slots, first, n);
        return parts;
    }

    private long WriteThread(ChunkWriter writer, ThreadState thread, RawEvent[] facts, ReadOnlySpan<int> slots)
    {
        long written = 0;
        int next = 0;
        foreach (int slot in slots)
        {
            ref readonly Block block = ref _blocks[slot];
            RareFields rare = _rare[block.Rare];
            var e = new RawEvent
            {
                Ticks = block.Ticks,
                Address = block.Address,
                Size = block.Size,
                Count = rare.Count,
                Alignment = rare.Alignment,
                Duration = rare.Duration,
                OtherThread = -1,
                Stack = block.Stack,
                Interval = rare.Interval,
                Kind = (CallKind)block.Kind,
            };
            bool isRealloc = CallKinds.IsReallocEnd(e.Kind);
            ulong begin = isRealloc && rare.BeginTicks != 0 ? rare.BeginTicks : e.Ticks;
            for (; next < facts.Length && facts[next].Ticks <= begin; written++)
                writer.Add(facts[next++]);
            if (isRealloc)
            {
                CallKind kind = e.Kind == CallKind.ReallocEnd ? CallKind.ReallocBegin : CallKind.ReallocArrayBegin;
                writer.Add(e with { Kind = kind, Ticks = begin, Address = 0, IsNull = true, Duration = 0, Stack = 0 });
                written++;
            }
            writer.Add(e);
            written++;
        }
        for (; next < facts.Length; written++)
            writer.Add(facts[next++]);
        if (thread.Begun is { } begun)
        {
            writer.Add(begun);
            written++;
        }
        return written;
    }

    private IEnumerable<RawEvent> FactsOf(ThreadState thread, IEnumerable<RawEvent> created)
    {
        if (thread.Start is { } start)
            yield return start;
        foreach (RawEvent e in created)
            yield return e;
        if (_gap is { } gap && gap.Thread == thread.Index)
            yield return gap.Event;
        if (thread.Exit is { } exit)
            yield return exit;
    }
}
