using System.Runtime.CompilerServices;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Worker;

/// <summary>Times every call of the allocator, and the call alone: what is written into new blocks, and what is noted here, is outside.</summary>
internal readonly unsafe struct LatencyInstrument : IInstrument
{
    public static bool IsNone => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Begin() => LatencyTimer.Before();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void End(ReplayThread* self, PlanOp* op, ulong begin, nuint size) =>
        Note(self, op->Code, size, LatencyTimer.Units(begin, LatencyTimer.After()));

    public static void Acquired(ReplayThread* self, PlanOp* op, nuint argument, byte* block, nuint size) => Tables(self)->Sizes[op->Slot] = size;

    public static void Failed(ReplayThread* self, PlanOp* op, nuint size)
    {
    }

    public static nuint GiveUp(ReplayThread* self, PlanOp* op, uint slot, ref byte* block)
    {
        LatencyTables* tables = Tables(self);
        nuint size = tables->Held = tables->Sizes[slot];
        // Slot 0 is everybody's, and its block of no bytes.
        if (slot != PlanFormat.NullSlot)
            tables->Sizes[slot] = 0;
        return size;
    }

    public static void Reallocated(ReplayThread* self, PlanOp* op, byte* block, nuint size) => Tables(self)->Sizes[op->Slot] = size;

    public static void Kept(ReplayThread* self, PlanOp* op, byte* block, nuint size) => Tables(self)->Sizes[op->Slot] = Tables(self)->Held;

    private static LatencyTables* Tables(ReplayThread* self) => (LatencyTables*)self->Instrument;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Note(ReplayThread* self, byte kind, nuint size, ulong units)
    {
        LatencySeries* series = Tables(self)->Series + kind * SizeClass.Count + SizeClass.Of(size);
        series->Max = Math.Max(series->Max, units);
        series->Buckets[LatencyGrid.BucketOf(units)]++;
    }
}
