namespace AllocReplay.Replayer;

/// <summary>One thread of a plan in the making: its ops and its own slots.</summary>
internal sealed unsafe class PlanThreadBuilder(PlanSpill spill)
{
    // Chunks grow with the thread: ten thousand quiet threads take little, a busy one has few chunks.
    private const int FirstChunk = 64;
    private const int LargestChunk = 16 * 1024;

    private readonly List<(nint Ops, int Count)> _chunks = [];
    private readonly Stack<uint> _freeSlots = [];
    private PlanOp* _chunk;
    private int _used;
    private int _capacity;
    private uint _sharedNext;
    private uint _sharedLeft;

    /// <summary>Whether the trace has shown an event of it.</summary>
    public bool Started { get; set; }
    /// <summary>The thread that spawns it, or -1.</summary>
    public int Parent { get; set; } = -1;
    /// <summary>The reallocation it is inside of: whether its old pointer was null.</summary>
    public bool ReallocOfNull { get; set; }
    public long OpCount { get; private set; }
    /// <summary>Its own slots, at most so many in use at once.</summary>
    public uint OwnSlots { get; private set; }
    /// <summary>Calls of the trace that are not in the plan: releases of blocks never seen.</summary>
    public long SkippedCalls { get; set; }

    public PlanOp* Append(PlanOp op)
    {
        if (_used == _capacity)
        {
            Seal();
            _capacity = Math.Clamp(_capacity * 2, FirstChunk, LargestChunk);
            _chunk = spill.Allocate(_capacity);
            _used = 0;
        }
        PlanOp* place = _chunk + _used++;
        *place = op;
        OpCount++;
        return place;
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

    /// <summary>Its ops so far, in chunks of program order.</summary>
    public IEnumerable<(nint Ops, int Count)> Chunks()
    {
        Seal();
        (_used, _capacity) = (0, 0);
        return _chunks;
    }

    private void Seal()
    {
        if (_used > 0)
            _chunks.Add(((nint)_chunk, _used));
    }
}
