using System.Runtime.InteropServices;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Analyzer.Passes;

/// <summary>
/// Pairs acquisitions with releases in one pass over the merged events: one row per acquired block, given to the sink when the
/// block ends. Memory is bounded by the live blocks.
/// </summary>
/// <remarks>
/// <para>The live blocks are kept by address, as the merge keeps them: so a block whose address is acquired again is always
/// noticed, also at the end of a reallocation, whose event names the block it replaces and no other.</para>
/// <para>A block that realloc has been given leaves the table when the call begins, since other threads may take its address
/// from then on. What became of it is known when the call ends; its moment of ending is the beginning.</para>
/// </remarks>
/// <param name="sink">Takes the rows.</param>
/// <param name="hasLatency">Whether the events tell how long each call took.</param>
public sealed class LifetimeMatcher(IAllocationSink sink, bool hasLatency = false)
{
    private readonly Dictionary<ulong, LiveBlock> _live = [];
    private readonly List<PendingRealloc> _pending = []; // by thread
    private ulong _bytes; // acquired so far; wraps, only differences are used
    private long _acquisitions;

    /// <summary>Takes one event, in merged order.</summary>
    public void Add(in TraceEvent e)
    {
        if (CallKinds.IsThreadEvent(e.Kind))
            return;
        if (CallKinds.IsReallocBegin(e.Kind))
            BeginRealloc(e);
        else if (CallKinds.IsReallocEnd(e.Kind))
            EndRealloc(e);
        else if (CallKinds.IsAcquisition(e.Kind))
        {
            if (!e.IsNull)
                Acquire(e, e.Object, 0);
        }
        else if (e.Object >= 0 && _live.Remove(e.Address, out LiveBlock block))
            End(block, EndKind.Freed, Now(e.TimeNs), e.Thread, CallNs(e));
    }

    /// <summary>Ends the trace: gives the sink the blocks that are still live, in order of acquisition.</summary>
    /// <param name="endNs">The end of the trace, nanoseconds since its start.</param>
    public void Finish(long endNs)
    {
        // A thread that was inside realloc when the trace ended still held its block, as a failing call would keep it.
        var alive = new List<LiveBlock>(_live.Values);
        alive.AddRange(_pending.Where(p => p.Active).Select(p => p.Block));
        alive.Sort((a, b) => a.Object.CompareTo(b.Object));
        foreach (LiveBlock block in alive)
            End(block, EndKind.AliveAtEnd, Now(endNs), -1);
        _live.Clear();
        _pending.Clear();
    }

    private void BeginRealloc(in TraceEvent e)
    {
        ref PendingRealloc pending = ref PendingOf(e.Thread);
        // The end of the thread's previous call is not in the trace, and it has moved on.
        if (pending.Active)
            End(pending.Block, EndKind.LostFree, pending.Moment, -1);
        pending = default;
        if (e.Object >= 0 && _live.Remove(e.Address, out LiveBlock block))
            pending = new PendingRealloc { Active = true, Block = block, Moment = Now(e.TimeNs) };
    }

    private void EndRealloc(in TraceEvent e)
    {
        ref PendingRealloc slot = ref PendingOf(e.Thread);
        PendingRealloc pending = slot;
        slot = default;
        if (!e.IsNull)
        {
            if (pending.Active)
                End(pending.Block, EndKind.Reallocated, pending.Moment, e.Thread, CallNs(e));
            Acquire(e, pending.Active ? pending.Block.Chain : e.Object, pending.Active ? pending.Block.ChainPosition + 1 : 0);
        }
        else if (pending.Active)
        {
            if (e.Object >= 0)
                _live.Add(pending.Block.Address, pending.Block); // failed: the old block stays
            else if (e.BytesRequested == 0)
                End(pending.Block, EndKind.Freed, pending.Moment, e.Thread, CallNs(e));
            else
                End(pending.Block, EndKind.LostFree, pending.Moment, -1); // failed, but the address had a new owner by then
        }
    }

    private void Acquire(in TraceEvent e, long chain, int position)
    {
        ref LiveBlock slot = ref CollectionsMarshal.GetValueRefOrAddDefault(_live, e.Address, out bool displaces);
        if (displaces)
            End(slot, EndKind.LostFree, Now(e.TimeNs), -1);
        _acquisitions++;
        _bytes += e.BytesRequested;
        slot = new LiveBlock
        {
            Object = e.Object,
            Address = e.Address,
            Size = Saturation.ToInt64(e.BytesRequested),
            Alignment = Saturation.ToInt64(e.Alignment),
            AllocNs = e.TimeNs,
            CallNs = CallNs(e),
            Bytes = _bytes,
            Acquisitions = _acquisitions,
            Chain = chain,
            ChainPosition = position,
            Thread = e.Thread,
            Kind = e.Kind,
        };
    }

    private void End(in LiveBlock block, EndKind kind, Moment moment, int thread, long callNs = AllocationRow.NotRecorded) => sink.Add(new AllocationRow
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
        LifetimeBytes = Saturation.ToInt64(unchecked(moment.Bytes - block.Bytes)),
        LifetimeAllocations = moment.Acquisitions - block.Acquisitions,
        AllocThread = block.Thread,
        FreeThread = thread,
        Chain = block.Chain,
        ChainPosition = block.ChainPosition,
        AllocCallNs = block.CallNs,
        FreeCallNs = callNs,
    });

    private long CallNs(in TraceEvent e) => hasLatency ? e.DurationNs : AllocationRow.NotRecorded;

    private Moment Now(long ns) => new(ns, _bytes, _acquisitions);

    private ref PendingRealloc PendingOf(int thread)
    {
        while (_pending.Count <= thread)
            _pending.Add(default);
        return ref CollectionsMarshal.AsSpan(_pending)[thread];
    }

    /// <summary>A moment on the three clocks by which lifetimes are measured.</summary>
    private readonly record struct Moment(long Ns, ulong Bytes, long Acquisitions);

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
        public ulong Bytes; // the clocks just after its own acquisition
        public long Acquisitions;
        public long Chain;
        public int ChainPosition;
        public int Thread;
        public CallKind Kind;
    }
}
