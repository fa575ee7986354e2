using AllocReplay.Replayer.Plan;

namespace AllocReplay.Worker;

/// <summary>Times nothing, but keeps the sizes of blocks, for <see cref="LatencyInstrument"/> to tell of their releases: for calls before the window.</summary>
internal readonly unsafe struct LatencySizes : IInstrument
{
    public static bool IsNone => false;

    public static ulong Begin() => 0;

    public static void End(ReplayThread* self, PlanOp* op, ulong begin, nuint size)
    {
    }

    public static void Acquired(ReplayThread* self, PlanOp* op, nuint argument, byte* block, nuint size) =>
        LatencyInstrument.Acquired(self, op, argument, block, size);

    public static void Failed(ReplayThread* self, PlanOp* op, nuint size)
    {
    }

    public static nuint GiveUp(ReplayThread* self, PlanOp* op, uint slot, ref byte* block) => LatencyInstrument.GiveUp(self, op, slot, ref block);

    public static void Reallocated(ReplayThread* self, PlanOp* op, byte* block, nuint size) => LatencyInstrument.Reallocated(self, op, block, size);

    public static void Kept(ReplayThread* self, PlanOp* op, byte* block, nuint size) => LatencyInstrument.Kept(self, op, block, size);
}
