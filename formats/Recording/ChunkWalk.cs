using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Files;

namespace AllocReplay.Formats.Recording;

/// <summary>Finds the chunks of a process image, by the rules of formats/SPEC.md, "Flushing". Of a recording that grows, it is asked again.</summary>
/// <param name="found">Told of every chunk: of those in tails each time, of those in the segments once.</param>
internal sealed class ChunkWalk(Action<ChunkHeader, ChunkReference> found)
{
    public const int HeaderSize = 64;
    private const int IdentitySize = 8; // thread and sequence, after the magic

    /// <summary>A tail explains so many short chunks: one for each process that was killed or failed while it wrote that tail.</summary>
    private const int ShortChunksPerTail = 8;

    /// <summary>A slot that is used anew while it is read is looked at again, so often at most: what it held is in <c>events</c> then.</summary>
    private const int LooksAtSlot = 3;

    private readonly Dictionary<(uint Thread, uint Sequence), int> _shortChunksOf = [];
    private Dictionary<(uint Thread, uint Sequence), (ChunkHeader Header, byte[] Payload)> _tails = [];
    private ulong[]? _identities; // of the tails, as the order of their bytes has them
    private int _segment = -1; // that is read; before the first one, none
    private long _position; // in the segment: all before it was found

    /// <summary>Whether the files are still written: a last chunk that is not whole is then one that is being written, and no damage.</summary>
    public bool IsGrowing { get; set; }

    public TraceFormatException? Damage { get; private set; }

    /// <summary>Chunks of <c>events</c> that were cut short and are taken from their tails.</summary>
    public int ShortChunks { get; private set; }

    /// <summary>Bytes of the chunks in tails.</summary>
    public long TailBytes => _tails.Values.Sum(t => (long)t.Payload.Length + HeaderSize);

    /// <summary>Takes the published part of every slot. Call before <see cref="ReadEvents"/>.</summary>
    /// <remarks>
    /// A slot may be written while it is read. Its length is stored behind what it counts, so a chunk that only grows is whole as far as the length
    /// goes that was read first. One that is taken for another chunk has its length set to 0 before a byte of it is touched, and the header, which
    /// tells the chunk, is written last: so the header is read once more behind the bytes, and what it does not name any more is not taken. That
    /// chunk is in <c>events</c>, where it came before its slot was given away, and these are read next.
    /// </remarks>
    public void ReadTails(ByteSource tails)
    {
        var before = _tails;
        (_tails, _identities) = ([], null);
        long length = tails.Length;
        for (long at = 0; at + HeaderSize <= length && Damage is null;)
            at += ReadSlot(tails, at, before);
    }

    /// <returns>Bytes of the slot.</returns>
    private long ReadSlot(ByteSource tails, long at, Dictionary<(uint Thread, uint Sequence), (ChunkHeader Header, byte[] Payload)> before)
    {
        ChunkHeader header = HeaderAt(tails, at);
        for (int look = 0; look < LooksAtSlot && header.Magic == Wire.ChunkMagic && header.Length > 0; look++)
        {
            bool fits = header.Capacity >= Wire.TailAlignment && header.Length <= header.Capacity - HeaderSize && header.Length <= Wire.ChunkLengthMax;
            byte[] payload = [];
            int read = 0;
            if (fits && before.TryGetValue((header.Thread, header.Sequence), out var known) && known.Header.Length == header.Length
                && known.Header.Ticks == header.Ticks)
                (payload, read) = (known.Payload, known.Payload.Length);
            else if (fits)
                read = tails.Read(payload = new byte[header.Length], at + HeaderSize);
            ChunkHeader again = HeaderAt(tails, at);
            if (!IsSame(header, again))
            {
                header = again;
                continue;
            }
            if (!fits)
                Damage ??= new TraceFormatException(tails.Path, at + 12,
                    $"expected a published length below the slot's {header.Capacity} bytes, found {header.Length}");
            else if (read < payload.Length && !IsGrowing)
                Damage ??= new TraceFormatException(tails.Path, at + HeaderSize + read,
                    $"expected {payload.Length - read} more bytes, found the end of the file");
            else if (read == payload.Length)
                Take(header, new ChunkReference(0, at + HeaderSize, payload.Length, header.Ticks, header.Interval, payload));
            break;
        }
        long slot = Math.Max(header.Capacity, Wire.TailAlignment);
        return (slot + Wire.TailAlignment - 1) / Wire.TailAlignment * Wire.TailAlignment;
    }

    private void Take(in ChunkHeader header, in ChunkReference chunk)
    {
        _tails[(header.Thread, header.Sequence)] = (header, chunk.Tail!);
        found(header, chunk);
    }

    /// <summary>What there is of it: zeros where the file ends.</summary>
    private static ChunkHeader HeaderAt(ByteSource file, long at)
    {
        Span<byte> buffer = stackalloc byte[HeaderSize];
        buffer[file.Read(buffer, at)..].Clear();
        return MemoryMarshal.Read<ChunkHeader>(buffer);
    }

    private static bool IsSame(in ChunkHeader a, in ChunkHeader b) =>
        (a.Magic, a.Thread, a.Sequence, a.Ticks, a.Capacity) == (b.Magic, b.Thread, b.Sequence, b.Ticks, b.Capacity) && b.Length >= a.Length;

    /// <summary>
    /// Walks the flushed chunks. A chunk that is also in a tail is the same chunk: the flushed one, if it is whole, wins. One
    /// that was cut short, by a kill in mid-write or by a full disk, is taken from its tail; other threads may have appended
    /// after it. Goes on where it ended the last time.
    /// </summary>
    public void ReadEvents(EventFiles files)
    {
        if (_segment < 0)
            _segment = files.First;
        files.Look();
        for (; _segment < files.End && Damage is null; (_segment, _position) = (_segment + 1, 0))
        {
            // What is in front of another segment grows no more.
            bool isLast = _segment + 1 == files.End;
            ReadSegment(files.Source(_segment), IsGrowing && isLast);
            if (isLast)
                return;
        }
    }

    /// <summary>The chunks of what was kept of segments that are gone: a file that has its name only when it is whole.</summary>
    public static IEnumerable<(ChunkHeader Header, ChunkReference Chunk)> ReadCarried(CarriedFile carried)
    {
        var buffer = new byte[HeaderSize];
        for (long at = carried.ChunksOffset, length = carried.Source.Length; at < length;)
        {
            int read = carried.Source.Read(buffer, at);
            var header = MemoryMarshal.Read<ChunkHeader>(buffer);
            if (read < HeaderSize || header.Magic != Wire.ChunkMagic || header.Length is 0 or > Wire.ChunkLengthMax || at + HeaderSize + header.Length > length)
                throw new TraceFormatException(carried.Source.Path, at, "expected a whole chunk");
            yield return (header, new ChunkReference(EventFiles.CarriedSegment, at + HeaderSize, (int)header.Length, header.Ticks, header.Interval, null));
            at += HeaderSize + header.Length;
        }
    }

    private void ReadSegment(ByteSource events, bool isGrowing)
    {
        string path = events.Path;
        long length = events.Length;
        Span<byte> buffer = stackalloc byte[HeaderSize];
        for (long at = _position; at < length; _position = at)
        {
            int read = events.Read(buffer, at);
            buffer[read..].Clear();
            var header = MemoryMarshal.Read<ChunkHeader>(buffer);
            bool isChunk = read == HeaderSize && header.Magic == Wire.ChunkMagic && header.Length is > 0 and <= Wire.ChunkLengthMax;
            if (isChunk && at + HeaderSize + header.Length <= length && !DiffersFromTail(events, at, header))
            {
                found(header, new ChunkReference(_segment, at + HeaderSize, (int)header.Length, header.Ticks, header.Interval, null));
                at += HeaderSize + header.Length;
            }
            else if (isGrowing && at + HeaderSize + (isChunk ? header.Length : 0) > length)
            {
                return; // it is being written
            }
            else if (FindEndOfShortChunk(events, at, length) is { } next)
            {
                ShortChunks++;
                at = next;
            }
            else
            {
                if (read >= 4 && header.Magic != Wire.ChunkMagic)
                    Damage ??= new TraceFormatException(path, at, $"expected a chunk (magic ARC1), found 0x{header.Magic:x8}");
                else if (read < HeaderSize || isChunk)
                    Damage ??= new TraceFormatException(path, at, "expected a whole chunk, found the end of the file: the recording is truncated here");
                else
                    Damage ??= new TraceFormatException(path, at + 12, $"expected a chunk length from 1 to {Wire.ChunkLengthMax}, found {header.Length}");
                return;
            }
        }
    }

    /// <summary>Whether what stands at an offset is not what the tail of the same chunk holds. Without a tail there is nothing to compare.</summary>
    private bool DiffersFromTail(ByteSource events, long at, in ChunkHeader header)
    {
        if (!_tails.TryGetValue((header.Thread, header.Sequence), out var tail))
            return false;
        var window = new byte[HeaderSize + Math.Min((int)header.Length, tail.Payload.Length)];
        return MatchingPrefix(window.AsSpan(0, events.Read(window, at)), tail) < window.Length;
    }

    /// <summary>
    /// Where the chunk ends that was begun at an offset and cut short, or null when it is no such chunk: its bytes must be the
    /// first ones of a chunk that a tail holds, and a chunk, or the end of the file, must follow.
    /// </summary>
    private long? FindEndOfShortChunk(ByteSource events, long at, long length)
    {
        if (_tails.Count == 0)
            return null;
        Span<byte> head = stackalloc byte[2 * HeaderSize];
        ReadOnlySpan<byte> bytes = head[..events.Read(head, at)];
        int matching = MatchingIdentity(bytes);
        if (matching == sizeof(uint) + IdentitySize)
        {
            var identity = (MemoryMarshal.Read<uint>(bytes[4..]), MemoryMarshal.Read<uint>(bytes[8..]));
            // Bounds the work by the size of the files: a tail is not compared again and again.
            ref int found = ref CollectionsMarshal.GetValueRefOrAddDefault(_shortChunksOf, identity, out _);
            if (++found > ShortChunksPerTail)
                return null;
            var tail = _tails[identity];
            // A little more, for the header that follows.
            var window = new byte[Math.Min(length - at, HeaderSize + tail.Payload.Length + HeaderSize)];
            bytes = window.AsSpan(0, events.Read(window, at));
            matching = MatchingPrefix(bytes, tail);
        }
        // The next chunk's first bytes may happen to be those that were cut off, so the end lies at the first difference or
        // shortly before it.
        for (int end = matching; end > 0; end--)
            if (at + end == length || IsHeader(bytes[end..]))
                return at + end;
        return null;
    }

    /// <summary>How many of the first bytes, up to the sequence number, are those of any tail.</summary>
    private int MatchingIdentity(ReadOnlySpan<byte> bytes)
    {
        Span<byte> known = stackalloc byte[sizeof(uint) + IdentitySize];
        known.Clear();
        bytes[..Math.Min(bytes.Length, known.Length)].CopyTo(known);
        Span<byte> magic = stackalloc byte[sizeof(uint)];
        MemoryMarshal.Write(magic, Wire.ChunkMagic);
        int matching = Math.Min(bytes.Length, known.CommonPrefixLength(magic));
        if (matching < magic.Length)
            return matching;
        _identities ??= [.. _tails.Keys.Select(k => (ulong)BinaryPrimitives.ReverseEndianness(k.Thread) << 32 | BinaryPrimitives.ReverseEndianness(k.Sequence))
            .Order()];
        // In this order the longest prefix in common is that of a neighbour.
        ulong identity = BinaryPrimitives.ReadUInt64BigEndian(known[magic.Length..]);
        int at = Array.BinarySearch(_identities, identity);
        if (at < 0)
            at = ~at;
        int best = 0;
        for (int i = Math.Max(0, at - 1); i < Math.Min(_identities.Length, at + 1); i++)
            best = Math.Max(best, BitOperations.LeadingZeroCount(identity ^ _identities[i]) / 8);
        return Math.Min(bytes.Length, magic.Length + best);
    }

    /// <summary>How many bytes of a chunk are those of a tail. Fields that may change between the write and the kill are passed over.</summary>
    private static int MatchingPrefix(ReadOnlySpan<byte> bytes, in (ChunkHeader Header, byte[] Payload) tail)
    {
        ReadOnlySpan<byte> header = MemoryMarshal.AsBytes(new ReadOnlySpan<ChunkHeader>(in tail.Header));
        int head = Math.Min(bytes.Length, HeaderSize);
        for (int i = 0; i < head; i++)
            if (bytes[i] != header[i] && i is not (>= 12 and < 16 or >= 36 and < 40 or >= 56 and < 60)) // length, capacity, inside
                return i;
        return head + bytes[head..].CommonPrefixLength(tail.Payload);
    }

    /// <summary>Whether bytes may be the beginning of a chunk, as far as they go.</summary>
    private static bool IsHeader(ReadOnlySpan<byte> bytes)
    {
        Span<byte> magic = stackalloc byte[4];
        MemoryMarshal.Write(magic, Wire.ChunkMagic);
        int known = Math.Min(bytes.Length, magic.Length);
        return bytes[..known].SequenceEqual(magic[..known])
            && (bytes.Length < 16 || MemoryMarshal.Read<uint>(bytes[12..]) is > 0 and <= Wire.ChunkLengthMax);
    }
}
