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
/// What the trace carries comes first and has an order of its own: the window waits for all of it at once.
/// </remarks>
internal sealed unsafe class PlanBuilder : ITraceSink, IDisposable
{
    private readonly Spill _spill;
    private readonly CallOrder _order, _prologueOrder;
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
        _prologueOrder = CallOrder.CreateForPrologue(options.Order, threadCount);
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
        CallOrder order = OrderOf(begin.IsCarried);
        See(begin.Thread, begin.TimeNs, order);
        order.Pass(begin.Thread, begin.TimeNs);
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        CallOrder order = OrderOf(call.IsCarried);
        PlanThreadBuilder thread = See(call.Thread, call.TimeNs, order);
        if (call.IsReallocation)
            Reallocate(call, thread, order);
        else if (call.IsDeallocation)
            Release(call, thread, order);
        else
            Acquire(call, thread, order);
        order.Pass(call.Thread, call.TimeNs);
        if (call.IsCarried)
            thread.ExtendPrologue();
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
        CallOrder order = OrderOf(e.IsCarried);
        PlanThreadBuilder thread = See(e.Thread, e.TimeNs, order);
        if (e.Kind == CallKind.ThreadCreate)
            Spawn(e, thread, order);
        else if (e.Kind == CallKind.ThreadExit)
            Exit(e, thread, order);
        order.Pass(e.Thread, e.TimeNs);
        if (e.IsCarried)
            thread.ExtendPrologue();
    }

    /// <inheritdoc/>
    public void Add(in RegionEvent e) => Counts.RegionEvents++;

    /// <summary>Writes the plan.</summary>
    /// <param name="output">Where it goes; it can seek.</param>
    /// <param name="cutNs">When the window begins; null where the trace is there from its beginning.</param>
    /// <param name="facts">What goes with it; asked for when <see cref="Counts"/> is complete.</param>
    public void Write(Stream output, long? cutNs, Func<byte[]> facts)
    {
        Counts.UnreducedWaits = _order.Unreduced;
        IEnumerable<(int, uint)> leftovers = _live.All.Select(b => (b.Acquired.Thread, b.Slot)).Concat(_displaced);
        PlanWriter.Write(output, _options.Order, _threads, _sharedSlots, _mainThread, cutNs, leftovers, Counts, _spill, facts);
    }

    public void Dispose() => _spill.Dispose();

    private CallOrder OrderOf(bool isCarried) => isCarried ? _prologueOrder : _order;

    private PlanThreadBuilder See(int index, long ns, CallOrder order)
    {
        _threads[index].Started = true;
        order.Observe(index, ns);
        return _threads[index];
    }

    private void Spawn(in ThreadEvent e, PlanThreadBuilder thread, CallOrder order)
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
        Await(e.Thread, thread, e.TimeNs, order);
        long position = thread.Ops.Count;
        thread.Append(new PlanOp { Code = PlanCode.Spawn, Slot = (uint)child }, e.IsCarried ? PlanThreadBuilder.NoTime : e.TimeNs);
        order.Add(e, position);
        order.Created(child, e.Thread, e.TimeNs, position);
    }

    private void Exit(in ThreadEvent e, PlanThreadBuilder thread, CallOrder order)
    {
        if (thread.HasExited)
            return;
        Await(e.Thread, thread, e.TimeNs, order);
        thread.Exit();
        // Nobody in the prologue waits for the end of a thread: the window, which waits for all of them, does.
        if (!e.IsCarried)
            order.Add(e, Predecessor.Exit);
    }

    private void Acquire(in TraceCall call, PlanThreadBuilder thread, CallOrder order)
    {
        Displace(call);
        long begin = order.BeginOf(call);
        PlanOp op = OpOf(call);
        if (call.IsNull)
        {
            op.Flags |= PlanFlags.Failed;
            Append(call, thread, op, begin, order);
            return;
        }
        Produce(call, thread, op, begin, order, call.Acquired);
    }

    private void Release(in TraceCall call, PlanThreadBuilder thread, CallOrder order)
    {
        long begin = order.BeginOf(call);
        PlanOp op = OpOf(call);
        if (!call.IsNull)
        {
            if (call.Given < 0 || !_live.Remove(call.Given, out LiveBlock block))
            {
                Counts.UnknownReleases++;
                thread.Skip(call.IsCarried);
                return;
            }
            _liveBytes -= block.Size;
            op.Flags |= Consume(block, call, begin, order, ref op);
        }
        Append(call, thread, op, begin, order);
    }

    /// <summary>A block whose release is not in the trace, as another now has its address: the replay never gives it back either.</summary>
    private void Displace(in TraceCall call)
    {
        if (call.Displaced < 0 || !_live.Remove(call.Displaced, out LiveBlock block))
            return;
        _liveBytes -= block.Size;
        OrderOf(block.IsCarried).Forget(block.Acquired);
        Counts.DisplacedBlocks++;
        _displaced.Add((block.Acquired.Thread, block.Slot));
    }

    private void Reallocate(in TraceCall call, PlanThreadBuilder thread, CallOrder order)
    {
        Displace(call);
        PlanOp op = OpOf(call), operand = default;
        long begin = order.BeginOf(call);
        bool known = _live.Remove(call.Given, out LiveBlock old); // no block has a negative id, which stands for none
        if (known)
            op.Flags |= Consume(old, call, begin, order, ref operand);
        if (!known && !call.IsOfNull)
        {
            if (call.Frees)
            {
                Counts.UnknownReleases++;
                thread.Skip(call.IsCarried);
                return;
            }
            // The old block was never seen: what is left of the call is an acquisition.
            Counts.UnknownReallocations++;
        }
        if (!call.IsNull)
        {
            _liveBytes -= old.Size;
            Produce(call, thread, op, begin, order, call.Acquired, operand);
        }
        else if (call.Frees)
        {
            _liveBytes -= old.Size;
            op.Flags |= PlanFlags.Freed;
            Append(call, thread, op, begin, order, operand);
        }
        else if (known)
        {
            op.Flags |= PlanFlags.Failed | PlanFlags.Keep;
            Produce(call, thread, op, begin, order, call.Kept, operand, old.Size);
        }
        else
        {
            op.Flags |= PlanFlags.Failed;
            Append(call, thread, op, begin, order, operand);
        }
    }

    /// <summary>Appends an op that stores a block, and remembers where.</summary>
    private void Produce(
        in TraceCall call, PlanThreadBuilder thread, PlanOp op, long begin, CallOrder order, long id, PlanOp operand = default, ulong? keptSize = null)
    {
        (op.Slot, op.SlotKind) = (thread.TakeSlot(), SlotKind.Own);
        PlanOp* place = Append(call, thread, op, begin, order, operand);
        if (keptSize is null)
        {
            _acquired += call.IsCarried ? 0 : call.BytesRequested;
            _liveBytes += call.BytesRequested;
            _peak = UInt128.Max(_peak, _liveBytes);
        }
        // No id: a failed reallocation whose address has been taken since. Nobody will ask for the block.
        if (id < 0)
            return;
        Acquisition acquired = order.Remember(call.Thread, thread.Ops.Count - 1);
        _live.Add(id, new LiveBlock(op.Slot, (nint)place, keptSize ?? call.BytesRequested, acquired, call.IsCarried));
    }

    /// <summary>Gives up a block: its slot, shared when the block came from another thread. Tells whether that is to be waited for.</summary>
    private PlanFlags Consume(in LiveBlock block, in TraceCall call, long begin, CallOrder order, ref PlanOp user)
    {
        CallOrder its = OrderOf(block.IsCarried);
        PlanThreadBuilder owner = _threads[block.Acquired.Thread];
        owner.ReturnSlot(block.Slot);
        (user.Slot, user.SlotKind) = (block.Slot, SlotKind.Own);
        if (block.Acquired.Thread == call.Thread)
        {
            its.Forget(block.Acquired);
            return PlanFlags.None;
        }
        // All of the window comes after all of the prologue.
        bool waits = its == order && !order.IsImplied(block.Acquired, call.Thread, begin);
        its.Forget(block.Acquired);
        _spill.Visited();
        PlanOp* producer = (PlanOp*)block.Producer;
        (producer->Slot, producer->SlotKind) = (user.Slot, user.SlotKind) = (owner.TakeSharedSlot(ref _sharedSlots), SlotKind.Shared);
        producer->Flags |= waits ? PlanFlags.Publish : PlanFlags.None;
        Counts.CrossThreadBlocks++;
        Counts.Waits += waits ? 1 : 0;
        return waits ? PlanFlags.Wait : PlanFlags.None;
    }

    private PlanOp* Append(in TraceCall call, PlanThreadBuilder thread, PlanOp op, long begin, CallOrder order, PlanOp operand = default)
    {
        if (thread.HasExited)
            thread.Resume();
        Await(call.Thread, thread, begin, order);
        if (call.IsCarried)
            Counts.CarriedCalls++;
        else
            Counts.Calls++;
        if (PlanCode.HasOperand(call.Kind))
        {
            operand.Code = PlanCode.Operand;
            operand.Size = HasCount(call.Kind) ? call.Count : call.Alignment;
            thread.Append(operand);
        }
        long position = thread.Ops.Count;
        // At a recorded pace it is made when it began, or had ended where that is all the trace tells.
        PlanOp* place = thread.Append(op, call.IsCarried ? PlanThreadBuilder.NoTime : call.BeginNs);
        order.Add(call, begin, position);
        return place;
    }

    /// <summary>Appends the waits of an op that comes next.</summary>
    private void Await(int index, PlanThreadBuilder thread, long begin, CallOrder order)
    {
        foreach (Predecessor call in order.Before(index, begin))
        {
            _threads[call.Thread].AddWaiter(thread.Append(default), call);
            Counts.Waits += order == _order ? 1 : 0;
        }
    }

    private static PlanOp OpOf(in TraceCall call) => new() { Code = (byte)call.Kind, Size = call.Size };

    private static bool HasCount(CallKind kind) => kind is CallKind.Calloc or CallKind.ReallocArrayEnd;
}
