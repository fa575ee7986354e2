using System.Runtime.InteropServices;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Passes;

/// <summary>
/// Pairs acquisitions with releases in one pass over the merged calls: one row per acquired block, given to the sink when the
/// block ends. Memory is bounded by the live blocks.
/// </summary>
/// <remarks>
/// A block that realloc has been given is put aside when the call begins, since other threads may take its address from then on. What became of it is
/// known when the call ends; its moment of ending is the beginning.
/// </remarks>
/// <param name="sink">Takes the rows.</param>
/// <param name="hasLatency">Whether the events tell how long each call took.</param>
/// <param name="sites">Where calls were made, told of every block; null where it was not recorded.</param>
/// <param name="certainty">Says which blocks that are outstanding are uncertain; somebody else tells it of gaps. Null: none is.</param>
/// <param name="sampling">Which blocks are in the trace.</param>
public sealed class LifetimeMatcher(IAllocationSink sink, bool hasLatency = false, CallSites? sites = null, Certainty? certainty = null,
    Sampling sampling = default) : ITraceSink
{
    private static readonly LiveBlock None = new() { Object = TraceEvent.NoObject };

    private readonly SlotArray<LiveBlock> _live = new(None);
    private readonly List<PendingRealloc> _pending = []; // by thread
    private readonly List<long> _lastAcquired = []; // by thread: the object
    private UInt128 _bytes; // acquired so far, exact
    private long _acquired; // objects so far: they are numbered from 0
    private int _slots; // that blocks were told of

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
        ref PendingRealloc pending = ref PendingOf(begin.Thread);
        // The end of the thread's previous call is not in the trace, and it has moved on.
        if (pending.Active)
        {
            sites?.PeakOf(pending.Block.Stack).Ended(begin.Thread, isKept: false);
            End(pending.Block, EndKind.LostFree, pending.Moment);
        }
        pending = default;
        if (begin.Object >= 0 && IsLive(begin.Object, begin.Slot))
        {
            pending = new PendingRealloc { Active = true, Block = _live[begin.Slot], Moment = Now(begin.TimeNs) };
            _live[begin.Slot] = None;
            sites?.PeakOf(pending.Block.Stack).Begun(begin.Thread, (ulong)pending.Block.Size);
        }
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        if (call.IsReallocation)
            EndRealloc(call);
        else if (call.Acquired >= 0)
            Acquire(call, call.Acquired, 0);
        else if (call.Given >= 0 && IsLive(call.Given, call.GivenSlot))
        {
            ref LiveBlock block = ref _live[call.GivenSlot];
            sites?.PeakOf(block.Stack).Released((ulong)block.Size);
            End(block, EndKind.Freed, Now(call.TimeNs), call);
            block.Object = TraceEvent.NoObject;
        }
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
    }

    /// <summary>Ends the trace: gives the sink the blocks that are still live, in order of acquisition.</summary>
    /// <param name="endNs">The end of the trace, nanoseconds since its start.</param>
    public void Finish(long endNs)
    {
        // A thread that was inside realloc when the trace ended still held its block, as a failing call would keep it.
        foreach (PendingRealloc pending in _pending.Where(p => p.Active))
            _live[_slots++] = pending.Block;
        _pending.Clear();
        int[] alive = [.. Enumerable.Range(0, _slots).Where(s => _live[s].Object >= 0).OrderBy(s => _live[s].Object)];
        foreach (int slot in alive)
            End(_live[slot], EndKind.AliveAtEnd, Now(endNs));
        foreach (int slot in alive)
            _live[slot] = None;
    }

    private void EndRealloc(in TraceCall call)
    {
        ref PendingRealloc slot = ref PendingOf(call.Thread);
        PendingRealloc pending = slot;
        slot = default;
        if (pending.Active)
            sites?.PeakOf(pending.Block.Stack).Ended(call.Thread, call.Kept >= 0);
        if (!call.IsNull)
        {
            if (pending.Active)
                End(pending.Block, EndKind.Reallocated, pending.Moment, call);
            Acquire(call, pending.Active ? pending.Block.Chain : call.Acquired, pending.Active ? pending.Block.ChainPosition + 1 : 0);
        }
        else if (pending.Active)
        {
            if (call.Kept >= 0)
                _live[call.TakenSlot] = pending.Block; // failed: the old block stays
            else if (call.Frees)
                End(pending.Block, EndKind.Freed, pending.Moment, call);
            else
                End(pending.Block, EndKind.LostFree, pending.Moment); // failed, but the address had a new owner by then
        }
    }

    private void Acquire(in TraceCall call, long chain, int position)
    {
        if (call.Displaced >= 0 && IsLive(call.Displaced, call.DisplacedSlot))
        {
            LiveBlock displaced = _live[call.DisplacedSlot];
            sites?.PeakOf(displaced.Stack).Released((ulong)displaced.Size);
            sink.Add(RowOf(displaced, EndKind.LostFree, Now(call.TimeNs), Release.None), call);
            _live[call.DisplacedSlot] = None;
        }
        _acquired = call.Acquired + 1;
        _bytes += call.BytesRequested;
        int stack = sites?.Known(call.Stack) ?? 0;
        sites?.Acquired(stack, call, (long)call.BytesRequested);
        // What else a thread acquired before the window is not known: so no carried block is its latest.
        if (!call.IsCarried)
            LastAcquiredBy(call.Thread) = call.Acquired;
        _slots = Math.Max(_slots, call.TakenSlot + 1);
        _live[call.TakenSlot] = new LiveBlock
        {
            Object = call.Acquired,
            Address = call.Address,
            Size = (long)call.BytesRequested,
            Alignment = Saturation.ToInt64(call.Alignment),
            AllocNs = call.TimeNs,
            CallNs = CallNs(call),
            Bytes = _bytes,
            Chain = chain,
            ChainPosition = position,
            Thread = call.Thread,
            Stack = stack,
            Interval = call.Interval,
            Kind = call.Kind,
            IsCarried = call.IsCarried,
        };
    }

    private bool IsLive(long id, int slot) => _live[slot].Object == id;

    private void End(in LiveBlock block, EndKind kind, Moment moment) => sink.Add(RowOf(block, kind, moment, Release.None));

    private void End(in LiveBlock block, EndKind kind, Moment moment, in TraceCall by) => sink.Add(RowOf(block, kind, moment, ReleaseOf(block, by)), by);

    private AllocationRow RowOf(in LiveBlock block, EndKind kind, Moment moment, in Release release)
    {
        var row = new AllocationRow
        {
            Object = block.Object,
            Address = unchecked((long)block.Address),
            Size = block.Size,
            Kind = block.Kind,
            Alignment = block.Alignment,
            AllocNs = block.AllocNs,
            EndNs = moment.Ns,
            EndKind = kind,
            LifetimeNs = Math.Max(0, moment.Ns - block.AllocNs),
            LifetimeBytes = (long)ByteCount.Of(moment.Bytes - block.Bytes),
            LifetimeAllocations = moment.Acquired - (block.Object + 1),
            AllocThread = block.Thread,
            FreeThread = release.Thread,
            Chain = block.Chain,
            ChainPosition = block.ChainPosition,
            AllocCallNs = block.CallNs,
            FreeCallNs = release.CallNs,
            AllocStack = block.Stack,
            FreeStack = release.Stack,
            Site = sites?.SiteOf(block.Stack) ?? 0,
            IsTemporary = release.IsOfNewest,
            Carried = block.IsCarried,
            Uncertain = kind == EndKind.AliveAtEnd && certainty?.IsUncertain(block.AllocNs, block.Interval) == true,
            Weight = sampling.Weight((ulong)block.Size),
        };
        sites?.Ended(row);
        return row;
    }

    private Release ReleaseOf(in LiveBlock block, in TraceCall call) => new(
        call.Thread, CallNs(call), sites?.Known(call.Stack) ?? 0, block.Thread == call.Thread && LastAcquiredBy(call.Thread) == block.Object);

    private long CallNs(in TraceCall call) => hasLatency ? call.DurationNs : AllocationRow.NotRecorded;

    private Moment Now(long ns) => new(ns, _bytes, _acquired);

    private ref PendingRealloc PendingOf(int thread)
    {
        while (_pending.Count <= thread)
            _pending.Add(default);
        return ref CollectionsMarshal.AsSpan(_pending)[thread];
    }

    private ref long LastAcquiredBy(int thread)
    {
        while (_lastAcquired.Count <= thread)
            _lastAcquired.Add(TraceEvent.NoObject);
        return ref CollectionsMarshal.AsSpan(_lastAcquired)[thread];
    }

    /// <summary>What the call that ended a block tells.</summary>
    private readonly record struct Release(int Thread, long CallNs, int Stack, bool IsOfNewest)
    {
        public static Release None => new(-1, AllocationRow.NotRecorded, 0, IsOfNewest: false);
    }

    /// <summary>A moment on the three clocks by which lifetimes are measured.</summary>
    private readonly record struct Moment(long Ns, UInt128 Bytes, long Acquired);

    private struct PendingRealloc
    {
        public bool Active;
        public LiveBlock Block;
        public Moment Moment;
    }

    private struct LiveBlock
    {
        public long Object;
        public ulong Address;
        public long Size;
        public long Alignment;
        public long AllocNs;
        public long CallNs; // that its acquisition took
        public UInt128 Bytes; // that clock just after its own acquisition
        public long Chain;
        public int ChainPosition;
        public int Thread;
        public int Stack; // that it was acquired with; 0: not known
        public uint Interval; // that it was acquired in
        public CallKind Kind;
        public bool IsCarried;
    }
}
