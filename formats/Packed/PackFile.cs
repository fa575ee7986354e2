using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Stored;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Formats.Packed;

/// <summary>
/// A packed trace, indexed: which image's and thread's blocks lie where. The index at the end is used when it is whole; else the
/// frames are walked, up to the damage.
/// </summary>
internal sealed class PackFile : IDisposable
{
    private readonly ByteSource _bytes;

    private PackFile(ByteSource bytes) => _bytes = bytes;

    public string Path => _bytes.Path;

    public SessionInfo? Session { get; private set; }

    /// <summary>In the order of the file.</summary>
    public List<PackedImage> Images { get; } = [];

    /// <summary>All frames, of whatever kind, in the order of the file, the index left out.</summary>
    public List<(long Offset, FrameHeader Header)> Frames { get; } = [];

    /// <summary>Why the file was not read to its end, or null.</summary>
    public TraceFormatException? Damage { get; private set; }

    /// <summary>Whether a file begins as a packed trace does.</summary>
    public static bool IsPack(ByteSource bytes)
    {
        Span<byte> magic = stackalloc byte[sizeof(ulong)];
        return bytes.Read(magic, 0) == magic.Length && MemoryMarshal.Read<ulong>(magic) == PackedWire.FileMagic;
    }

    /// <summary>Whether there is a file of that name that begins as a packed trace does.</summary>
    public static bool IsPack(string path)
    {
        if (!File.Exists(path) || FileKind.WhyNotRegular(path, followsLinks: true) is not null)
            return false;
        try
        {
            Span<byte> magic = stackalloc byte[sizeof(ulong)];
            using SafeFileHandle file = FileKind.Open(path, followsLinks: true);
            return RandomAccess.Read(file, magic, 0) == magic.Length && MemoryMarshal.Read<ulong>(magic) == PackedWire.FileMagic;
        }
        catch (Exception e) when (e is TraceFormatException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Opens a packed trace and takes its bytes over.</summary>
    /// <exception cref="TraceFormatException">It is none, of a newer major version, or damaged before the first image.</exception>
    public static PackFile Open(ByteSource bytes) => Open(bytes, mayBeEmpty: false);

    /// <summary>Opens one that is being written, which may have no image yet, and takes its bytes over.</summary>
    /// <exception cref="TraceFormatException">As for <see cref="Open(ByteSource)"/>.</exception>
    public static PackFile OpenBegun(ByteSource bytes) => Open(bytes, mayBeEmpty: true);

    private static PackFile Open(ByteSource bytes, bool mayBeEmpty)
    {
        var pack = new PackFile(bytes);
        try
        {
            pack.ReadHeader();
            if (!pack.ReadIndex())
                pack.WalkFrames();
            if (pack.Images.Count == 0 && !mayBeEmpty)
                throw pack.Damage ?? new TraceFormatException(bytes.Path, null, "the trace is empty: it has no process image");
            return pack;
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    /// <summary>Reads a frame's payload and checks it.</summary>
    /// <exception cref="TraceFormatException">It is not what the header says.</exception>
    public int ReadPayload(long offset, in FrameHeader expected, ref byte[] buffer)
    {
        Span<byte> head = stackalloc byte[Unsafe.SizeOf<FrameHeader>()];
        if (expected.Length > PackedWire.FrameLengthMax)
            throw new TraceFormatException(Path, offset, $"expected a frame of at most {PackedWire.FrameLengthMax} bytes, found {expected.Length}");
        if (offset + head.Length + expected.Length > _bytes.Length)
            throw new TraceFormatException(Path, offset,
                $"expected a frame of {expected.Length} bytes, found {Math.Max(0, _bytes.Length - offset - head.Length)}");
        int length = (int)expected.Length;
        if (buffer.Length < length)
            buffer = new byte[length];
        Span<byte> payload = buffer.AsSpan(0, length);
        int read = _bytes.Read(head, offset) + _bytes.Read(payload, offset + head.Length);
        if (read < head.Length + length)
            throw new TraceFormatException(Path, offset + read, $"expected {head.Length + length - read} more bytes, found the end of the file");
        var found = MemoryMarshal.Read<FrameHeader>(head);
        if (!MemoryMarshal.AsBytes(new ReadOnlySpan<FrameHeader>(in expected)).SequenceEqual(head))
            throw new TraceFormatException(Path, offset, "expected the frame that the index lists, found another");
        ulong sum = found.Sum(payload);
        return sum == found.Checksum
            ? length
            : throw new TraceFormatException(Path, offset, $"expected a block with checksum {found.Checksum:x16}, found {sum:x16}");
    }

    /// <summary>The stacks of an image, of which each frame of the file adds some, or tells some anew.</summary>
    public FrameTable ReadStacks(IEnumerable<(long Offset, FrameHeader Header)> frames)
    {
        var records = new MemoryStream();
        string modules = "";
        foreach ((long offset, FrameHeader header) in frames)
        {
            var stacks = ReadMetadata<ImageStacks>(offset, header);
            long at = stacks.First * (long)FrameTable.RecordSize;
            if (stacks.Frames is null || stacks.Modules is null || at < 0 || at > records.Length)
                throw new TraceFormatException(Path, offset, "expected an image's frames, from one on that is known, and modules");
            records.SetLength(at);
            records.Position = at;
            records.Write(stacks.Frames);
            modules = stacks.Modules;
        }
        return FrameTable.Of(records.GetBuffer().AsSpan(0, (int)records.Length), modules);
    }

    /// <summary>The symbols of an image's stacks.</summary>
    public SymbolTable ReadSymbols(long offset, in FrameHeader header) => ReadMetadata<SymbolMap>(offset, header).ToTable()
        ?? throw new TraceFormatException(Path, offset, "expected symbols that refer to texts of the same frame");

    public void Dispose() => _bytes.Dispose();

    private void ReadHeader()
    {
        Span<byte> buffer = stackalloc byte[Unsafe.SizeOf<FileHeader>()];
        int read = _bytes.Read(buffer, 0);
        var header = MemoryMarshal.Read<FileHeader>(buffer);
        if (read < sizeof(ulong) || header.Magic != PackedWire.FileMagic)
            throw new TraceFormatException(Path, 0, "expected a packed trace (magic ALTR)");
        if (read < buffer.Length)
            throw new TraceFormatException(Path, read, $"expected a header of {buffer.Length} bytes, found the end of the file");
        if (header.VersionMajor != PackedWire.VersionMajor)
        {
            string other = header.VersionMajor > PackedWire.VersionMajor ? "a newer" : "another";
            throw new TraceFormatException(Path, 8,
                $"format version {header.VersionMajor} is not one that this program reads ({PackedWire.VersionMajor}); use {other} allocreplay");
        }
    }

    /// <summary>False when there is no index that can be trusted: the file is cut, or was never completed.</summary>
    private bool ReadIndex()
    {
        int trailerSize = Unsafe.SizeOf<FileTrailer>(), headSize = Unsafe.SizeOf<FrameHeader>();
        long end = _bytes.Length - trailerSize;
        Span<byte> buffer = stackalloc byte[headSize];
        if (end < 0 || _bytes.Read(buffer[..trailerSize], end) < trailerSize)
            return false;
        var trailer = MemoryMarshal.Read<FileTrailer>(buffer);
        if (trailer.Magic != PackedWire.TrailerMagic || trailer.Check != ~trailer.IndexOffset || trailer.IndexOffset > (ulong)end)
            return false;
        long offset = (long)trailer.IndexOffset;
        if (_bytes.Read(buffer, offset) < headSize)
            return false;
        var header = MemoryMarshal.Read<FrameHeader>(buffer);
        if (header.Magic != PackedWire.FrameMagic || header.Kind != FrameKind.Index || header.Length != end - offset - headSize
            || header.Length != (long)header.Count * IndexEntry.Size)
            return false;
        byte[] entries = [];
        try
        {
            ReadPayload(offset, header, ref entries);
        }
        catch (TraceFormatException)
        {
            return false;
        }
        ReadOnlySpan<IndexEntry> list = MemoryMarshal.Cast<byte, IndexEntry>(entries.AsSpan(0, (int)header.Length));
        if (!Covers(list, offset))
            return false;
        foreach (IndexEntry entry in list)
            if (!Take((long)entry.Offset, entry.Header))
                break;
        return true;
    }

    /// <summary>
    /// Whether an index lists each frame up to an offset once: otherwise a small file could have one image read a thousand times.
    /// </summary>
    private static bool Covers(ReadOnlySpan<IndexEntry> entries, long end)
    {
        ulong next = (ulong)Unsafe.SizeOf<FileHeader>();
        foreach (IndexEntry entry in entries)
        {
            if (entry.Offset != next || entry.Header.Magic != PackedWire.FrameMagic)
                return false;
            next += (ulong)Unsafe.SizeOf<FrameHeader>() + entry.Header.Length;
        }
        return next == (ulong)end;
    }

    private void WalkFrames()
    {
        Span<byte> buffer = stackalloc byte[Unsafe.SizeOf<FrameHeader>()];
        long length = _bytes.Length;
        for (long at = Unsafe.SizeOf<FileHeader>(); ;)
        {
            int read = _bytes.Read(buffer, at);
            var header = MemoryMarshal.Read<FrameHeader>(buffer);
            if (read < buffer.Length || at + buffer.Length + header.Length > length)
            {
                Damage = new TraceFormatException(Path, at, "expected a whole block, found the end of the file: the trace is truncated here");
                return;
            }
            if (header.Magic != PackedWire.FrameMagic)
            {
                Damage = new TraceFormatException(Path, at, $"expected a block (magic ARB1), found 0x{header.Magic:x8}");
                return;
            }
            if (header.Kind == FrameKind.Index)
            {
                Damage = new TraceFormatException(Path, at,
                    "expected an index and the end of the trace, found neither whole: the trace is truncated or damaged here");
                return;
            }
            if (!Take(at, header))
                return;
            at += buffer.Length + header.Length;
        }
    }

    /// <summary>Notes a frame. False when it shows damage: what follows cannot be trusted.</summary>
    private bool Take(long offset, in FrameHeader header)
    {
        try
        {
            switch (header.Kind)
            {
                case FrameKind.Session:
                    var session = ReadMetadata<SessionInfo>(offset, header);
                    Session = session.IsWhole ? session : throw new TraceFormatException(Path, offset,
                        "expected a session's command, host, kernel, recorder and source");
                    break;
                case FrameKind.Image:
                    var metadata = ReadMetadata<ImageMetadata>(offset, header);
                    if (header.Image != Images.Count)
                        throw new TraceFormatException(Path, offset, $"expected image {Images.Count}, found image {header.Image}");
                    Images.Add(PackedImage.Create(this, metadata, offset));
                    break;
                case FrameKind.ImageUpdate:
                    OfImage(offset, header).Take(offset, ReadMetadata<ImageUpdate>(offset, header));
                    break;
                case FrameKind.Memory:
                    OfImage(offset, header).MemorySamples = MemoryEntries.Decode(ReadMetadata<ImageMemory>(offset, header).Samples, startMonoNs: 0);
                    break;
                case FrameKind.Stacks:
                    OfImage(offset, header).StacksFrames.Add((offset, header));
                    break;
                case FrameKind.Symbols:
                    OfImage(offset, header).SymbolsFrame = (offset, header);
                    break;
                case FrameKind.ImageEnd:
                    OfImage(offset, header).End = ReadMetadata<ImageEnd>(offset, header);
                    break;
                case FrameKind.Events or FrameKind.Carried:
                    if (header.Length > PackedWire.BlockLengthMax)
                        throw new TraceFormatException(Path, offset, $"expected a block of at most {PackedWire.BlockLengthMax} bytes, found {header.Length}");
                    OfImage(offset, header).Take(offset, header);
                    break;
            }
            Frames.Add((offset, header));
            return true;
        }
        catch (TraceFormatException damage)
        {
            Damage = damage;
            return false;
        }
    }

    private PackedImage OfImage(long offset, in FrameHeader header) => header.Image < Images.Count
        ? Images[(int)header.Image]
        : throw new TraceFormatException(Path, offset, $"expected a frame of the {Images.Count} images before it, found one of image {header.Image}");

    private T ReadMetadata<[DynamicallyAccessedMembers(StoredMap.Members)] T>(long offset, in FrameHeader header)
        where T : class
    {
        byte[] payload = [];
        int length = ReadPayload(offset, header, ref payload);
        return Metadata.Decode<T>(payload.AsSpan(0, length), header.Count, out string problem)
            ?? throw new TraceFormatException(Path, offset, problem);
    }
}
