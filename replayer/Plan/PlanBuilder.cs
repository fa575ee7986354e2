using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Scratch;

namespace AllocReplay.Replayer.Plan;

/// <summary>
/// Compiles a trace's calls, in merged order, into a plan. Memory: one entry per live block; ops go to disk.
/// </summary>
/// <remarks>
/// Every op stands where the merged order has it, and waits only for ops that stand before it: that is why a replay cannot
/// deadlock (docs/design/replay.md). Who will wait for an op is known when it is long written; it is then changed to tell them.
/// </remarks>
internal sealed unsafe class PlanBuilder : ITraceSink, IDisposable
{
    private readonly Spill _spill;
    private readonly CallOrder _order;
    private readonly PlanOptions _options;
    private readonly List<PlanThreadBuilder> _threads = [];
    private readonly LiveBlocks _live = new();
    private readonly List<(int Thread, uint Slot)> _displaced = [];
    private readonly int _mainThread;
    private long _sharedSlots;
    private UInt128 _acquired, _liveBytes, _peak; // exact, so that what is taken off them was on them

    /// <param name="directory">Where temporary files go.</param>
    /// <param name="threadCount">Threads of the trace.</param>
    /// <param name="mainThread">The process's first thread, which runs on the worker's, as allocators give it a heap of another kind; or -1.</param>
    /// <param name="hasLatency">Whether the trace tells how long calls took.</param>
    /// <param name="options">What the plan keeps.</param>
    public PlanBuilder(string directory, int threadCount, int mainThread, bool hasLatency, PlanOptions options)
    {
        _spill = new Spill(directory);
        _order = CallOrder.Create(options.Order, threadCount, hasLatency, _spill);
        (_options, _mainThread) = (options, mainThread);
        for (int i = 0; i < threadCount; i++)
            _threads.Add(new PlanThreadBuilder(_spill, options.IsTimed));
    }

    public IReadOnlyList<PlanThreadBuilder> Threads => _threads;
    public PlanCounts Counts { get; } = new();
    public TraceTotals Totals => new(ByteCount.Of(_acquired), ByteCount.Of(_peak));

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
        See(begin.Thread, begin.TimeNs);
        _order.Pass(begin.Thread, begin.TimeNs);
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        PlanThreadBuilder thread = See(call.Thread, call.TimeNs);
        if (call.IsReallocation)
            Reallocate(call, thread);
        else if (call.IsDeallocation)
            Release(call, thread);
        else
            Acquire(call, thread);
        _order.Pass(call.Thread, call.TimeNs);
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
        PlanThreadBuilder thread = See(e.Thread, e.TimeNs);
        if (e.Kind == CallKind.ThreadCreate)
            Spawn(e, thread);
        else if (e.Kind == CallKind.ThreadExit)
            Exit(e, thread);
        _order.Pass(e.Thread, e.TimeNs);
    }

    /// <summary>Writes the plan.</summary>
    /// <param name="output">Where it goes; it can seek.</param>
    /// <param name="facts">What goes with it; asked for when <see cref="Counts"/> is complete.</param>
    public void Write(Stream output, Func<byte[]> facts)
    {
        Counts.UnreducedWaits = _order.Unreduced;
        IEnumerable<(int, uint)> leftovers = _live.All.Select(b => (b.Acquired.Thread, b.Slot)).Concat(_displaced);
        PlanWriter.Write(output, _options.Order, _threads, _sharedSlots, _mainThread, leftovers, Counts, _spill, facts);
    }

    public void Dispose() => _spill.Dispose();

    private PlanThreadBuilder See(int index, long ns)
    {
        _threads[index].Started = true;
        _order.Observe(index, ns);
        return _threads[index];
    }

    private void Spawn(in ThreadEvent e, PlanThreadBuilder thread)
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
        Await(e.Thread, thread, e.TimeNs);
        long position = thread.Ops.Count;
        thread.Append(new PlanOp { Code = PlanCode.Spawn, Slot = (uint)child }, e.TimeNs);
        _order.Add(e, position);
        _order.Created(child, e.Thread, e.TimeNs, position);
    }

    private void Exit(in ThreadEvent e, PlanThreadBuilder thread)
    {
        if (thread.HasExited)
            return;
        Await(e.Thread, thread, e.TimeNs);
        thread.Exit();
        _order.Add(e, Predecessor.Exit);
    }

    private void Acquire(in TraceCall call, PlanThreadBuilder thread)
    {
        Displace(call);
        long begin = _order.BeginOf(call);
        PlanOp op = OpOf(call);
        if (call.IsNull)
        {
            op.Flags |= PlanFlags.Failed;
            Append(call, thread, op, begin);
            return;
        }
        Produce(call, thread, op, begin, call.Acquired);
    }

    private void Release(in TraceCall call, PlanThreadBuilder thread)
    {
        long begin = _order.BeginOf(call);
        PlanOp op = OpOf(call);
        if (!call.IsNull)
        {
            if (call.Given < 0 || !_live.Remove(call.Given, out LiveBlock block))
            {
                Counts.UnknownReleases++;
                thread.SkippedCalls++;
                return;
            }
            _liveBytes -= block.Size;
            op.Flags |= Consume(block, call.Thread, begin, ref op);
        }
        Append(call, thread, op, begin);
    }

    /// <summary>A block whose release is not in the trace, as another now has its address: the replay never gives it back either.</summary>
    private void Displace(in TraceCall call)
    {
        if (call.Displaced < 0 || !_live.Remove(call.Displaced, out LiveBlock block))
            return;
        _liveBytes -= block.Size;
        _order.Forget(block.Acquired);
        Counts.DisplacedBlocks++;
        _displaced.Add((block.Acquired.Thread, block.Slot));
    }

    private void Reallocate(in TraceCall call, PlanThreadBuilder thread)
    {
        Displace(call);
        PlanOp op = OpOf(call), operand = default;
        long begin = _order.BeginOf(call);
        bool known = _live.Remove(call.Given, out LiveBlock old); // no block has a negative id, which stands for none
        if (known)
            op.Flags |= Consume(old, call.Thread, begin, ref operand);
        if (!known && !call.IsOfNull)
        {
            if (call.Frees)
            {
                Counts.UnknownReleases++;
                thread.SkippedCalls++;
                return;
            }
            // The old block was never seen: what is left of the call is an acquisition.
            Counts.UnknownReallocations++;
        }
        if (!call.IsNull)
        {
            _liveBytes -= old.Size;
            Produce(call, thread, op, begin, call.Acquired, operand);
        }
        else if (call.Frees)
        {
            _liveBytes -= old.Size;
            op.Flags |= PlanFlags.Freed;
            Append(call, thread, op, begin, operand);
        }
        else if (known)
        {
            op.Flags |= PlanFlags.Failed | PlanFlags.Keep;
            Produce(call, thread, op, begin, call.Kept, operand, old.Size);
        }
        else
        {
            op.Flags |= PlanFlags.Failed;
            Append(call, thread, op, begin, operand);
        }
    }

    /// <summary>Appends an op that stores a block, and remembers where.</summary>
    private void Produce(in TraceCall call, PlanThreadBuilder thread, PlanOp op, long begin, long id, PlanOp operand = default, ulong? keptSize = null)
    {
        (op.Slot, op.SlotKind) = (thread.TakeSlot(), SlotKind.Own);
        PlanOp* place = Append(call, thread, op, begin, operand);
        if (keptSize is null)
        {
            _acquired += call.BytesRequested;
            _liveBytes += call.BytesRequested;
            _peak = UInt128.Max(_peak, _liveBytes);
        }
        // No id: a failed reallocation whose address has been taken since. Nobody will ask for the block.
        if (id >= 0)
            _live.Add(id, new LiveBlock(op.Slot, (nint)place, keptSize ?? call.BytesRequested, _order.Remember(call.Thread, thread.Ops.Count - 1)));
    }

    /// <summary>Gives up a block: its slot, shared when the block came from another thread. Tells whether that is to be waited for.</summary>
    private PlanFlags Consume(in LiveBlock block, int consumer, long begin, ref PlanOp user)
    {
        PlanThreadBuilder owner = _threads[block.Acquired.Thread];
        owner.ReturnSlot(block.Slot);
        (user.Slot, user.SlotKind) = (block.Slot, SlotKind.Own);
        if (block.Acquired.Thread == consumer)
        {
            _order.Forget(block.Acquired);
            return PlanFlags.None;
        }
        bool waits = !_order.IsImplied(block.Acquired, consumer, begin);
        _order.Forget(block.Acquired);
        _spill.Visited();
        PlanOp* producer = (PlanOp*)block.Producer;
        (producer->Slot, producer->SlotKind) = (user.Slot, user.SlotKind) = (owner.TakeSharedSlot(ref _sharedSlots), SlotKind.Shared);
        producer->Flags |= waits ? PlanFlags.Publish : PlanFlags.None;
        Counts.CrossThreadBlocks++;
        Counts.Waits += waits ? 1 : 0;
        return waits ? PlanFlags.Wait : PlanFlags.None;
    }

    private PlanOp* Append(in TraceCall call, PlanThreadBuilder thread, PlanOp op, long begin, PlanOp operand = default)
    {
        if (thread.HasExited)
            thread.Resume();
        Await(call.Thread, thread, begin);
        Counts.Calls++;
        if (PlanCode.HasOperand(call.Kind))
        {
            operand.Code = PlanCode.Operand;
            operand.Size = HasCount(call.Kind) ? call.Count : call.Alignment;
            thread.Append(operand);
        }
        long position = thread.Ops.Count;
        // At a recorded pace it is made when it began, or had ended where that is all the trace tells.
        PlanOp* place = thread.Append(op, call.BeginNs);
        _order.Add(call, begin, position);
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

    private static PlanOp OpOf(in TraceCall call) => new() { Code = (byte)call.Kind, Size = call.Size };

    private static bool HasCount(CallKind kind) => kind is CallKind.Calloc or CallKind.ReallocArrayEnd;
}
