using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace AllocReplay.Formats.Packed;

/// <summary>
/// Up to 65,536 events of one thread and interval, by column. A block is decoded without any other.
/// <list type="bullet">
/// <item><c>kind</c>: event kind, + 0x80 where the address is null and absent</item>
/// <item><c>time</c>: shifted counter, delta to the event before; the first is 0</item>
/// <item><c>back</c>: for events with an address, how many such events ago the same address was last seen in the block; 0: not in the block</item>
/// <item><c>address</c>: those that were not seen before; zigzag delta to the address before</item>
/// <item><c>size count alignment thread duration</c>: for the kinds that have them, as in a recording directory</item>
/// </list>
/// A program frees what it took not long ago and is given again what it freed: so most addresses are small numbers in <c>back</c>.
/// </summary>
internal sealed class EventBlock
{
    private const int Kind = 0, Time = 1, Back = 2, Address = 3, Size = 4, Count = 5, Alignment = 6, Thread = 7, Duration = 8;
    private const int Columns = 9;
    private const int NullAddress = 0x80;

    private readonly ulong[]?[] _columns = new ulong[Columns][];
    private readonly int[] _lengths = new int[Columns];
    private Dictionary<ulong, int>? _seen; // not while reading: a reader has a block for each thread
    private readonly int[] _next = new int[Columns];
    private ulong _ticks;
    private ulong _address;
    private int _addressed;
    private bool _latency;

    /// <summary>Events in the block.</summary>
    public int Events => _lengths[Kind];

    public uint Interval { get; private set; }

    public ulong FirstTicks { get; private set; }

    public ulong LastTicks => _ticks;

    // Writing

    /// <summary>Empties the block, to be filled by <see cref="Add"/>.</summary>
    public void Clear(bool latency)
    {
        Array.Clear(_lengths);
        (_seen ??= []).Clear();
        _address = 0;
        _addressed = 0;
        _latency = latency;
    }

    public void Add(in RawEvent e)
    {
        if (Events == 0)
            (FirstTicks, _ticks, Interval) = (e.Ticks, e.Ticks, e.Interval);
        CallFields fields = CallKinds.Table[(int)e.Kind];
        Append(Kind, (ulong)e.Kind | (e.IsNull ? NullAddress : 0ul));
        Append(Time, e.Ticks - _ticks);
        _ticks = e.Ticks;
        if ((fields & CallFields.Address) != 0 && !e.IsNull)
        {
            ref int last = ref CollectionsMarshal.GetValueRefOrAddDefault(_seen!, e.Address, out bool seen);
            Append(Back, seen ? (ulong)(_addressed - last) : 0);
            if (!seen)
                Append(Address, e.Address - _address);
            last = _addressed++;
            _address = e.Address;
        }
        if ((fields & CallFields.Size) != 0)
            Append(Size, e.Size);
        if ((fields & CallFields.Count) != 0)
            Append(Count, e.Count);
        if ((fields & CallFields.Alignment) != 0)
            Append(Alignment, e.Alignment);
        if ((fields & CallFields.Thread) != 0)
            Append(Thread, (ulong)(e.OtherThread + 1L));
        if (_latency && !CallKinds.IsThreadEvent(e.Kind))
            Append(Duration, e.Duration);
    }

    /// <summary>Encodes the columns. The block must be cleared before it is used again.</summary>
    public byte[] Encode()
    {
        var output = new ArrayBufferWriter<byte>(Events * 4 + 256);
        for (int c = 0; c < Columns; c++)
            if (_lengths[c] > 0)
                IntegerColumn.Write(output, (byte)c, _columns[c].AsSpan(0, _lengths[c]), signed: c == Address);
        int least = (Events + PackedWire.EventsPerByteMax - 1) / PackedWire.EventsPerByteMax;
        return [.. output.WrittenSpan, .. new byte[Math.Max(0, least - output.WrittenCount)]];
    }

    private void Append(int column, ulong value)
    {
        ref ulong[]? values = ref _columns[column];
        int at = _lengths[column]++;
        if (values is null || at == values.Length)
            Array.Resize(ref values, Math.Max(256, at * 2));
        values[at] = value;
    }

    // Reading

    /// <summary>Takes a block that <see cref="Encode"/> wrote, to be read by <see cref="Read"/>.</summary>
    /// <returns>null, or what was expected. Then the block is empty.</returns>
    public string? Decode(ReadOnlySpan<byte> payload, in FrameHeader header, bool latency)
    {
        Array.Clear(_lengths);
        Array.Clear(_next);
        string? problem = DecodeColumns(payload, header, latency);
        if (problem is not null)
            _lengths[Kind] = 0;
        return problem;
    }

    /// <summary>Reads the next event. False at the end of the block.</summary>
    public bool Read(out RawEvent e)
    {
        e = default;
        int i = _next[Kind];
        if (i >= _lengths[Kind])
            return false;
        ulong kind = _columns[Kind]![i];
        e.Kind = (CallKind)(kind & ~(ulong)NullAddress);
        e.IsNull = (kind & NullAddress) != 0;
        _ticks += _columns[Time]![i];
        e.Ticks = _ticks;
        e.Interval = Interval;
        e.Count = 1;
        e.OtherThread = -1;
        _next[Kind] = i + 1;
        CallFields fields = CallKinds.Table[(int)e.Kind];
        if ((fields & CallFields.Address) != 0 && !e.IsNull)
            e.Address = _columns[Back]![_next[Back]++];
        if ((fields & CallFields.Size) != 0)
            e.Size = _columns[Size]![_next[Size]++];
        if ((fields & ~(CallFields.Address | CallFields.Size)) != 0)
        {
            if ((fields & CallFields.Count) != 0)
                e.Count = _columns[Count]![_next[Count]++];
            if ((fields & CallFields.Alignment) != 0)
                e.Alignment = _columns[Alignment]![_next[Alignment]++];
            if ((fields & CallFields.Thread) != 0)
                e.OtherThread = (int)_columns[Thread]![_next[Thread]++] - 1;
        }
        if (_latency && !CallKinds.IsThreadEvent(e.Kind))
            e.Duration = _columns[Duration]![_next[Duration]++];
        return true;
    }

    private string? DecodeColumns(ReadOnlySpan<byte> payload, in FrameHeader header, bool latency)
    {
        if (header.Count is 0 or > PackedWire.BlockEventsMax || header.Count > (ulong)payload.Length * PackedWire.EventsPerByteMax)
            return $"expected 1 to {Math.Min(PackedWire.BlockEventsMax, (long)payload.Length * PackedWire.EventsPerByteMax)} events in a block of {payload.Length} bytes, found {header.Count}";
        _latency = latency;
        _ticks = FirstTicks = header.FirstTicks;
        Interval = header.Interval;
        Span<int> expected = stackalloc int[Columns];
        expected.Clear();
        expected[Kind] = expected[Time] = (int)header.Count;
        int next = 0; // columns come in order, those without values are left out
        while (next < Columns)
        {
            if (expected[next] == 0)
            {
                next++;
                continue;
            }
            if (payload.Length < IntegerColumn.HeaderSize)
                return $"expected column {next}, found the end of the block";
            int id = payload[0];
            uint stored = BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]);
            if (stored > payload.Length - IntegerColumn.HeaderSize)
                return $"expected {stored} bytes of column {id}, found {payload.Length - IntegerColumn.HeaderSize}";
            ReadOnlySpan<byte> column = payload[..(int)(IntegerColumn.HeaderSize + stored)];
            payload = payload[column.Length..];
            if (id >= Columns) // of a later minor version
                continue;
            if (id != next)
                return $"expected column {next}, found column {id}";
            string? problem = IntegerColumn.Read(column, Room(id, expected[id])) ?? Check(id, expected, header.LastTicks - header.FirstTicks);
            if (problem is not null)
                return problem;
            next++;
        }
        return null;
    }

    private Span<ulong> Room(int column, int length)
    {
        ref ulong[]? values = ref _columns[column];
        if (values is null || values.Length < length)
            values = new ulong[length];
        _lengths[column] = length;
        return values.AsSpan(0, length);
    }

    /// <summary>Checks a column's values, and finds how many the columns after it must have.</summary>
    private string? Check(int column, Span<int> expected, ulong span)
    {
        ReadOnlySpan<ulong> values = _columns[column].AsSpan(0, _lengths[column]);
        switch (column)
        {
            case Kind:
                foreach (ulong value in values)
                {
                    ulong kind = value & ~(ulong)NullAddress;
                    CallFields fields = kind < 64 ? CallKinds.Table[(int)kind] : (CallFields)(-1);
                    if ((int)fields < 0)
                        return $"expected an event kind, found {value}";
                    expected[Back] += (fields & CallFields.Address) != 0 && value == kind ? 1 : 0;
                    expected[Size] += (fields & CallFields.Size) != 0 ? 1 : 0;
                    expected[Count] += (fields & CallFields.Count) != 0 ? 1 : 0;
                    expected[Alignment] += (fields & CallFields.Alignment) != 0 ? 1 : 0;
                    expected[Thread] += (fields & CallFields.Thread) != 0 ? 1 : 0;
                    expected[Duration] += _latency && !CallKinds.IsThreadEvent((CallKind)kind) ? 1 : 0;
                }
                return null;
            case Time:
                // The header's times are what is searched by: the events must have them.
                if (values[0] != 0)
                    return $"expected the first event at the block's first tick, found it {values[0]} later";
                foreach (ulong value in values)
                {
                    if (value > span)
                        return "expected no event after the block's last tick";
                    span -= value;
                }
                return span == 0 ? null : $"expected the last event at the block's last tick, found it {span} before";
            case Back:
                for (int i = 0; i < values.Length; i++)
                {
                    if (values[i] > (ulong)i)
                        return $"expected an address at most {i} events back, found {values[i]}";
                    expected[Address] += values[i] == 0 ? 1 : 0;
                }
                if (expected[Address] == 0 && values.Length > 0)
                    return "expected a first address";
                return null;
            case Address:
                ResolveAddresses();
                return null;
            case Thread:
                foreach (ulong value in values)
                    if (value > int.MaxValue)
                        return $"expected a thread index, found {value}";
                return null;
            default:
                return null;
        }
    }

    /// <summary>Puts the addresses themselves in the place of the distances.</summary>
    private void ResolveAddresses()
    {
        Span<ulong> back = _columns[Back].AsSpan(0, _lengths[Back]);
        ReadOnlySpan<ulong> fresh = _columns[Address].AsSpan(0, _lengths[Address]);
        ulong address = 0;
        int next = 0;
        for (int i = 0; i < back.Length; i++)
        {
            address = back[i] == 0 ? address + fresh[next++] : back[i - (int)back[i]];
            back[i] = address;
        }
    }
}
