using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Formats.Recording;

/// <summary>Reads one thread's events in program order, one chunk in memory at a time.</summary>
internal sealed class ThreadCursor(ThreadStream stream, SafeFileHandle? events, string eventsPath, int tickShift, bool latency) : IDisposable
{
    private readonly ArrayPool<byte> _pool = ArrayPool<byte>.Shared;
    private EventDecoder _decoder;
    private byte[] _buffer = [];
    private bool _rented;
    private int _length;
    private int _position;
    private int _chunk;
    private uint _interval;

    public ThreadStream Stream => stream;

    /// <summary>Reads the next event. False at the end of the stream.</summary>
    /// <exception cref="TraceFormatException">The stream is damaged here.</exception>
    public bool Read(out RawEvent e)
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
        e.Interval = _interval;
        return true;
    }

    public void Dispose() => Release();

    private void Load(ChunkReference chunk)
    {
        Release();
        _position = 0;
        _length = chunk.Length;
        _interval = chunk.Interval;
        _decoder = new EventDecoder(chunk.Ticks >> tickShift, latency);
        if (chunk.Tail is not null)
        {
            _buffer = chunk.Tail;
            return;
        }
        _buffer = _pool.Rent(chunk.Length);
        _rented = true;
        int read = 0;
        while (read < chunk.Length)
        {
            int n = RandomAccess.Read(events!, _buffer.AsSpan(read, chunk.Length - read), chunk.Offset + read);
            if (n == 0)
                throw new TraceFormatException(eventsPath, chunk.Offset + read, $"expected {chunk.Length - read} more bytes, found the end of the file");
            read += n;
        }
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
        return chunk.Tail is null
            ? new TraceFormatException(eventsPath, chunk.Offset + _position, $"{problem} of thread {stream.Index}")
            : new TraceFormatException(Path.Combine(Path.GetDirectoryName(eventsPath)!, Wire.TailsFile), chunk.Offset + _position,
                $"{problem} of thread {stream.Index}");
    }
}
