using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Scratch;

namespace AllocReplay.Replayer.Plan;

/// <summary>One thread of a plan in the making: its ops and its own slots.</summary>
internal sealed unsafe class PlanThreadBuilder(Spill spill, bool isTimed)
{
    /// <summary>The time of an op that was not recorded, or that no pace is kept for.</summary>
    public const long NoTime = -1;

    private readonly Stack<uint> _freeSlots = [];
    private readonly List<nint> _exitWaits = [];
    private uint _sharedNext;
    private uint _sharedLeft;
    private long _exitMoment = -1;
    private bool _resumed;

    public SpillList<PlanOp> Ops { get; } = new(spill);
    /// <summary>For every op when it was recorded, -1 for those that were not; null when that is not asked for.</summary>
    public SpillList<long>? Times { get; } = isTimed ? new(spill) : null;
    /// <summary>Whether the trace has shown an event of it.</summary>
    public bool Started { get; set; }
    /// <summary>The thread that spawns it, or -1.</summary>
    public int Parent { get; set; } = -1;
    /// <summary>Its own slots, at most so many in use at once.</summary>
    public uint OwnSlots { get; private set; }
    /// <summary>Calls of the trace that are not in the plan: releases of blocks never seen.</summary>
    public long SkippedCalls { get; private set; }
    /// <summary>Those of them that the trace carries, which only a trace that makes no sense has.</summary>
    public long SkippedCarriedCalls { get; private set; }
    /// <summary>Ops, the first ones, that come before the window.</summary>
    public long PrologueOps { get; private set; }
    public bool IsExitAwaited => _exitWaits.Count > 0;

    /// <param name="op">What to do next.</param>
    /// <param name="timeNs">When it was recorded, or <see cref="NoTime"/>.</param>
    public PlanOp* Append(PlanOp op, long timeNs = NoTime)
    {
        Times?.Append(timeNs);
        return Ops.Append(op);
    }

    /// <summary>What has been appended until now comes before the window.</summary>
    public void ExtendPrologue() => PrologueOps = Ops.Count;

    /// <summary>A call of the trace is left out.</summary>
    public void Skip(bool isCarried)
    {
        if (isCarried)
            SkippedCarriedCalls++;
        else
            SkippedCalls++;
    }

    /// <summary>The trace has shown its end.</summary>
    public bool HasExited => _exitMoment >= 0;

    /// <summary>The trace shows its end here.</summary>
    public void Exit()
    {
        _exitMoment = Ops.Count;
        Append(new PlanOp { Code = PlanCode.Moment });
    }

    /// <summary>
    /// The trace shows a call after its end (the C library frees its own blocks last). Who waits for its end waits for the moment
    /// where that was seen instead: else the wait could close a circle.
    /// </summary>
    public void Resume()
    {
        foreach (nint wait in _exitWaits)
            SetWait((PlanOp*)wait, ((PlanOp*)wait)->Slot, _exitMoment);
        _exitWaits.Clear();
        _resumed = true;
    }

    /// <summary>Makes an op wait for a call of this thread, or for its end.</summary>
    public void AddWaiter(PlanOp* wait, in Predecessor call)
    {
        if (call.Position != Predecessor.Exit || _resumed)
        {
            SetWait(wait, (uint)call.Thread, call.Position == Predecessor.Exit ? _exitMoment : call.Position);
            return;
        }
        wait->Code = PlanCode.AwaitExit;
        wait->Slot = (uint)call.Thread;
        _exitWaits.Add((nint)wait);
    }

    private void SetWait(PlanOp* wait, uint thisThread, long position)
    {
        wait->Code = PlanCode.Await;
        wait->Slot = thisThread;
        wait->Size = (ulong)position + 1;
        Ops.At(position)->Flags |= PlanFlags.Signal;
    }

    /// <summary>A slot of its own, the latest freed first, as it is in the cache.</summary>
    public uint TakeSlot() => _freeSlots.TryPop(out uint slot) ? slot : OwnSlots++;

    public void ReturnSlot(uint slot) => _freeSlots.Push(slot);

    /// <summary>A shared slot for a block it acquires. Threads take them by the cache line, so that producers do not share any.</summary>
    public uint TakeSharedSlot(ref long sharedSlots)
    {
        if (_sharedLeft == 0)
        {
            _sharedNext = (uint)sharedSlots;
            _sharedLeft = PlanFormat.SlotsPerLine;
            sharedSlots += PlanFormat.SlotsPerLine;
        }
        _sharedLeft--;
        return _sharedNext++;
    }
}
