using System.Numerics;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Worker;

/// <summary>Writes every block when it is acquired, and looks at it when it is given up: is it what was asked for, and its owner's alone?</summary>
/// <remarks>
/// A block found wrong is not given back: the allocator's own data may be in it, or another owner, and the crash that follows would hide what was found.
/// </remarks>
internal readonly unsafe struct BlockCheck : IInstrument
{
    private const nuint MaxAlign = 16; // of max_align_t

    public static bool IsNone => false;

    public static ulong Begin() => 0;

    public static void End(ReplayThread* self, PlanOp* op, ulong begin, nuint size)
    {
    }

    public static void Acquired(ReplayThread* self, PlanOp* op, nuint argument, byte* block, nuint size)
    {
        LookForOwner(self, op, block, size);
        CheckAlignment(self, op, block, size, AlignmentOf((CallKind)op->Code, argument, size));
        if ((CallKind)op->Code == CallKind.Calloc)
        {
            nuint wrong = BlockStamp.Zeros.FirstWrong(block, size, size);
            if (wrong != size)
                Note(self, op, BlockFaultKind.DirtyCalloc, new BlockFinding { Size = size, Address = block, Offset = wrong });
        }
        Stamp(self, op, block, size);
    }

    public static void Failed(ReplayThread* self, PlanOp* op, nuint size) => Note(self, op, BlockFaultKind.Failed, new BlockFinding { Size = size });

    public static nuint GiveUp(ReplayThread* self, PlanOp* op, uint slot, ref byte* block)
    {
        BlockTables* tables = Tables(self);
        BlockRecord record = tables->Held = tables->Records[slot];
        tables->HeldAddress = block;
        if (record.Origin == 0 || block == null)
            return 0;
        // Before the allocator has it: whoever gets its memory next must not take it for live.
        tables->Records[slot] = default;
        if (!Check(self, op, record, block))
        {
            tables->Held = default;
            block = null;
        }
        return record.Size;
    }

    public static void Reallocated(ReplayThread* self, PlanOp* op, byte* block, nuint size)
    {
        CheckMoved(self, op, block, Math.Min(size, Tables(self)->Held.Size));
        CheckAlignment(self, op, block, size, AlignmentOf(CallKind.ReallocEnd, 0, size));
        Stamp(self, op, block, size);
    }

    public static void Kept(ReplayThread* self, PlanOp* op, byte* block, nuint size)
    {
        BlockTables* tables = Tables(self);
        BlockRecord kept = tables->Held;
        if (block == null || kept.Origin == 0)
            return;
        if (block != tables->HeldAddress)
        {
            // It succeeded where the recorded call failed. What was asked for is more than any program has: only the old bytes are looked at.
            kept.Size = Math.Min(kept.Size, size);
            CheckMoved(self, op, block, kept.Size);
            BlockStamp.Of(kept.Origin, block).Write(block, kept.Size);
        }
        tables->Records[op->Slot] = kept;
    }

    /// <summary>Looks at a block that nobody has given up. False where it is wrong.</summary>
    public static bool CheckLeftover(ReplayThread* self, uint slot)
    {
        BlockRecord record = Tables(self)->Records[slot];
        Tables(self)->Records[slot] = default;
        return record.Origin == 0 || Check(self, null, record, (byte*)self->Replay->Slots[slot]);
    }

    private static BlockTables* Tables(ReplayThread* self) => (BlockTables*)self->Instrument;

    private static void Stamp(ReplayThread* self, PlanOp* op, byte* block, nuint size)
    {
        ulong origin = BlockOrigin.Of(self, op);
        BlockStamp.Of(origin, block).Write(block, size);
        Tables(self)->Records[op->Slot] = new BlockRecord { Origin = origin, Size = size };
    }

    /// <summary>
    /// Whether the first word of a new block is that of a block which is live and holds this address. An allocator that is right has seen that block
    /// released, and its record was cleared before that: so the word may be there, but not the record.
    /// </summary>
    private static void LookForOwner(ReplayThread* self, PlanOp* op, byte* block, nuint size)
    {
        Replay* replay = self->Replay;
        if (size < sizeof(ulong))
            return;
        ulong origin = BlockStamp.OriginAt(block, *(ulong*)block);
        if (!BlockOrigin.TryRead(replay, origin, out _, out PlanOp* other))
            return;
        BlockRecord record = Tables(self)->Records[other->Slot];
        nuint live = replay->Slots[other->Slot];
        if (record.Origin == origin && (nuint)block - live < record.Size)
            Note(self, op, BlockFaultKind.Overlap, new BlockFinding { Size = size, Address = block, Other = origin });
    }

    /// <summary>Whether a block holds what was written into it.</summary>
    private static bool Check(ReplayThread* self, PlanOp* op, BlockRecord record, byte* block)
    {
        nuint wrong = BlockStamp.Of(record.Origin, block).FirstWrong(block, record.Size, record.Size);
        if (wrong == record.Size)
            return true;
        var finding = new BlockFinding { Block = record.Origin, Size = record.Size, Address = block, Offset = wrong };
        ulong other = wrong + sizeof(ulong) <= record.Size ? BlockStamp.OriginAt(block + wrong, *(ulong*)(block + wrong)) : 0;
        bool isOther = BlockOrigin.TryRead(self->Replay, other, out _, out _) && other != record.Origin;
        if (isOther)
            finding.Other = other;
        Note(self, op, isOther ? BlockFaultKind.Overlap : BlockFaultKind.Corrupted, finding);
        return false;
    }

    /// <summary>Whether a reallocated block holds so many bytes of the block given up.</summary>
    private static void CheckMoved(ReplayThread* self, PlanOp* op, byte* block, nuint count)
    {
        BlockTables* tables = Tables(self);
        BlockRecord old = tables->Held;
        if (old.Origin == 0)
            return;
        nuint wrong = BlockStamp.Of(old.Origin, tables->HeldAddress).FirstWrong(block, old.Size, count);
        if (wrong != count)
            Note(self, op, BlockFaultKind.ReallocLostData, new BlockFinding { Block = old.Origin, Size = old.Size, Address = block, Offset = wrong });
    }

    private static void CheckAlignment(ReplayThread* self, PlanOp* op, byte* block, nuint size, nuint alignment)
    {
        if (((nuint)block & (alignment - 1)) != 0)
            Note(self, op, BlockFaultKind.Misaligned, new BlockFinding { Size = size, Address = block, Alignment = alignment });
    }

    /// <summary>
    /// What a call promises. C: fit for any object that the size can hold, so 16 from 16 bytes on, and the largest power of two that fits below. C++:
    /// operator new(n) is for an object of just that size, which is a multiple of its alignment; new[](n) as in C.
    /// </summary>
    private static nuint AlignmentOf(CallKind kind, nuint argument, nuint size)
    {
        if (size == 0)
            return 1; // nothing can be in it, and jemalloc aligns it to 8 whatever was asked for
        if (kind is CallKind.Valloc or CallKind.Pvalloc)
            return Libc.PageSize;
        if ((CallKinds.Fields(kind) & CallFields.Alignment) > 0 && BitOperations.IsPow2(argument))
            return argument;
        bool isExact = kind is CallKind.New or CallKind.NewNothrow;
        return Math.Min(MaxAlign, isExact ? size & (~size + 1) : (nuint)1 << BitOperations.Log2(size));
    }

    private static void Note(ReplayThread* self, PlanOp* op, BlockFaultKind kind, BlockFinding finding)
    {
        if (self->Replay->SharedProgress != null)
            Interlocked.Increment(ref self->Replay->SharedProgress->Faults[(int)kind]);
        BlockTally* tally = Tables(self)->Tallies + (int)kind;
        if (tally->Count++ != 0)
            return;
        finding.TimeNs = Libc.Now();
        finding.FoundBy = op == null ? 0 : BlockOrigin.Of(self, op);
        if (finding.Block == 0)
            finding.Block = finding.FoundBy;
        tally->First = finding;
    }
}
