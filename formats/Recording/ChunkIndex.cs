using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Formats.Recording;

/// <summary>Collects the chunks of a process image by thread and sequence number.</summary>
internal sealed class ChunkIndex(ulong startTicks, ulong startMonoNs)
{
    private const int HeaderSize = 64;

    private readonly Dictionary<uint, SortedList<uint, ChunkReference>> _chunks = [];
    private readonly Dictionary<uint, (uint Sequence, uint OsTid, string Name)> _identity = [];
    private (long Offset, uint Thread, uint Sequence)? _cut;
    private string _eventsPath = "";

    /// <summary>The latest calibration pair that a chunk header carries.</summary>
    public (ulong Ticks, ulong Ns) LatestPair { get; private set; } = (startTicks, startMonoNs);

    public TraceFormatException? Damage { get; private set; }

    /// <summary>Takes the published part of every slot. Call before <see cref="ReadEvents"/>.</summary>
    public void ReadTails(string path)
    {
        if (!File.Exists(path))
            return;
        using SafeFileHandle handle = File.OpenHandle(path);
        long length = RandomAccess.GetLength(handle);
        Span<byte> buffer = stackalloc byte[HeaderSize];
        for (long at = 0; at + HeaderSize <= length;)
        {
            ReadFully(handle, buffer, at);
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
                int read = ReadFully(handle, payload, at + HeaderSize);
                if (read < payload.Length)
                {
                    Damage ??= new TraceFormatException(path, at + HeaderSize + read, $"expected {payload.Length - read} more bytes, found the end of the file");
                    return;
                }
                Add(header, new ChunkReference(at + HeaderSize, payload.Length, header.Ticks, header.Interval, payload));
            }
            at += (slot + Wire.TailAlignment - 1) / Wire.TailAlignment * Wire.TailAlignment;
        }
    }

    /// <summary>Walks the flushed chunks. A chunk that is also in a tail is the same chunk: the flushed one is whole, and wins.</summary>
    public void ReadEvents(SafeFileHandle handle, string path)
    {
        _eventsPath = path;
        long length = RandomAccess.GetLength(handle);
        Span<byte> buffer = stackalloc byte[HeaderSize];
        for (long at = 0; at < length;)
        {
            int read = ReadFully(handle, buffer, at);
            buffer[read..].Clear();
            var header = MemoryMarshal.Read<ChunkHeader>(buffer);
            if (read < HeaderSize || at + HeaderSize + header.Length > length)
            {
                if (read >= 4 && header.Magic != Wire.ChunkMagic)
                    Damage ??= NotAChunk(path, at, header.Magic);
                // Killed while writing? Then the tail still holds this chunk: Build decides. A header cut before its sequence
                // number names no chunk that a tail could hold.
                _cut = read >= 12 ? (at, header.Thread, header.Sequence) : (at, uint.MaxValue, 0);
                return;
            }
            if (header.Magic != Wire.ChunkMagic || header.Length is 0 or > Wire.ChunkLengthMax)
            {
                Damage ??= header.Magic != Wire.ChunkMagic
                    ? NotAChunk(path, at, header.Magic)
                    : new TraceFormatException(path, at + 12, $"expected a chunk length from 1 to {Wire.ChunkLengthMax}, found {header.Length}");
                return;
            }
            Add(header, new ChunkReference(at + HeaderSize, (int)header.Length, header.Ticks, header.Interval, null));
            at += HeaderSize + header.Length;
        }
    }

    /// <summary>Bytes of events in a process image's directory, without indexing them.</summary>
    public static long MeasureEvents(string directory)
    {
        var tails = new ChunkIndex(0, 0);
        tails.ReadTails(Path.Combine(directory, Wire.TailsFile));
        var events = new FileInfo(Path.Combine(directory, Wire.EventsFile));
        return (events.Exists ? events.Length : 0) + tails._chunks.Values.Sum(t => t.Values.Sum(c => (long)c.Length + HeaderSize));
    }

    /// <summary>The streams, each up to its first missing chunk, densely numbered in order of thread creation.</summary>
    public IReadOnlyList<ThreadStream> Build(string directory)
    {
        var streams = new List<ThreadStream>();
        foreach ((uint thread, SortedList<uint, ChunkReference> chunks) in _chunks.OrderBy(pair => pair.Key))
        {
            var stream = new ThreadStream(streams.Count, thread) { OsTid = _identity[thread].OsTid, Name = _identity[thread].Name };
            foreach ((uint sequence, ChunkReference chunk) in chunks)
            {
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
        if (_cut is { } cut && !(_chunks.TryGetValue(cut.Thread, out var held) && held.ContainsKey(cut.Sequence)))
            Damage ??= new TraceFormatException(_eventsPath, cut.Offset, "expected a whole chunk, found the end of the file: the recording is truncated here");
        return streams;
    }

    private static TraceFormatException NotAChunk(string path, long at, uint magic) =>
        new(path, at, $"expected a chunk (magic ARC1), found 0x{magic:x8}");

    private void Add(in ChunkHeader header, ChunkReference chunk)
    {
        if (!_chunks.TryGetValue(header.Thread, out var list))
            _chunks.Add(header.Thread, list = []);
        list[header.Sequence] = chunk;
        if (!_identity.TryGetValue(header.Thread, out var known) || header.Sequence >= known.Sequence)
            _identity[header.Thread] = (header.Sequence, header.OsTid, Text(header.Name));
        if (header.Ticks > LatestPair.Ticks)
            LatestPair = (header.Ticks, header.MonoNs);
    }

    private static string Text(ReadOnlySpan<byte> name)
    {
        int end = name.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? name : name[..end]);
    }

    private static int ReadFully(SafeFileHandle handle, Span<byte> buffer, long offset)
    {
        int total = 0;
        while (total < buffer.Length)
        {
            int n = RandomAccess.Read(handle, buffer[total..], offset + total);
            if (n == 0)
                break;
            total += n;
        }
        return total;
    }
}
