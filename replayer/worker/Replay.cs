using System.Runtime.InteropServices;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Worker;

/// <summary>One thread of the replay: its part of the plan and what it counted. Lives outside any heap.</summary>
/// <remarks>Threads count at once: the size is a multiple of two cache lines, so that they do not share any.</remarks>
[StructLayout(LayoutKind.Sequential, Size = 256)]
internal unsafe struct ReplayThread
{
    public PlanOp* First;
    /// <summary>Where its prologue ends and the window begins.</summary>
    public PlanOp* Window;
    public PlanOp* End;
    public Replay* Replay;
    public nuint Handle;
    public int Parent;
    public int Index;
    /// <summary>The next of those that are leaving, by index plus one: see <see cref="Reaper"/>.</summary>
    public int NextLeaving;
    /// <summary>It starts with the replay, or an op of the prologue creates it; only in a replay that has one: see <see cref="Prologue"/>.</summary>
    public bool IsOfPrologue;
    /// <summary>When each op was recorded, in nanoseconds; null for a replay as fast as it goes.</summary>
    public long* Times;

    /// <summary>Of the next two, what the prologue has made.</summary>
    public long CarriedCalls;
    /// <inheritdoc cref="CarriedCalls"/>
    public ulong CarriedBytes;
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
    /// <summary>Nanoseconds from its first call to its last.</summary>
    public long ActiveNs;
    /// <summary>Of these, what went by in waits: measured of those that slept, of every few of the others.</summary>
    public long WaitNs;
    /// <summary>Pauses for which it looks before it sleeps: see <see cref="Handoff"/>.</summary>
    public int Patience;
    /// <summary>Waits in a row that ended in sleep.</summary>
    public int Misses;

    /// <summary>What the instrument keeps of this thread, or null.</summary>
    public void* Instrument;

    /// <summary>pthread_attr_t: 56 bytes on x86-64, 64 on aarch64.</summary>
    public fixed ulong Attributes[8];
}

/// <summary>What other threads wait for of one thread. A cache line of its own.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct ThreadProgress
{
    /// <summary>Ops done, as of the last one that others wait for. Also a futex: its low half.</summary>
    public ulong Done;
    /// <summary>Threads that sleep on <see cref="Done"/>, or are about to.</summary>
    public uint Sleepers;
    /// <summary>Futex word: 1 once the thread waits at the gate.</summary>
    public uint Ready;
    /// <summary>Futex word: 1 once the thread is gone, or has done its last op where it stays.</summary>
    public uint Exited;
    public PlanThreadFlags Flags;

    public readonly bool IsExitAwaited => (Flags & PlanThreadFlags.ExitAwaited) != 0;
    public readonly bool Stays => (Flags & PlanThreadFlags.Stays) != 0;
}

/// <summary>What the threads wait for before their first call, and those that stay after their last.</summary>
internal static class Gate
{
    public const uint Closed = 0;
    /// <summary>The prologue is made; where a plan has none this does not come.</summary>
    public const uint Prologue = 1;
    public const uint Open = 2;
    /// <summary>The replay is over: the threads that stay may go.</summary>
    public const uint Over = 3;
}

/// <summary>How far the replay is, in a file that the replayer reads: it is there too when the worker crashes.</summary>
internal unsafe struct RunProgress
{
    public long DoneOps, TotalOps;
    /// <summary>Faults found so far, by <see cref="BlockFaultKind"/>.</summary>
    public fixed long Faults[RunProgressFile.Kinds];
}

/// <summary>What all threads of a replay share. Lives outside any heap.</summary>
internal unsafe struct Replay
{
    public CallTable Calls;
    public nuint* Slots;
    public PlanOp* Ops;
    public ReplayThread* Threads;
    public ThreadProgress* Progress;
    /// <summary>Slots of blocks that the trace leaves.</summary>
    public uint* Leftovers;
    public long LeftoverCount;
    public int ThreadCount;
    public int MainThread;
    /// <summary>Whether any thread has ops before the window.</summary>
    public bool HasPrologue;
    /// <summary>Threads, the main one not counted, that are there when the prologue is over: see <see cref="AllocReplay.Worker.Prologue"/>.</summary>
    public int ArrivalsExpected;
    /// <summary>Futex word: those of them that have made theirs.</summary>
    public uint Arrived;
    public long OpCount;
    public long SlotCount;
    public ReplayOrder Order;
    public TouchPolicy Touch;
    /// <summary>Blocks of calloc are touched as well.</summary>
    public bool TouchCalloc;
    /// <summary>What looks at memory, or null.</summary>
    public MemoryWatch* Memory;
    public Instrument Instrument;
    /// <summary>Nanoseconds of replay for one of the trace; with <see cref="ReplayThread.Times"/>.</summary>
    public double TimeScale;
    /// <summary>When the first op was recorded, and when the gate was opened.</summary>
    public long FirstNs, StartNs;
    /// <summary>Switches the recording of the calling thread's calls on or off; null when this replay is not recorded.</summary>
    public delegate* unmanaged<int, void> Record;
    /// <summary>Threads that end and whose end is waited for: see <see cref="Reaper"/>.</summary>
    public int Leaving;
    public uint LeavingCount;
    /// <summary>What the replayer watches, or null: see <see cref="RunProgress"/>.</summary>
    public RunProgress* SharedProgress;
    /// <summary>Whether the tables and stacks could be locked in memory.</summary>
    public bool IsLocked;
    /// <summary>Futex word: a value of the class <see cref="AllocReplay.Worker.Gate"/>.</summary>
    public uint Gate;
    /// <summary>std::nothrow, whose address alone matters.</summary>
    public byte Nothrow;

    /// <summary>Bytes of the largest block that the plan asks for and got.</summary>
    public readonly ulong LargestRequest()
    {
        ulong largest = 0;
        for (PlanOp* op = Ops; op != Ops + OpCount; op++)
            if (CallTable.IsCall(op->Code) && !CallTable.IsRelease(op->Code) && (op->Flags & (PlanFlags.Failed | PlanFlags.Freed)) == 0)
                largest = Math.Max(largest, CallTable.Requested(op));
        return largest;
    }
}
