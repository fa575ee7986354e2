using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Scratch;

namespace AllocReplay.Replayer.Plan;

/// <summary>
/// Compiles a trace's events, in merged order, into a plan. Memory: one entry per live block; ops go to disk.
/// </summary>
/// <remarks>
/// Every op stands where the merged order has it, and waits only for ops that stand before it: that is why a replay cannot
/// deadlock (docs/design/replay.md). Who will wait for an op is known when it is long written; it is then changed to tell them.
/// </remarks>
internal sealed unsafe class PlanBuilder : IDisposable
{
    private readonly Spill _spill;
    private readonly CallOrder _order;
    private readonly PlanOptions _options;
    private readonly List<PlanThreadBuilder> _threads = [];
    private readonly Dictionary<long, LiveBlock> _live = [];
    private readonly List<(int Thread, uint Slot)> _displaced = [];
    private readonly int _mainThread;
    private readonly bool _hasLatency;
    private long _sharedSlots;

    /// <param name="directory">Where temporary files go.</param>
    /// <param name="threadCount">Threads of the trace.</param>
    /// <param name="mainThread">The process's first thread, which runs on the worker's, as allocators give it a heap of another kind; or -1.</param>
    /// <param name="hasLatency">Whether the trace tells how long calls took.</param>
    /// <param name="options">What the plan keeps.</param>
    public PlanBuilder(string directory, int threadCount, int mainThread, bool hasLatency, PlanOptions options)
    {
        _spill = new Spill(directory);
        _order = CallOrder.Create(options.Order, threadCount, hasLatency, _spill);
        (_options, _mainThread, _hasLatency) = (options, mainThread, hasLatency);
        for (int i = 0; i < threadCount; i++)
            _threads.Add(new PlanThreadBuilder(_spill, options.IsTimed));
    }

    private readonly record struct LiveBlock(uint Slot, nint Producer, Acquisition Acquired);

    public IReadOnlyList<PlanThreadBuilder> Threads => _threads;
    public PlanCounts Counts { get; } = new();

    public void Add(in TraceEvent e)
    {
        PlanThreadBuilder thread = _threads[e.Thread];
        thread.Started = true;
        _order.Observe(e);
        if (e.Kind == CallKind.ThreadCreate)
            Spawn(e, thread);
        else if (e.Kind == CallKind.ThreadExit)
            Exit(e, thread);
        else if (CallKinds.IsReallocBegin(e.Kind))
            (thread.ReallocOfNull, thread.ReallocBeginNs) = (e.IsNull, _order.BeginOf(e));
        else if (CallKinds.IsReallocEnd(e.Kind))
            Reallocate(e, thread);
        else if (CallKinds.IsAcquisition(e.Kind))
            Acquire(e, thread);
        else if (e.Kind != CallKind.ThreadStart)
            Release(e, thread);
        _order.Pass(e);
    }

    /// <summary>Writes the plan.</summary>
    public void Write(Stream output)
    {
        Counts.UnreducedWaits = _order.Unreduced;
        IEnumerable<(int, uint)> leftovers = _live.Values.Select(b => (b.Acquired.Thread, b.Slot)).Concat(_displaced);
        PlanWriter.Write(output, _options.Order, _threads, _sharedSlots, _mainThread, leftovers, Counts);
    }

    public void Dispose() => _spill.Dispose();

    private void Spawn(in TraceEvent e, PlanThreadBuilder thread)
    {
        int child = e.OtherThread;
        // A child already seen at work cannot be started here without waiting for the future: it starts with the replay.
        if (child < 0 || _threads[child].Started || _threads[child].Parent >= 0 || child == _mainThread)
        {
            Counts.UnplacedCreates++;
            return;
        }
        if (thread.HasExited)
            thread.Resume();
        _threads[child].Parent = e.Thread;
        long begin = _order.BeginOf(e);
        Await(e.Thread, thread, begin);
        long position = thread.Ops.Count;
        thread.Append(new PlanOp { Code = PlanCode.Spawn, Slot = (uint)child }, e.TimeNs);
        _order.Add(e, begin, position);
        _order.Created(child, e.Thread, begin, position);
    }

    private void Exit(in TraceEvent e, PlanThreadBuilder thread)
    {
        if (thread.HasExited)
            return;
        long begin = _order.BeginOf(e);
        Await(e.Thread, thread, begin);
        thread.Exit();
        _order.Add(e, begin, Predecessor.Exit);
    }

    private void Acquire(in TraceEvent e, PlanThreadBuilder thread)
    {
        Displace(e);
        long begin = _order.BeginOf(e);
        PlanOp op = Call(e);
        if (e.IsNull)
        {
            op.Flags |= PlanFlags.Failed;
            Append(e, thread, op, begin);
            return;
        }
        Produce(e, thread, op, begin, e.Object);
    }

    private void Release(in TraceEvent e, PlanThreadBuilder thread)
    {
        long begin = _order.BeginOf(e);
        PlanOp op = Call(e);
        if (!e.IsNull)
        {
            if (e.Object < 0 || !_live.Remove(e.Object, out LiveBlock block))
            {
                Counts.UnknownReleases++;
                thread.SkippedCalls++;
                return;
            }
            op.Flags |= Consume(block, e.Thread, begin, ref op);
        }
        Append(e, thread, op, begin);
    }

    /// <summary>A block whose release is not in the trace, as another now has its address: the replay never gives it back either.</summary>
    private void Displace(in TraceEvent e)
    {
        if (e.DisplacedObject < 0 || !_live.Remove(e.DisplacedObject, out LiveBlock block))
            return;
        Counts.DisplacedBlocks++;
        _displaced.Add((block.Acquired.Thread, block.Slot));
    }

    private void Reallocate(in TraceEvent e, PlanThreadBuilder thread)
    {
        Displace(e);
        PlanOp op = Call(e), operand = default;
        long begin = thread.ReallocBeginNs;
        bool known = _live.Remove(e.PreviousObject, out LiveBlock old); // no block has a negative id, which stands for none
        if (known)
            op.Flags |= Consume(old, e.Thread, begin, ref operand);
        bool freed = e.IsNull && e.Object < 0 && e.BytesRequested == 0 && !thread.ReallocOfNull;
        if (!known && !thread.ReallocOfNull)
        {
            if (freed)
            {
                Counts.UnknownReleases++;
                thread.SkippedCalls++;
                return;
            }
            // The old block was never seen: what is left of the call is an acquisition.
            Counts.UnknownReallocations++;
        }
        if (!e.IsNull)
        {
            Produce(e, thread, op, begin, e.Object, operand);
        }
        else if (freed)
        {
            op.Flags |= PlanFlags.Freed;
            Append(e, thread, op, begin, operand);
        }
        else if (known)
        {
            op.Flags |= PlanFlags.Failed | PlanFlags.Keep;
            Produce(e, thread, op, begin, e.Object, operand);
        }
        else
        {
            op.Flags |= PlanFlags.Failed;
            Append(e, thread, op, begin, operand);
        }
    }

    /// <summary>Appends an op that stores a block, and remembers where.</summary>
    private void Produce(in TraceEvent e, PlanThreadBuilder thread, PlanOp op, long begin, long id, PlanOp operand = default)
    {
        (op.Slot, op.SlotKind) = (thread.TakeSlot(), SlotKind.Own);
        PlanOp* place = Append(e, thread, op, begin, operand);
        // No id: a failed reallocation whose address has been taken since. Nobody will ask for the block.
        if (id >= 0)
            _live[id] = new LiveBlock(op.Slot, (nint)place, _order.Remember(e.Thread, thread.Ops.Count - 1));
    }

    /// <summary>Gives up a block: its slot, shared when the block came from another thread. Tells whether that is to be waited for.</summary>
    private PlanFlags Consume(in LiveBlock block, int consumer, long begin, ref PlanOp user)
    {
        PlanThreadBuilder owner = _threads[block.Acquired.Thread];
        owner.ReturnSlot(block.Slot);
        (user.Slot, user.SlotKind) = (block.Slot, SlotKind.Own);
        if (block.Acquired.Thread == consumer)
            return PlanFlags.None;
        bool waits = !_order.IsImplied(block.Acquired, consumer, begin);
        PlanOp* producer = (PlanOp*)block.Producer;
        (producer->Slot, producer->SlotKind) = (user.Slot, user.SlotKind) = (owner.TakeSharedSlot(ref _sharedSlots), SlotKind.Shared);
        producer->Flags |= waits ? PlanFlags.Publish : PlanFlags.None;
        Counts.CrossThreadBlocks++;
        Counts.Waits += waits ? 1 : 0;
        return waits ? PlanFlags.Wait : PlanFlags.None;
    }

    private PlanOp* Append(in TraceEvent e, PlanThreadBuilder thread, PlanOp op, long begin, PlanOp operand = default)
    {
        if (thread.HasExited)
            thread.Resume();
        Await(e.Thread, thread, begin);
        Counts.Calls++;
        if (PlanCode.HasOperand(e.Kind))
        {
            operand.Code = PlanCode.Operand;
            operand.Size = HasCount(e.Kind) ? e.Count : e.Alignment;
            thread.Append(operand);
        }
        long position = thread.Ops.Count;
        PlanOp* place = thread.Append(op, MomentOf(e, begin));
        _order.Add(e, begin, position);
        return place;
    }

    /// <summary>Appends the waits of an op that comes next.</summary>
    private void Await(int index, PlanThreadBuilder thread, long begin)
    {
        foreach (Predecessor call in _order.Before(index, begin))
        {
            _threads[call.Thread].AddWaiter(thread.Append(default), call);
            Counts.Waits++;
        }
    }

    /// <summary>When to make the call at a recorded pace: when it began, or when it had ended where that is all the trace tells.</summary>
    private long MomentOf(in TraceEvent e, long begin) =>
        CallKinds.IsReallocEnd(e.Kind) ? begin : _hasLatency && !CallKinds.IsDeallocation(e.Kind) ? e.TimeNs - e.DurationNs : e.TimeNs;

    private static PlanOp Call(in TraceEvent e) => new() { Code = (byte)e.Kind, Size = e.Size };

    private static bool HasCount(CallKind kind) => kind is CallKind.Calloc or CallKind.ReallocArrayEnd;
}
