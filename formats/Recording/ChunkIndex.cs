using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Recording;

/// <summary>Collects the chunks of a process image by thread and sequence number.</summary>
internal sealed class ChunkIndex(ulong startTicks, ulong startMonoNs)
{
    private const int HeaderSize = 64;
    private const int IdentitySize = 8; // thread and sequence, after the magic

    /// <summary>A tail explains so many short chunks: one for each process that was killed or failed while it wrote that tail.</summary>
    private const int ShortChunksPerTail = 8;

    private readonly Dictionary<uint, List<(uint Sequence, ChunkReference Chunk)>> _chunks = [];
    private readonly Dictionary<uint, (uint Sequence, uint OsTid, string Name)> _identity = [];
    private readonly Dictionary<(uint Thread, uint Sequence), (ChunkHeader Header, byte[] Payload)> _tails = [];
    private readonly Dictionary<(uint Thread, uint Sequence), int> _shortChunksOf = [];
    private ulong[]? _identities; // of the tails, as the order of their bytes has them

    /// <summary>The latest calibration pair that a chunk header carries: those of threads that are drained have none.</summary>
    public (ulong Ticks, ulong Ns) LatestPair { get; private set; } = (startTicks, startMonoNs);

    public TraceFormatException? Damage { get; private set; }

    /// <summary>Chunks of <c>events</c> that were cut short and are taken from their tails.</summary>
    public int ShortChunks { get; private set; }

    /// <summary>Takes the published part of every slot. Call before <see cref="ReadEvents"/>.</summary>
    public void ReadTails(ByteSource tails)
    {
        string path = tails.Path;
        long length = tails.Length;
        Span<byte> buffer = stackalloc byte[HeaderSize];
        for (long at = 0; at + HeaderSize <= length;)
        {
            tails.Read(buffer, at);
            var header = MemoryMarshal.Read<ChunkHeader>(buffer);
            long slot = Math.Max(header.Capacity, Wire.TailAlignment);
            if (header.Magic == Wire.ChunkMagic && header.Length > 0)
            {
                if (header.Capacity < Wire.TailAlignment || header.Length > header.Capacity - HeaderSize || header.Length > Wire.ChunkLengthMax)
                {
                    Damage ??= new TraceFormatException(path, at + 12,
                        $"expected a published length below the slot's {header.Capacity} bytes, found {header.Length}");
                    return;
                }
                var payload = new byte[header.Length];
                int read = tails.Read(payload, at + HeaderSize);
                if (read < payload.Length)
                {
                    Damage ??= new TraceFormatException(path, at + HeaderSize + read,
                        $"expected {payload.Length - read} more bytes, found the end of the file");
                    return;
                }
                _tails[(header.Thread, header.Sequence)] = (header, payload);
                Add(header, new ChunkReference(at + HeaderSize, payload.Length, header.Ticks, header.Interval, payload));
            }
            at += (slot + Wire.TailAlignment - 1) / Wire.TailAlignment * Wire.TailAlignment;
        }
    }

    /// <summary>
    /// Walks the flushed chunks. A chunk that is also in a tail is the same chunk: the flushed one, if it is whole, wins. One
    /// that was cut short, by a kill in mid-write or by a full disk, is taken from its tail; other threads may have appended
    /// after it.
    /// </summary>
    public void ReadEvents(ByteSource events)
    {
        string path = events.Path;
        long length = events.Length;
        Span<byte> buffer = stackalloc byte[HeaderSize];
        for (long at = 0; at < length;)
        {
            int read = events.Read(buffer, at);
            buffer[read..].Clear();
            var header = MemoryMarshal.Read<ChunkHeader>(buffer);
            bool isChunk = read == HeaderSize && header.Magic == Wire.ChunkMagic && header.Length is > 0 and <= Wire.ChunkLengthMax;
            if (isChunk && at + HeaderSize + header.Length <= length && !DiffersFromTail(events, at, header))
            {
                Add(header, new ChunkReference(at + HeaderSize, (int)header.Length, header.Ticks, header.Interval, null));
                at += HeaderSize + header.Length;
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

    /// <summary>Bytes of events in a process image's directory, without indexing them.</summary>
    public static long MeasureEvents(ByteFolder directory)
    {
        using ByteSource? events = directory.Open(Wire.EventsFile), tails = directory.Open(Wire.TailsFile);
        var index = new ChunkIndex(0, 0);
        if (tails is not null)
            index.ReadTails(tails);
        return (events?.Length ?? 0) + index._tails.Values.Sum(t => (long)t.Payload.Length + HeaderSize);
    }

    /// <summary>The streams, each up to its first missing chunk, densely numbered in order of thread creation.</summary>
    public IReadOnlyList<ThreadStream> Build(string directory)
    {
        var streams = new List<ThreadStream>();
        foreach ((uint thread, List<(uint Sequence, ChunkReference Chunk)> chunks) in _chunks.OrderBy(pair => pair.Key))
        {
            var stream = new ThreadStream(new StreamInfo(streams.Count, thread, _identity[thread].OsTid, _identity[thread].Name));
            // Stable: of two with one number, the later one, from `events`, stays behind the one from `tails`.
            (uint Sequence, ChunkReference Chunk)[] ordered = [.. chunks.OrderBy(c => c.Sequence)];
            for (int i = 0; i < ordered.Length; i++)
            {
                (uint sequence, ChunkReference chunk) = ordered[i];
                if (i + 1 < ordered.Length && ordered[i + 1].Sequence == sequence)
                    continue;
                if (sequence != (uint)stream.Chunks.Count)
                {
                    Damage ??= new TraceFormatException(directory, null,
                        $"expected chunk {stream.Chunks.Count} of thread {thread}, found chunk {sequence}: the events between are lost");
                    break;
                }
                stream.Chunks.Add(chunk);
            }
            streams.Add(stream);
        }
        return streams;
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

    private void Add(in ChunkHeader header, ChunkReference chunk)
    {
        if (!_chunks.TryGetValue(header.Thread, out var list))
            _chunks.Add(header.Thread, list = []);
        list.Add((header.Sequence, chunk));
        if (!_identity.TryGetValue(header.Thread, out var known) || header.Sequence >= known.Sequence)
            _identity[header.Thread] = (header.Sequence, header.OsTid, Text(header.Name));
        if (header.MonoNs != 0 && header.Ticks > LatestPair.Ticks)
            LatestPair = (header.Ticks, header.MonoNs);
    }

    private static string Text(ReadOnlySpan<byte> name)
    {
        int end = name.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? name : name[..end]);
    }
}
