using System.Runtime.InteropServices;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Plan;

/// <summary>
/// The plan file: what a worker reissues. Written by the plan compiler, mapped read-only by the worker, which is built from
/// this same source file. Little-endian, as both run on one machine.
/// </summary>
/// <remarks>
/// <code>
/// offset 0          PlanHeader
/// ThreadsOffset     PlanThread[ThreadCount], by the trace's thread index
/// OpsOffset         PlanOp[OpCount], thread after thread, each in program order
/// LeftoverOffset    uint[LeftoverCount], the slots of blocks that the trace leaves
/// TimesOffset       long[OpCount], nanoseconds since the start of the recording at which each op was recorded, -1 for an op that is not
///                   recorded; no such table where TimesOffset is 0
/// FactsOffset       byte[FactsLength], what the replayer keeps with the plan: see PlanFacts
/// </code>
/// <para>A block's address lives in a <em>slot</em>, one machine word. Slot <see cref="NullSlot"/> is never written: it is the
/// null pointer that programs pass. A slot private to a thread is used again after its block is gone. A slot whose block
/// goes from one thread to another is written once, by one publishing op, and read by at most one waiting op; until then it
/// is its own flag: see <see cref="SlotState"/>.</para>
/// </remarks>
internal static class PlanFormat
{
    /// <summary><c>ARPLAN</c> and two zero bytes.</summary>
    public const ulong Magic = 0x0000_4e41_4c50_5241;
    public const uint Version = 6;
    public const uint NullSlot = 0;
    /// <summary>Slots of different threads never share a cache line: private slots are laid out in multiples of this.</summary>
    public const int SlotsPerLine = 8;
}

/// <summary>Values of a shared slot that are not addresses. No allocator returns them: blocks are aligned.</summary>
internal static class SlotState
{
    /// <summary>Not yet acquired.</summary>
    public const nuint Pending = 0;
    /// <summary>The acquisition failed in this replay; its consumer goes on with a null pointer.</summary>
    public const nuint Failed = 1;
    /// <summary>Not yet acquired, and the consumer sleeps on the slot's low 32 bits.</summary>
    public const nuint Awaited = 2;
}

[StructLayout(LayoutKind.Sequential)]
internal struct PlanHeader
{
    public ulong Magic;
    public uint Version;
    public ReplayOrder Order;
    public int ThreadCount;
    /// <summary>The thread to run on the process's main thread (allocators treat it differently), or -1.</summary>
    public int MainThread;
    public long OpCount;
    public long SlotCount;
    public long ThreadsOffset;
    public long OpsOffset;
    public long LeftoverOffset;
    public long LeftoverCount;
    public long TimesOffset;
    public long FactsOffset;
    public long FactsLength;
    /// <summary>
    /// When the clock of a paced replay begins, nanoseconds since the start of the recording: at the cut of a recording of which the first part is gone;
    /// -1: at the first time of an op.
    /// </summary>
    public long CutNs;
    public long FileLength;
    /// <summary>XXH3 (64 bits) of all that follows the header, and of the header up to here. Tells damage; of good faith it says nothing.</summary>
    public ulong Checksum;
}

[StructLayout(LayoutKind.Sequential)]
internal struct PlanThread
{
    public long FirstOp;
    public long OpCount;
    /// <summary>
    /// So many of them, the first, are the prologue: all threads make theirs before any makes another, and before the clock starts. 0 for a thread that is
    /// not created in it.
    /// </summary>
    public long PrologueOps;
    /// <summary>The thread whose <see cref="PlanCode.Spawn"/> starts this one, or -1: started with the replay.</summary>
    public int Parent;
    public PlanThreadFlags Flags;
}

[Flags]
internal enum PlanThreadFlags : uint
{
    None = 0,
    /// <summary>An op waits for the end of this thread.</summary>
    ExitAwaited = 1,
    /// <summary>The trace does not show its end: it is there, with its caches, until the replay is over.</summary>
    Stays = 2,
}

/// <summary>One step of a thread, 16 bytes: what is read costs a share of what the harness does (docs/decisions/0004).</summary>
/// <remarks>
/// <code>
///  0     1     2        4              8
/// | code|flags|reserved| slot         | size                  |
/// </code>
/// <c>code</c> is a CallKind number (realloc: its end) or one of <see cref="PlanCode"/>. <c>slot</c>: where an acquisition stores
/// its block, or the block that a release gives back. What a call takes besides is in the <see cref="PlanCode.Operand"/> before it.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct PlanOp
{
    [FieldOffset(0)] public byte Code;
    [FieldOffset(1)] public PlanFlags Flags;
    /// <summary>Code and flags in one word: the ops without flags, nearly all of them, are told by one comparison.</summary>
    [FieldOffset(0)] public ushort Dispatch;
    /// <summary>Zero in a plan; the compiler's own while it does not know yet where slots will lie.</summary>
    [FieldOffset(2)] public SlotKind SlotKind;
    [FieldOffset(4)] public uint Slot;
    [FieldOffset(8)] public ulong Size;
}

/// <summary>What the slot number of an unfinished op counts from.</summary>
internal enum SlotKind : ushort
{
    /// <summary>Nothing: it is slot 0, or not a slot.</summary>
    Null = 0,
    /// <summary>The first of its thread's own slots.</summary>
    Own = 1,
    /// <summary>The first of the shared ones.</summary>
    Shared = 2,
}

[Flags]
internal enum PlanFlags : byte
{
    None = 0,
    /// <summary>The block given up (slot of a release, or of the operand of a reallocation) comes from another thread: wait for it.</summary>
    Wait = 1,
    /// <summary>The block taken goes to another thread: publish it.</summary>
    Publish = 2,
    /// <summary>The call failed when recorded. A block that it returns now is released at once, except with <see cref="Keep"/>.</summary>
    Failed = 4,
    /// <summary>A failed reallocation: the old block lives on, in <c>slot</c>.</summary>
    Keep = 8,
    /// <summary>A reallocation to nothing, which freed the block when recorded.</summary>
    Freed = 16,
    /// <summary>Other threads wait for this op to be done: tell them.</summary>
    Signal = 32,
}

/// <summary>Codes of steps that are not calls; above every CallKind.</summary>
internal static class PlanCode
{
    public const byte FirstNonCall = 64;
    /// <summary>Creates the thread whose index is <c>slot</c>.</summary>
    public const byte Spawn = 64;
    /// <summary>
    /// Comes before every call that <see cref="HasOperand"/>, and before no other: <c>slot</c> holds the old block of a reallocation, <c>size</c> a count or
    /// an alignment.
    /// </summary>
    public const byte Operand = 65;
    /// <summary>Waits until the thread <c>slot</c> has done its first <c>size</c> ops; the last of them has <see cref="PlanFlags.Signal"/>.</summary>
    public const byte Await = 66;
    /// <summary>Waits until the thread <c>slot</c> has ended.</summary>
    public const byte AwaitExit = 67;
    /// <summary>Does nothing: a moment that others may wait for.</summary>
    public const byte Moment = 68;

    /// <summary>Whether a call takes more than one size or one block.</summary>
    public static bool HasOperand(CallKind kind) =>
        CallKinds.IsReallocEnd(kind) || (CallKinds.Fields(kind) & (CallFields.Count | CallFields.Alignment)) > 0;
}
