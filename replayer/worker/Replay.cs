using System.Runtime.InteropServices;
using AllocReplay.Replayer;

namespace AllocReplay.Worker;

/// <summary>One thread of the replay: its part of the plan and what it counted. Lives outside any heap.</summary>
/// <remarks>Threads count at once: the size is a multiple of two cache lines, so that they do not share any.</remarks>
[StructLayout(LayoutKind.Sequential, Size = 256)]
internal unsafe struct ReplayThread
{
    public PlanOp* First;
    public PlanOp* End;
    public Replay* Replay;
    public nuint Handle;
    public int Parent;
    /// <summary>Argument of the next op, from an operand op.</summary>
    public ulong Operand;

    /// <summary>Calls reissued.</summary>
    public long Calls;
    /// <summary>Bytes requested by acquisitions, failed ones included.</summary>
    public ulong Bytes;
    /// <summary>Acquisitions that succeeded when recorded and failed now.</summary>
    public long FailedNow;
    /// <summary>
    /// Calls whose outcome differs from the recorded one in another way: a recorded failure succeeded, or realloc to 0 bytes
    /// freed now and did not then.
    /// </summary>
    public long Divergences;
    /// <summary>Blocks of other threads that were not there yet when they were needed.</summary>
    public long Waits;
    /// <summary>Waits that ended in sleep.</summary>
    public long Sleeps;

    /// <summary>pthread_attr_t: 56 bytes on x86-64, 64 on aarch64.</summary>
    public fixed ulong Attributes[8];
}

/// <summary>What all threads of a replay share. Lives outside any heap.</summary>
internal unsafe struct Replay
{
    public CallTable Calls;
    public nuint* Slots;
    public PlanOp* Ops;
    public ReplayThread* Threads;
    public int ThreadCount;
    public int MainThread;
    public long OpCount;
    public long SlotCount;
    public PlanOrder Order;
    public TouchPolicy Touch;
    /// <summary>Futex word: 0 until the replay starts.</summary>
    public uint Gate;
    /// <summary>std::nothrow, whose address alone matters.</summary>
    public byte Nothrow;
}
