using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AllocReplay.Formats.Packed;

/// <summary>Constants of the packed trace: see SPEC.md, "Packed trace".</summary>
internal static class PackedWire
{
    /// <summary>0x89 "ALTR" CR LF 0x1a: not text, and broken by whoever treats it as text.</summary>
    public const ulong FileMagic = 0x1a0a0d52544c4189;
    public const ulong TrailerMagic = 0x31444e4552544c41; // "ALTREND1"
    public const uint FrameMagic = 0x31425241; // "ARB1"
    public const ushort VersionMajor = 1;
    public const ushort VersionMinor = 2;

    /// <summary>More than any writer puts into a block.</summary>
    public const int BlockEventsMax = 1 << 16;

    /// <summary>A block holds at most so many events a stored byte (writers pad): bounds what a small file can make a reader allocate.</summary>
    public const int EventsPerByteMax = 4;

    /// <summary>More than 65,536 events need.</summary>
    public const int BlockLengthMax = 1 << 23;

    /// <summary>Metadata is not compressed further than this: as it is then stored whole.</summary>
    public const int ExpansionMax = 32;

    /// <summary>More than the metadata of a million threads.</summary>
    public const int MetadataLengthMax = 1 << 28;

    /// <summary>More than the index of ten million blocks; no frame is longer.</summary>
    public const int FrameLengthMax = 1 << 30;
}

internal enum FrameKind : ushort
{
    Session = 1,
    Image = 2,
    Events = 3,
    ImageEnd = 4,
    Index = 5,
    Stacks = 6,
    Symbols = 7,
    Carried = 8,
    ImageUpdate = 9,
    Memory = 10,
}

/// <summary>The first 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FileHeader
{
    public ulong Magic;
    public ushort VersionMajor;
    public ushort VersionMinor;
    public uint Reserved;
}

/// <summary>Before each frame's payload. Of an event block it also says which events they are, so that an index is a list of these.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FrameHeader
{
    public uint Magic;
    public FrameKind Kind;
    public ushort Reserved;
    public uint Image;
    public uint Thread;
    /// <summary>Bytes of payload that follow.</summary>
    public uint Length;
    /// <summary>Events: how many. Index: entries. All others: bytes once decompressed; the same as Length where they are not compressed.</summary>
    public uint Count;
    public uint Interval;
    public uint Reserved2;
    /// <summary>Shifted counter of the first and the last event.</summary>
    public ulong FirstTicks;
    public ulong LastTicks;
    public ulong Reserved3;
    /// <summary>XXH3 (64 bits) of the header up to here and the payload.</summary>
    public ulong Checksum;

    public readonly ulong Sum(ReadOnlySpan<byte> payload)
    {
        var hash = new XxHash3();
        FrameHeader copy = this;
        hash.Append(MemoryMarshal.AsBytes(new ReadOnlySpan<FrameHeader>(in copy))[..^sizeof(ulong)]);
        hash.Append(payload);
        return hash.GetCurrentHashAsUInt64();
    }
}

/// <summary>An entry of the index: a frame and where it begins.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IndexEntry
{
    public ulong Offset;
    public FrameHeader Header;

    public static int Size => Unsafe.SizeOf<IndexEntry>();
}

/// <summary>The last 24 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FileTrailer
{
    public ulong IndexOffset;
    /// <summary>IndexOffset, inverted.</summary>
    public ulong Check;
    public ulong Magic;
}
