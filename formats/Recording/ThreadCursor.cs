using System.Buffers;
using System.Runtime.CompilerServices;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Recording;

/// <summary>Reads one thread's events in program order, one chunk in memory at a time.</summary>
internal sealed class ThreadCursor(
    ThreadStream stream, ByteSource? events, string tailsPath, int tickShift, CallFields optional, ulong fromTicks) : IEventCursor
{
    private readonly ArrayPool<byte> _pool = ArrayPool<byte>.Shared;
    private EventDecoder _decoder;
    private byte[] _buffer = [];
    private bool _rented;
    private int _length;
    private int _position;
    private int _chunk = FirstChunk(stream.Chunks, fromTicks >= ulong.MaxValue >> tickShift ? ulong.MaxValue : fromTicks << tickShift);
    private uint _interval;

    public long BytesRead { get; private set; }

    public bool Read(out RawEvent e)
    {
        do
        {
            while (_position >= _length)
            {
                if (_chunk >= stream.Chunks.Count)
                {
                    e = default;
                    return false;
                }
                Load(stream.Chunks[_chunk++]);
            }
            string? problem = _decoder.Read(_buffer.AsSpan(0, _length), ref _position, out e);
            if (problem is not null)
                throw Damage(problem);
        }
        while (e.Ticks < fromTicks);
        e.Interval = _interval;
        return true;
    }

    public void Dispose() => Release();

    private void Load(ChunkReference chunk)
    {
        Release();
        // Seeking and merging rest on this; a chunk that was passed over is not looked at.
        if (BytesRead > 0 && chunk.Ticks >> tickShift < _decoder.Ticks)
            throw new TraceFormatException(chunk.Tail is null ? events!.Path : tailsPath, chunk.Offset - Unsafe.SizeOf<ChunkHeader>(),
                $"expected a chunk that begins at tick {_decoder.Ticks} or later, found {chunk.Ticks >> tickShift} (thread {stream.Info.Index})");
        BytesRead += chunk.Bytes;
        _position = 0;
        _length = chunk.Length;
        _interval = chunk.Interval;
        _decoder = new EventDecoder(chunk.Ticks >> tickShift, optional);
        if (chunk.Tail is not null)
        {
            _buffer = chunk.Tail;
            return;
        }
        _buffer = _pool.Rent(chunk.Length);
        _rented = true;
        int read = events!.Read(_buffer.AsSpan(0, chunk.Length), chunk.Offset);
        if (read < chunk.Length)
            throw new TraceFormatException(events.Path, chunk.Offset + read, $"expected {chunk.Length - read} more bytes, found the end of the file");
    }

    /// <summary>The last chunk that begins before a moment: those before it end before it.</summary>
    private static int FirstChunk(List<ChunkReference> chunks, ulong ticks)
    {
        int chunk = 0;
        while (chunk + 1 < chunks.Count && chunks[chunk + 1].Ticks < ticks)
            chunk++;
        return chunk;
    }

    private void Release()
    {
        if (_rented)
            _pool.Return(_buffer);
        _rented = false;
    }

    private TraceFormatException Damage(string problem)
    {
        ChunkReference chunk = stream.Chunks[_chunk - 1];
        return new TraceFormatException(chunk.Tail is null ? events!.Path : tailsPath, chunk.Offset + _position, $"{problem} of thread {stream.Info.Index}");
    }
}
