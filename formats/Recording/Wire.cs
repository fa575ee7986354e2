using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AllocReplay.Formats.Recording;

/// <summary>Constants of <c>formats/native/allocreplay_format.h</c>.</summary>
internal static class Wire
{
    public const ushort VersionMajor = 1;
    public const ushort VersionMinor = 2;
    public const int CodeBits = 2;
    public const uint CodeLong = 3;
    public const uint ShortTime = 63;
    public const int ShortAddressBit = 8;
    public const long ShortReach = 8L << 23;
    public const byte OpMask = 0x3f;
    public const byte OpNull = 0x80;
    public const byte OpRaw = 0x40;
    public const int AddressUnit = 8;
    public const int EventMax = 81;
    public const uint ChunkMagic = 0x31435241;
    public const int TailAlignment = 4096;
    public const ulong ProcessMagic = 0x434f52504c4c41;
    public const uint ArchX8664 = 1;
    public const uint ArchAArch64 = 2;
    public const ulong FlagNewRecorded = 1;
    public const ulong FlagForked = 2;
    public const ulong FlagExpedited = 4;
    public const ulong FlagLatency = 8;
    public const ulong FlagMallocHook = 16;
    public const ulong FlagDrained = 32;
    public const ulong FlagStacks = 64;
    public const ulong FlagFreeStacks = 128;
    public const ulong FlagAttached = 256;
    public const ulong FlagRegions = 512;
    public const ulong FlagLinked = 1024;
    public const ulong FlagLinkedPartly = 2048;

    /// <summary>More than any writer makes; a longer chunk is damage, not data.</summary>
    public const int ChunkLengthMax = 1 << 20;

    public const string ProcessFile = "process";
    public const string EventsFile = "events";
    public const string TailsFile = "tails";
    public const string CarriedFile = "carried";
    public const string StoppedFile = "stopped";
    public const string MarksFile = "marks";
    public const string MemoryFile = "memory";
    public const string CommandLineFile = "cmdline";
    public const string MapsFile = "maps";
    public const string FramesFile = "frames";
    public const string ModulesFile = "modules";
    public const string SymbolsFile = "symbols.msgpack";
}

/// <summary>struct ar_chunk</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ChunkHeader
{
    public uint Magic;
    public uint Thread;
    public uint Sequence;
    public uint Length;
    public ulong Ticks;
    public ulong MonoNs;
    public uint OsTid;
    public uint Capacity;
    public ThreadName Name;
    public uint Inside;
    public uint Interval;

    [InlineArray(16)]
    public struct ThreadName
    {
        private byte _first;
    }
}

/// <summary>struct ar_mark</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MarkEntry
{
    public const uint Start = 1;
    public const uint Stop = 2;
    public const uint Named = 3;

    public uint Kind;
    public uint Interval;
    public ulong MonoNs;
    public MarkName Name;

    [InlineArray(48)]
    public struct MarkName
    {
        private byte _first;
    }
}

/// <summary>struct ar_process</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ProcessHeader
{
    public ulong Magic;
    public ushort VersionMajor;
    public ushort VersionMinor;
    public uint Size;
    public uint Pid;
    public uint ParentPid;
    public uint Arch;
    public uint TickShift;
    public ulong RealtimeNs;
    public ulong StartTicks;
    public ulong StartMonoNs;
    public ulong SecondTicks;
    public ulong SecondMonoNs;
    public ulong EndTicks;
    public ulong EndMonoNs;
    public uint State;
    public uint FailureOp;
    public int FailureErrno;
    public uint Threads;
    public ulong LostEvents;
    public ulong Flags;
    public byte BuildIdLength;
    public BuildIdBytes BuildId;
    public PathBytes Allocator;
    public PathBytes Executable;
    public uint Sample;
    public uint SampleScheme;
    public ControlPadding ControlPad;
    public uint Control;
    public uint Interval;
    public SlowPadding SlowPad;
    public ulong SlowBegun;
    public ulong SlowDone;

    [InlineArray(32)]
    public struct ControlPadding
    {
        private byte _first;
    }

    [InlineArray(56)]
    public struct SlowPadding
    {
        private byte _first;
    }

    [InlineArray(31)]
    public struct BuildIdBytes
    {
        private byte _first;
    }

    [InlineArray(1024)]
    public struct PathBytes
    {
        private byte _first;
    }
}

/// <summary>struct ar_frame_record</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FrameRecord
{
    public const uint Present = 1, Exact = 2;
    public const int GenerationShift = 8;

    public ulong Ip;
    public uint Caller;
    public uint Flags;
}
