using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Recorder.Arena;

/// <summary>Constants of <c>formats/native/allocreplay_arena.h</c>.</summary>
internal static class ArenaWire
{
    public const ulong Magic = 0x414e455241524c41;
    public const uint Version = 5;
    public const int Classes = 3;
    public const int Page = 4096;
    public const uint DocumentMagic = 0x31445241;
    public const uint DocumentCommandLine = 1;
    public const uint DocumentMaps = 2;
    public const uint DocumentModules = 3;
    public const uint FramesMagic = 0x31465241;

    public const ulong ChunkFree = 0;
    public const ulong ChunkOwned = 1;
    public const ulong ChunkFull = 2;
    public const ulong ChunkExited = 3;
    public const ulong ChunkStateMask = 3;
    public const int ChunkImageShift = 16;
    public const ulong ChunkImageMask = 0xffff;

    public const uint ImageFree = 0;
    public const uint ImageClaimed = 1;
    public const uint ImageLive = 2;

    public const uint DrainRuns = 1;
    public const uint DrainEnded = 2;
    public const uint DrainStays = 3;
}

/// <summary>struct ar_arena_class</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ArenaClass
{
    public uint Size;
    public uint Count;
    public ulong Owners;
    public ulong Free;
    public ulong Full;
    public ulong First;
}

/// <summary>struct ar_arena_clock</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ArenaClock
{
    public ulong Ticks;
    public ulong MonoNs;
    public ulong RealtimeNs;
    public ulong Scale;
}

/// <summary>struct ar_arena</summary>
[StructLayout(LayoutKind.Explicit, Size = ArenaWire.Page)]
internal struct ArenaHeader
{
    [FieldOffset(0)] public ulong Magic;
    [FieldOffset(8)] public uint Version;
    [FieldOffset(12)] public uint ImageCount;
    [FieldOffset(16)] public ulong Size;
    [FieldOffset(24)] public ulong Images;
    [FieldOffset(32)] public ulong SessionDevice;
    [FieldOffset(40)] public ulong SessionInode;
    [FieldOffset(48)] public uint TickShift;
    [FieldOffset(52)] public uint WaitMs;
    [FieldOffset(56)] public ulong Quota;
    [FieldOffset(64)] public ClassTable Table;
    [FieldOffset(184)] public uint ClockVersion;
    [FieldOffset(192)] public ClockPair Clocks;
    [FieldOffset(1024)] public SessionPath Session;
    [FieldOffset(3072)] public uint Control;
    [FieldOffset(3076)] public uint Interval;
    [FieldOffset(3136)] public uint ImageNumbers;
    [FieldOffset(3140)] public uint Refused;
    [FieldOffset(3200)] public uint Freed;
    [FieldOffset(3204)] public uint Waiting;
    [FieldOffset(3264)] public uint SealAsked;
    [FieldOffset(3268)] public uint Sealed;
    [FieldOffset(3272)] public uint DrainPid;
    [FieldOffset(3276)] public uint DrainState;
    [FieldOffset(3328)] public uint Drains;
    [FieldOffset(3336)] public ulong EndedBytes;
    [FieldOffset(3344)] public ArenaRounds Rounds;

    [InlineArray(2)]
    public struct ClockPair
    {
        private ArenaClock _first;
    }

    [InlineArray(1024)]
    public struct SessionPath
    {
        private byte _first;
    }

    [InlineArray(ArenaWire.Classes)]
    public struct ClassTable
    {
        private ArenaClass _first;
    }
}

/// <summary>struct ar_image</summary>
[StructLayout(LayoutKind.Explicit, Size = ArenaWire.Page)]
internal struct ImageSlot
{
    [FieldOffset(0)] public ProcessHeader Process;
    [FieldOffset(2432)] public uint State;
    [FieldOffset(2436)] public uint Number;
    [FieldOffset(2440)] public uint Parent;
    [FieldOffset(2444)] public uint Filtered;
    [FieldOffset(2448)] public ulong Held;
    [FieldOffset(2456)] public ulong Waits;
    [FieldOffset(2464)] public uint FirstInterval;
    [FieldOffset(2468)] public uint Left;
    [FieldOffset(2472)] public ulong MappedAt;
    [FieldOffset(2480)] public ArenaRounds Rounds;
}
