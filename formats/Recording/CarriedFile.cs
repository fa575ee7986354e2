using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Files;

namespace AllocReplay.Formats.Recording;

/// <summary>
/// The file <c>carried</c>: what is kept of events that a recording has let go of. It tells the cut, up to where each thread's stream is gone, and holds
/// chunks of the events before it that are not over: what was acquired and not given back, and what is known of threads. See formats/SPEC.md, "carried".
/// </summary>
internal sealed class CarriedFile
{
    private readonly Dictionary<uint, CarriedPosition> _positions = [];
    private readonly CarriedHeader _header;

    private CarriedFile(ByteSource source, in CarriedHeader header) => (Source, _header) = (source, header);

    public ByteSource Source { get; }

    /// <summary>The first segment that is there still.</summary>
    public int FirstSegment => (int)_header.FirstSegment;

    /// <summary>The latest event before the cut, in shifted ticks.</summary>
    public ulong CutTicks => _header.CutTicks;

    /// <summary>Events of which nothing is left.</summary>
    public long EventsGone => (long)_header.EventsGone;

    /// <summary>Bytes of the packed trace that holds the events before the cut, with which they are whole; 0 where none does.</summary>
    public long PackedLength => (long)_header.PackedLength;

    /// <summary>Where the chunks begin.</summary>
    public long ChunksOffset => Unsafe.SizeOf<CarriedHeader>() + (long)_positions.Count * Unsafe.SizeOf<CarriedPosition>();

    /// <summary>From where on a thread's stream is there: the number of its first chunk, and bytes of its payload that are gone.</summary>
    public CarriedPosition PositionOf(uint thread) => _positions.GetValueOrDefault(thread);

    /// <summary>The first segment that is there; 0 where nothing was let go of.</summary>
    public static int FirstSegmentOf(ByteFolder directory)
    {
        using ByteSource? source = directory.Open(Wire.CarriedFile);
        CarriedHeader header = default;
        return source?.Read(MemoryMarshal.AsBytes(new Span<CarriedHeader>(ref header)), 0) == Unsafe.SizeOf<CarriedHeader>()
            ? (int)Math.Min(header.FirstSegment, int.MaxValue) : 0;
    }

    /// <summary>Reads the file's beginning; its chunks are read through <see cref="Source"/>.</summary>
    /// <returns>Null when there is none.</returns>
    /// <exception cref="TraceFormatException">It is damaged.</exception>
    public static CarriedFile? Read(ByteFolder directory)
    {
        ByteSource? source = directory.Open(Wire.CarriedFile);
        if (source is null)
            return null;
        try
        {
            return Read(source);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    private static CarriedFile Read(ByteSource source)
    {
        CarriedHeader header = default;
        int read = source.Read(MemoryMarshal.AsBytes(new Span<CarriedHeader>(ref header)), 0);
        if (read < Unsafe.SizeOf<CarriedHeader>() || header.Magic != CarriedHeader.ExpectedMagic)
            throw new TraceFormatException(source.Path, 0, "expected the header of what a recording has kept (magic ARCARRY1)");
        if (header.Length != (ulong)source.Length)
            throw new TraceFormatException(source.Path, 16, $"expected {header.Length} bytes, found {source.Length}");
        if (header.FirstSegment > int.MaxValue / 2)
            throw new TraceFormatException(source.Path, 8, $"expected a segment's number, found {header.FirstSegment}");
        if (header.Positions > (header.Length - (ulong)read) / (ulong)Unsafe.SizeOf<CarriedPosition>())
            throw new TraceFormatException(source.Path, 12, $"expected the positions of {header.Positions} threads, found the end of the file");
        var file = new CarriedFile(source, header);
        var bytes = new byte[(int)header.Positions * Unsafe.SizeOf<CarriedPosition>()];
        source.Read(bytes, read);
        foreach (ref readonly CarriedPosition position in MemoryMarshal.Cast<byte, CarriedPosition>(bytes))
            if (!file._positions.TryAdd(position.Thread, position))
                throw new TraceFormatException(source.Path, read, $"expected each thread's position once, found that of thread {position.Thread} again");
        return file;
    }
}

/// <summary>The file <c>carried</c> begins with it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CarriedHeader
{
    public const ulong ExpectedMagic = 0x3159525241435241; // "ARCARRY1"

    public ulong Magic;
    public uint FirstSegment;
    /// <summary>Threads whose positions follow.</summary>
    public uint Positions;
    /// <summary>Bytes of the file.</summary>
    public ulong Length;
    /// <summary>Shifted.</summary>
    public ulong CutTicks;
    public ulong EventsGone;
    /// <summary>Of the packed trace that holds the events that are gone; 0: none does.</summary>
    public ulong PackedLength;
    public ulong Reserved2;
    public ulong Reserved3;
}

/// <summary>From where on a thread's stream is there.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CarriedPosition
{
    public uint Thread;
    /// <summary>Number of its first chunk.</summary>
    public uint Sequence;
    /// <summary>Bytes of that chunk's payload that are gone.</summary>
    public uint Offset;
    public uint Reserved;

    /// <summary>Whether nothing is left of a chunk as far as it goes.</summary>
    public readonly bool HasPassed(uint sequence, int length) => sequence < Sequence || sequence == Sequence && Offset >= (uint)length;
}
