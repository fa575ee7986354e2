using System.Buffers;
using System.Runtime.CompilerServices;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Recording;

/// <summary>Reads one thread's events in program order, one chunk in memory at a time.</summary>
/// <param name="info">The thread.</param>
/// <param name="chunks">Its chunks, in order.</param>
/// <param name="skip">Bytes of the first one's payload that are passed over.</param>
/// <param name="files">Where they lie.</param>
/// <param name="tailsPath">What messages call the file of those that were read from a tail.</param>
/// <param name="tickShift">Bits by which times are shifted.</param>
/// <param name="optional">The optional fields that the recording has.</param>
/// <param name="fromTicks">Events before it are left out.</param>
internal sealed class ThreadCursor(StreamInfo info, List<ChunkReference> chunks, int skip, EventFiles files, string tailsPath, int tickShift,
    CallFields optional, ulong fromTicks) : IEventCursor
{
    private readonly ArrayPool<byte> _pool = ArrayPool<byte>.Shared;
    private EventDecoder _decoder;
    private byte[] _buffer = [];
    private bool _rented;
    private int _length;
    private int _position;
    private int _chunk = FirstChunk(chunks, fromTicks >= ulong.MaxValue >> tickShift ? ulong.MaxValue : fromTicks << tickShift);
    private uint _interval;
    private bool _isCarried;

    public long BytesRead { get; private set; }

    public bool Read(out RawEvent e)
    {
        do
        {
            while (_position >= _length)
            {
                if (_chunk >= chunks.Count)
                {
                    e = default;
                    return false;
                }
                Load(chunks[_chunk++]);
            }
            string? problem = _decoder.Read(_buffer.AsSpan(0, _length), ref _position, out e);
            if (problem is not null)
                throw Damage(problem);
        }
        while (e.Ticks < fromTicks);
        e.Interval = _interval;
        e.IsCarried = _isCarried;
        return true;
    }

    public void Dispose() => Release();

    private void Load(ChunkReference chunk)
    {
        Release();
        // Seeking and merging rest on this; a chunk that was passed over is not looked at.
        if (BytesRead > 0 && chunk.Ticks >> tickShift < _decoder.Ticks)
            throw new TraceFormatException(PathOf(chunk), chunk.Offset - Unsafe.SizeOf<ChunkHeader>(),
                $"expected a chunk that begins at tick {_decoder.Ticks} or later, found {chunk.Ticks >> tickShift} (thread {info.Index})");
        BytesRead += chunk.Bytes;
        _position = 0;
        _length = chunk.Length;
        _interval = chunk.Interval;
        _isCarried = chunk.Tail is null && chunk.Segment == EventFiles.CarriedSegment;
        _decoder = new EventDecoder(chunk.Ticks >> tickShift, optional);
        if (chunk.Tail is not null)
        {
            _buffer = chunk.Tail;
        }
        else
        {
            _buffer = _pool.Rent(chunk.Length);
            _rented = true;
            int read = files.Read(_buffer.AsSpan(0, chunk.Length), chunk.Segment, chunk.Offset);
            if (read < chunk.Length)
                throw new TraceFormatException(PathOf(chunk), chunk.Offset + read, $"expected {chunk.Length - read} more bytes, found the end of the file");
        }
        if (_chunk == 1 && skip > 0 && _decoder.PassOver(_buffer.AsSpan(0, _length), ref _position, skip) is { } problem)
            throw Damage(problem);
    }

    private string PathOf(in ChunkReference chunk) => chunk.Tail is null ? files.PathOf(chunk.Segment) : tailsPath;

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
        ChunkReference chunk = chunks[_chunk - 1];
        return new TraceFormatException(PathOf(chunk), chunk.Offset + _position, $"{problem} of thread {info.Index}");
    }
}
