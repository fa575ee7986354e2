using System.Runtime.CompilerServices;
using AllocReplay.Replayer.Plan;

namespace AllocReplay.Worker;

/// <summary>What is looked at while a thread replays, as a type: the loop is compiled once for each, and where nothing is looked at it pays nothing.</summary>
/// <remarks>
/// For an acquisition <see cref="Begin"/>, the call, <see cref="End"/>, <see cref="Acquired"/>. For a release <see cref="GiveUp"/> first, and nothing after
/// <see cref="End"/>. For a reallocation <see cref="GiveUp"/>, the call, and one of <see cref="Reallocated"/> and <see cref="Kept"/>, or neither where the
/// block is gone. What is kept of a block is kept by its slot, written before the slot is published and read after it was taken: the exchange that
/// publishes a slot, or the wait of the order that implies it, hands that over as well (see <see cref="Handoff"/>).
/// </remarks>
internal unsafe interface IInstrument
{
    /// <summary>Whether nothing is looked at, so that the commonest calls can be made in line.</summary>
    static abstract bool IsNone { get; }

    /// <summary>Comes immediately before the allocator's function.</summary>
    /// <returns>What <see cref="End"/> is given.</returns>
    static abstract ulong Begin();

    /// <summary>Comes immediately after it.</summary>
    /// <param name="self">The calling thread.</param>
    /// <param name="op">The call.</param>
    /// <param name="begin">What <see cref="Begin"/> returned.</param>
    /// <param name="size">Bytes asked for; for a release, what <see cref="GiveUp"/> returned.</param>
    static abstract void End(ReplayThread* self, PlanOp* op, ulong begin, nuint size);

    /// <summary>An acquisition gave a block of so many bytes; it is not published yet.</summary>
    static abstract void Acquired(ReplayThread* self, PlanOp* op, nuint argument, byte* block, nuint size);

    /// <summary>An acquisition that succeeded when recorded failed.</summary>
    static abstract void Failed(ReplayThread* self, PlanOp* op, nuint size);

    /// <summary>A block is about to be released or reallocated.</summary>
    /// <param name="self">The calling thread.</param>
    /// <param name="op">The call.</param>
    /// <param name="slot">Where the block was.</param>
    /// <param name="block">The block, or null; made null where the allocator is not to have it back.</param>
    /// <returns>The block's size where that is known, else 0.</returns>
    static abstract nuint GiveUp(ReplayThread* self, PlanOp* op, uint slot, ref byte* block);

    /// <summary>A reallocation gave a block of so many bytes; it is not published yet.</summary>
    static abstract void Reallocated(ReplayThread* self, PlanOp* op, byte* block, nuint size);

    /// <summary>A reallocation failed, as it did when recorded or not: the block given up is kept, or what has become of it.</summary>
    static abstract void Kept(ReplayThread* self, PlanOp* op, byte* block, nuint size);
}

/// <summary>Nothing is looked at.</summary>
internal readonly unsafe struct NoInstrument : IInstrument
{
    public static bool IsNone => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Begin() => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void End(ReplayThread* self, PlanOp* op, ulong begin, nuint size)
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Acquired(ReplayThread* self, PlanOp* op, nuint argument, byte* block, nuint size)
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Failed(ReplayThread* self, PlanOp* op, nuint size)
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nuint GiveUp(ReplayThread* self, PlanOp* op, uint slot, ref byte* block) => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Reallocated(ReplayThread* self, PlanOp* op, byte* block, nuint size)
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Kept(ReplayThread* self, PlanOp* op, byte* block, nuint size)
    {
    }
}
