using System.Buffers;
using System.Runtime.CompilerServices;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Recording;

/// <summary>
/// Reads one thread's events in program order while they are recorded: of the chunk that is being written what its tail holds, and on from there when
/// the tail holds more, or the whole chunk has come to <c>events</c>. One chunk is in memory, as bytes; of those that are not read yet, where they lie.
/// </summary>
/// <param name="info">The thread.</param>
/// <param name="files">Where whole chunks lie.</param>
/// <param name="tailsPath">What messages call the file of the others.</param>
/// <param name="tickShift">Bits by which times are shifted.</param>
/// <param name="optional">The optional fields that the recording has.</param>
/// <param name="first">From where on the stream is there.</param>
internal sealed class GrowingCursor(StreamInfo info, EventFiles files, string tailsPath, int tickShift, CallFields optional, CarriedPosition first)
    : IEventCursor
{
    private readonly Dictionary<uint, ChunkReference> _flushed = []; // by sequence number: those that are not begun, or begun in a tail
    /// <summary>
    /// The same, from tails. Of one that its thread has given away, and which is on its way to <c>events</c>, there is what a tail had of it when the next one
    /// has a tail too: some of its events are final.
    /// </summary>
    private readonly Dictionary<uint, ChunkReference> _tails = [];

    private ChunkReference _chunk; // that is read
    private uint _sequence = first.Sequence;
    private bool _isBegun, _isWhole; // the chunk that is read; whether more of it may come
    private EventDecoder _decoder;
    private byte[] _buffer = [];
    private bool _isRented, _isFirst = true;
    private int _length, _position;
    private int _skip = (int)Math.Min(first.Offset, Wire.ChunkLengthMax); // bytes of the first chunk that are passed over
    private long _flushedBytes;
    private (uint Sequence, int Offset) _last; // where the event that was read last begins

    /// <summary>Index of the thread.</summary>
    public int Thread => info.Index;

    public long BytesRead { get; private set; }

    /// <summary>Bytes that were found and are not read yet.</summary>
    public long BytesPending => _flushedBytes + Math.Max(0, _length - _position)
        + _tails.Where(t => !_flushed.ContainsKey(t.Key)).Sum(t => Math.Max(0L, t.Value.Length - (t.Key == _sequence && _isBegun ? _length : 0)));

    /// <summary>Whether what a tail holds is all that there is of a chunk: nobody writes any more.</summary>
    public bool IsLast { get; set; }

    /// <summary>At the end of the stream: a chunk that was found behind one that was not; null where there is none.</summary>
    public (uint Expected, uint Found)? Missing =>
        _flushed.Keys.Concat(_tails.Keys.Where(t => t > _sequence)).Select(k => (uint?)k).Min() is { } found ? (_sequence, found) : null;

    /// <summary>Takes a chunk that was found, perhaps again.</summary>
    public void Offer(uint sequence, in ChunkReference chunk)
    {
        if (sequence < _sequence || sequence == _sequence && _isWhole)
            return;
        if (chunk.Tail is not null)
        {
            if (!_tails.TryGetValue(sequence, out ChunkReference known) || chunk.Length > known.Length)
                _tails[sequence] = chunk;
        }
        else if (_flushed.TryAdd(sequence, chunk))
        {
            _flushedBytes += chunk.Length;
        }
    }

    /// <summary>Where the event that was read last begins: number of its chunk, and bytes of that one's payload before it.</summary>
    public (uint Sequence, int Offset) LastEvent => _last;

    /// <summary>Where the next event begins.</summary>
    public (uint Sequence, int Offset) NextEvent =>
        _isWhole && _position >= _length ? (_sequence + 1, 0) : (_sequence, _isBegun ? _position : _skip);

    public bool Read(out RawEvent e)
    {
        while (_position >= _length)
        {
            if (!LoadMore())
            {
                e = default;
                return false;
            }
        }
        _last = (_sequence, _position);
        string? problem = _decoder.Read(_buffer.AsSpan(0, _length), ref _position, out e);
        if (problem is not null)
            throw new TraceFormatException(PathOf(_chunk), _chunk.Offset + _position, $"{problem} of thread {info.Index}");
        e.Interval = _chunk.Interval;
        return true;
    }

    public void Dispose() => Release();

    /// <summary>The rest of the chunk that is read, or the next one, as far as there is any of it.</summary>
    private bool LoadMore()
    {
        if (_isWhole || IsLast && _isBegun && !_flushed.ContainsKey(_sequence) && !(_tails.GetValueOrDefault(_sequence).Length > _length))
        {
            _tails.Remove(_sequence++);
            (_isBegun, _isWhole, _length, _position) = (false, false, 0, 0);
            Release();
        }
        if (_flushed.Remove(_sequence, out ChunkReference flushed))
        {
            _flushedBytes -= flushed.Length;
            LoadFlushed(flushed);
            return true;
        }
        if (!_tails.TryGetValue(_sequence, out ChunkReference found) || found.Tail is not { } tail || tail.Length <= (_isBegun ? _length : _skip))
            return false;
        Begin(found);
        BytesRead += tail.Length - _length;
        (_chunk, _buffer, _length) = (found, tail, tail.Length);
        PassOver();
        return true;
    }

    private void LoadFlushed(in ChunkReference chunk)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(chunk.Length);
        int read = files.Read(buffer.AsSpan(0, chunk.Length), chunk.Segment, chunk.Offset);
        if (read < chunk.Length)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw new TraceFormatException(PathOf(chunk), chunk.Offset + read, $"expected {chunk.Length - read} more bytes, found the end of the file");
        }
        // Where the recording has reached its size, less may have come of the chunk than its tail held.
        int same = Math.Min(_length, chunk.Length);
        int alike = buffer.AsSpan(0, same).CommonPrefixLength(_buffer.AsSpan(0, same));
        Begin(chunk);
        BytesRead += Math.Max(0, chunk.Length - _length);
        Release();
        (_chunk, _buffer, _isRented, _isWhole, _length) = (chunk, buffer, true, true, chunk.Length);
        if (alike < same)
            throw new TraceFormatException(PathOf(chunk), chunk.Offset + alike, $"expected the events that thread {info.Index} had in its tail");
        PassOver();
    }

    /// <summary>Comes by what the recording has let go of, once.</summary>
    private void PassOver()
    {
        int skip = _skip;
        _skip = 0;
        if (skip > 0 && _decoder.PassOver(_buffer.AsSpan(0, _length), ref _position, skip) is { } problem)
            throw new TraceFormatException(PathOf(_chunk), _chunk.Offset + _position, $"{problem} of thread {info.Index}");
    }

    private string PathOf(in ChunkReference chunk) => chunk.Tail is null ? files.PathOf(chunk.Segment) : tailsPath;

    private void Begin(in ChunkReference chunk)
    {
        if (_isBegun)
            return;
        // Seeking and merging rest on this.
        if (!_isFirst && chunk.Ticks >> tickShift < _decoder.Ticks)
            throw new TraceFormatException(PathOf(chunk), chunk.Offset - Unsafe.SizeOf<ChunkHeader>(),
                $"expected a chunk that begins at tick {_decoder.Ticks} or later, found {chunk.Ticks >> tickShift} (thread {info.Index})");
        _decoder = new EventDecoder(chunk.Ticks >> tickShift, optional);
        (_isBegun, _isFirst) = (true, false);
        (_position, _length) = (0, 0);
    }

    private void Release()
    {
        if (_isRented)
            ArrayPool<byte>.Shared.Return(_buffer);
        (_isRented, _buffer) = (false, []);
    }
}
