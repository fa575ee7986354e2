using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Import;

/// <summary>
/// A trace of Carnegie Mellon's malloc lab: four numbers, a line each (suggested heap size, number of ids, number of operations,
/// weight), then <c>a ID SIZE</c>, <c>r ID SIZE</c> and <c>f ID</c>, of one thread. <c>f -1</c> frees a null pointer.
/// </summary>
/// <remarks>
/// Blocks have numbers and not addresses: each is given one of its own, which no other block ever has. Line n is at n microseconds,
/// in ticks of half a microsecond, so that a reallocation ends before the next line.
/// </remarks>
internal sealed class MallocLabTrace
{
    private const ulong NsPerTick = 500;
    private const ulong TicksPerLine = 2;
    private const ulong FirstAddress = 0x10000;
    private const ulong Unit = 16;
    private const ulong AddressMax = long.MaxValue;
    private const ulong Freed = 0;

    private readonly LineReader _lines;
    private readonly ImportWriter _writer;
    private readonly Dictionary<ulong, ulong> _addresses = [];
    private readonly ulong _ids;
    private ImportThread? _thread;
    private ulong _next = FirstAddress;

    private MallocLabTrace(LineReader lines, ImportWriter writer, ulong ids) => (_lines, _writer, _ids) = (lines, writer, ids);

    /// <summary>Reads a trace to its end.</summary>
    /// <returns>The number of threads: 1, or 0 without operations.</returns>
    /// <exception cref="TraceFormatException">A line is not one of the format, or the header does not fit what follows.</exception>
    public static int Read(LineReader lines, ImportWriter writer)
    {
        Header(lines, "the suggested heap size in bytes");
        ulong ids = Header(lines, "the number of ids");
        ulong operations = Header(lines, "the number of operations");
        long operationsLine = lines.Number;
        Header(lines, "the weight");
        writer.Clock = new(0, 0, NsPerTick << 32);
        var trace = new MallocLabTrace(lines, writer, ids);
        ulong found = 0;
        while (lines.Read(out ReadOnlySpan<byte> line))
        {
            if (!trace.Take(line))
                continue;
            if (++found > operations)
                throw lines.Bad($"expected the end of the file after {operations} operations, the number that line {operationsLine} says, found another");
        }
        if (found < operations)
            throw TraceFormatException.AtLine(lines.Path, operationsLine, $"expected as many operations as this line says, {operations}, found {found}");
        return found > 0 ? 1 : 0;
    }

    private static ulong Header(LineReader lines, string what)
    {
        if (!lines.Read(out ReadOnlySpan<byte> line))
            throw TraceFormatException.AtLine(lines.Path, lines.Number + 1, $"expected {what}, found the end of the file");
        var words = new Words(lines, line);
        ulong value = words.Number(what);
        words.End(what);
        return value;
    }

    /// <returns>False for an empty line.</returns>
    private bool Take(ReadOnlySpan<byte> line)
    {
        var words = new Words(_lines, line);
        ReadOnlySpan<byte> name = words.Next();
        if (name.IsEmpty)
            return false;
        ulong ticks = TicksPerLine * (ulong)_lines.Number;
        switch (name.Length == 1 ? name[0] : 0)
        {
            case (byte)'a':
                Allocate(ref words, ticks);
                break;
            case (byte)'r':
                Reallocate(ref words, ticks);
                break;
            case (byte)'f':
                Free(ref words, ticks);
                break;
            default:
                throw words.Expected("a ID SIZE, r ID SIZE or f ID", line);
        }
        return true;
    }

    private void Allocate(ref Words words, ulong ticks)
    {
        ulong id = Id(ref words), size = words.Number("a size in bytes");
        words.End("the size");
        if (_addresses.GetValueOrDefault(id, Freed) != Freed)
            throw _lines.Bad($"expected an id without a block, found {id}, whose block is not freed");
        Add(new RawEvent { Kind = CallKind.Malloc, Ticks = ticks, Address = _addresses[id] = NewAddress(size), Size = size, Count = 1, OtherThread = -1 });
    }

    private void Reallocate(ref Words words, ulong ticks)
    {
        ulong id = Id(ref words), size = words.Number("a size in bytes");
        words.End("the size");
        // An id that never had a block stands for a null pointer, as in the lab's own driver.
        if (_addresses.TryGetValue(id, out ulong old) && old == Freed)
            throw _lines.Bad($"expected the id of a block, found {id}, whose block is freed");
        bool frees = size == 0 && old != 0;
        ulong address = frees ? Freed : NewAddress(size);
        _addresses[id] = address;
        Add(new RawEvent { Kind = CallKind.ReallocBegin, Ticks = ticks, Address = old, IsNull = old == 0, Size = size, Count = 1, OtherThread = -1 });
        Add(new RawEvent { Kind = CallKind.ReallocEnd, Ticks = ticks + 1, Address = address, IsNull = frees, Count = 1, OtherThread = -1 });
    }

    private void Free(ref Words words, ulong ticks)
    {
        ReadOnlySpan<byte> word = words.Next();
        words.End("the id");
        ulong address = 0;
        if (!word.SequenceEqual("-1"u8))
        {
            ulong id = IdOf(words, word);
            if (!_addresses.TryGetValue(id, out address))
                throw _lines.Bad($"expected the id of a block, found {id}, which never had one");
            if (address == Freed)
                throw _lines.Bad($"expected the id of a block, found {id}, whose block is freed already");
            _addresses[id] = Freed;
        }
        Add(new RawEvent { Kind = CallKind.Free, Ticks = ticks, Address = address, IsNull = address == 0, Count = 1, OtherThread = -1 });
    }

    private ulong Id(ref Words words) => IdOf(words, words.Next());

    private ulong IdOf(in Words words, ReadOnlySpan<byte> word) => Words.TryNumber(word, out ulong id) && id < _ids
        ? id
        : throw words.Expected($"an id below {_ids}, the number that line 2 says", word);

    private void Add(in RawEvent e)
    {
        _thread ??= _writer.Begin(0, e.Ticks)!;
        _writer.Add(_thread, e);
    }

    private ulong NewAddress(ulong size)
    {
        ulong room = size > AddressMax ? AddressMax : (size / Unit + 1) * Unit;
        if (room > AddressMax - _next)
            throw _lines.Bad($"expected sizes of less than 8 EiB in all, found {size} more");
        ulong address = _next;
        _next += room;
        return address;
    }
}
