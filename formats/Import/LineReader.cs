namespace AllocReplay.Formats.Import;

/// <summary>Reads a stream of text by lines, as bytes, in a buffer of its own. Lines end with LF or CR LF; the last needs no end.</summary>
internal sealed class LineReader(Stream stream, string path)
{
    /// <summary>Far longer than a line of any format here.</summary>
    public const int LineMax = 1 << 12;

    private readonly byte[] _buffer = new byte[1 << 18];
    private int _start;
    private int _end;
    private bool _ended;

    /// <summary>What messages call the input.</summary>
    public string Path { get; } = path;

    /// <summary>Number of the line that was read last, from 1; 0 before the first.</summary>
    public long Number { get; private set; }

    /// <summary>Called whenever more was read from the stream.</summary>
    public Action? Progressed { get; init; }

    /// <summary>Reads the next line. The bytes are good until the next call.</summary>
    /// <returns>False at the end of the stream.</returns>
    /// <exception cref="TraceFormatException">The line is longer than <see cref="LineMax"/>.</exception>
    public bool Read(out ReadOnlySpan<byte> line)
    {
        int length;
        while ((length = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n')) < 0)
        {
            if (_end - _start > LineMax)
                break;
            if (Fill())
                continue;
            line = _buffer.AsSpan(_start, _end - _start);
            _start = _end;
            Number += line.IsEmpty ? 0 : 1;
            return !line.IsEmpty;
        }
        Number++;
        if (length < 0 || length > LineMax)
            throw Bad($"expected a line of at most {LineMax} bytes, found a longer one: this is not a text trace");
        line = _buffer.AsSpan(_start, length);
        _start += length + 1;
        return true;
    }

    /// <summary>An error about the line that was read last.</summary>
    public TraceFormatException Bad(string problem) => TraceFormatException.AtLine(Path, Number, problem);

    private bool Fill()
    {
        if (_ended)
            return false;
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        int read;
        try
        {
            read = stream.Read(_buffer.AsSpan(_end));
        }
        catch (InvalidDataException e)
        {
            throw TraceFormatException.AtLine(Path, Number + 1, $"expected data that can be decompressed ({e.Message.TrimEnd('.')})");
        }
        _ended = read == 0;
        _end += read;
        Progressed?.Invoke();
        return read > 0;
    }
}
