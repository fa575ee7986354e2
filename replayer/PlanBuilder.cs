using AllocReplay.Formats;

namespace AllocReplay.Replayer;

/// <summary>
/// Compiles a trace's events, in merged order, into a plan that keeps program order, object order and thread lifecycle.
/// Memory: one entry per live block; ops go to disk.
/// </summary>
/// <remarks>
/// Every op stands where the merged order has it, and waits only for a block that was acquired before: that is why a replay
/// cannot deadlock (docs/replay.md). Whether a block stays with one thread is known when it is released; the op that acquired
/// it, long written, is then changed to publish it.
/// </remarks>
internal sealed unsafe class PlanBuilder : IDisposable
{
    private readonly PlanSpill _spill;
    private readonly List<PlanThreadBuilder> _threads = [];
    private readonly Dictionary<long, LiveBlock> _live = [];
    private readonly int _mainThread;
    private long _sharedSlots;

    /// <param name="directory">Where temporary files go.</param>
    /// <param name="threadCount">Threads of the trace.</param>
    /// <param name="mainThread">The process's first thread, or -1.</param>
    public PlanBuilder(string directory, int threadCount, int mainThread)
    {
        _spill = new PlanSpill(directory);
        _mainThread = mainThread;
        for (int i = 0; i < threadCount; i++)
            _threads.Add(new PlanThreadBuilder(_spill));
    }

    private readonly record struct LiveBlock(int Thread, uint Slot, nint Producer);

    public IReadOnlyList<PlanThreadBuilder> Threads => _threads;
    public PlanCounts Counts { get; } = new();

    public void Add(in TraceEvent e)
    {
        PlanThreadBuilder thread = _threads[e.Thread];
        thread.Started = true;
        if (e.Kind == CallKind.ThreadCreate)
            Spawn(e, thread);
        else if (CallKinds.IsThreadEvent(e.Kind))
            return;
        else if (CallKinds.IsReallocBegin(e.Kind))
            thread.ReallocOfNull = e.IsNull;
        else if (CallKinds.IsReallocEnd(e.Kind))
            Reallocate(e, thread);
        else if (CallKinds.IsAcquisition(e.Kind))
            Acquire(e, thread);
        else
            Release(e, thread);
    }

    /// <summary>Writes the plan.</summary>
    public void Write(Stream output) =>
        PlanWriter.Write(output, _threads, _sharedSlots, _mainThread, Counts);

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
        _threads[child].Parent = e.Thread;
        thread.Append(new PlanOp { Code = PlanCode.Spawn, Slot = (uint)child });
    }

    private void Acquire(in TraceEvent e, PlanThreadBuilder thread)
    {
        Displace(e);
        PlanOp op = Call(e);
        if (e.IsNull)
        {
            op.Flags |= PlanFlags.Failed;
            Append(e, thread, op);
            return;
        }
        Produce(e, thread, op, e.Object);
    }

    private void Release(in TraceEvent e, PlanThreadBuilder thread)
    {
        PlanOp op = Call(e);
        if (!e.IsNull)
        {
            if (e.Object < 0 || !Consume(e.Object, e.Thread, out uint slot, out bool shared))
            {
                Counts.UnknownReleases++;
                thread.SkippedCalls++;
                return;
            }
            op.Slot = slot;
            op.Kinds = shared ? SlotKinds.SharedSlot : SlotKinds.OwnSlot;
            op.Flags |= shared ? PlanFlags.Wait : PlanFlags.None;
        }
        Append(e, thread, op);
    }

    /// <summary>A block whose release is not in the trace, as another now has its address: the replay never gives it back either.</summary>
    private void Displace(in TraceEvent e)
    {
        if (e.DisplacedObject < 0 || !_live.Remove(e.DisplacedObject, out LiveBlock displaced))
            return;
        Counts.DisplacedBlocks++;
        _threads[displaced.Thread].ReturnSlot(displaced.Slot);
    }

    private void Reallocate(in TraceEvent e, PlanThreadBuilder thread)
    {
        Displace(e);
        PlanOp op = Call(e);
        bool known = e.PreviousObject >= 0 && Consume(e.PreviousObject, e.Thread, out op.Source, out bool shared) && SetSource(ref op, shared);
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
            Produce(e, thread, op, e.Object);
        }
        else if (freed)
        {
            op.Flags |= PlanFlags.Freed;
            Append(e, thread, op);
        }
        else if (known)
        {
            op.Flags |= PlanFlags.Failed | PlanFlags.Keep;
            Produce(e, thread, op, e.Object);
        }
        else
        {
            op.Flags |= PlanFlags.Failed;
            Append(e, thread, op);
        }
    }

    private static bool SetSource(ref PlanOp op, bool shared)
    {
        op.Kinds = shared ? SlotKinds.SharedSource : SlotKinds.OwnSource;
        op.Flags |= shared ? PlanFlags.Wait : PlanFlags.None;
        return true;
    }

    /// <summary>Appends an op that stores a block, and remembers where.</summary>
    private void Produce(in TraceEvent e, PlanThreadBuilder thread, PlanOp op, long id)
    {
        op.Slot = thread.TakeSlot();
        op.Kinds |= SlotKinds.OwnSlot;
        PlanOp* place = Append(e, thread, op);
        // No id: a failed reallocation whose address has been taken since. Nobody will ask for the block.
        if (id >= 0)
            _live[id] = new LiveBlock(e.Thread, op.Slot, (nint)place);
    }

    /// <summary>Gives up a block: finds its slot, shared when the block came from another thread.</summary>
    private bool Consume(long id, int consumer, out uint slot, out bool shared)
    {
        if (!_live.Remove(id, out LiveBlock block))
        {
            (slot, shared) = (PlanFormat.NullSlot, false);
            return false;
        }
        PlanThreadBuilder owner = _threads[block.Thread];
        owner.ReturnSlot(block.Slot);
        shared = block.Thread != consumer;
        slot = block.Slot;
        if (!shared)
            return true;
        slot = owner.TakeSharedSlot(ref _sharedSlots);
        PlanOp* producer = (PlanOp*)block.Producer;
        producer->Slot = slot;
        producer->Flags |= PlanFlags.Publish;
        producer->Kinds = producer->Kinds & ~SlotKinds.OwnSlot | SlotKinds.SharedSlot;
        Counts.CrossThreadBlocks++;
        return true;
    }

    private static PlanOp Call(in TraceEvent e) => new() { Code = (byte)e.Kind, Size = e.Size };

    private PlanOp* Append(in TraceEvent e, PlanThreadBuilder thread, PlanOp op)
    {
        Counts.Calls++;
        ulong argument = HasCount(e.Kind) ? e.Count : e.Alignment;
        if (argument > uint.MaxValue)
        {
            thread.Append(new PlanOp { Code = PlanCode.Operand, Size = argument });
            op.Flags |= PlanFlags.Wide;
        }
        op.Argument = (uint)argument;
        return thread.Append(op);
    }

    private static bool HasCount(CallKind kind) => kind is CallKind.Calloc or CallKind.ReallocArrayEnd;
}
