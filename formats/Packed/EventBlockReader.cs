using System.Buffers.Binary;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using static AllocReplay.Formats.Packed.EventColumn;

namespace AllocReplay.Formats.Packed;

/// <summary>A block that is being read. Everything in it is checked before the first event is given.</summary>
internal sealed class EventBlockReader
{
    private readonly ulong[]?[] _columns = new ulong[All][];
    private readonly int[] _lengths = new int[All];
    private readonly int[] _next = new int[All];
    private uint _interval;
    private bool _isCarried;
    private ulong _ticks;
    private CallFields _absent; // of the optional fields

    /// <summary>Takes a block that <see cref="EventBlockWriter.Encode"/> wrote, to be read by <see cref="Read"/>.</summary>
    /// <returns>null, or what was expected. Then the block is empty.</returns>
    public string? Decode(ReadOnlySpan<byte> payload, in FrameHeader header, CallFields optional)
    {
        Array.Clear(_lengths);
        Array.Clear(_next);
        string? problem = DecodeColumns(payload, header, optional);
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
        e.Interval = _interval;
        e.IsCarried = _isCarried;
        e.Count = 1;
        e.OtherThread = -1;
        _next[Kind] = i + 1;
        CallFields fields = CallKinds.Table[(int)e.Kind] & ~_absent;
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
                e.OtherThread = (int)_columns[OtherThread]![_next[OtherThread]++] - 1;
            if ((fields & CallFields.Duration) != 0)
                e.Duration = _columns[Duration]![_next[Duration]++];
            if ((fields & (CallFields.Stack | CallFields.FreeStack)) != 0)
                e.Stack = (int)_columns[Stack]![_next[Stack]++];
        }
        return true;
    }

    private string? DecodeColumns(ReadOnlySpan<byte> payload, in FrameHeader header, CallFields optional)
    {
        if (header.Count is 0 or > PackedWire.BlockEventsMax || header.Count > (ulong)payload.Length * PackedWire.EventsPerByteMax)
            return $"expected 1 to {Math.Min(PackedWire.BlockEventsMax, (long)payload.Length * PackedWire.EventsPerByteMax)} "
                + $"events in a block of {payload.Length} bytes, found {header.Count}";
        _absent = CallKinds.Optional & ~optional;
        _ticks = header.FirstTicks;
        _interval = header.Interval;
        _isCarried = header.Kind == FrameKind.Carried;
        Span<int> expected = stackalloc int[All];
        expected.Clear();
        expected[Kind] = expected[Time] = (int)header.Count;
        int next = 0; // columns come in order, those without values are left out
        while (next < All)
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
            if (id >= All) // of a later minor version
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
                    fields &= ~_absent;
                    expected[Back] += (fields & CallFields.Address) != 0 && value == kind ? 1 : 0;
                    expected[Size] += (fields & CallFields.Size) != 0 ? 1 : 0;
                    expected[Count] += (fields & CallFields.Count) != 0 ? 1 : 0;
                    expected[Alignment] += (fields & CallFields.Alignment) != 0 ? 1 : 0;
                    expected[OtherThread] += (fields & CallFields.Thread) != 0 ? 1 : 0;
                    expected[Duration] += (fields & CallFields.Duration) != 0 ? 1 : 0;
                    expected[Stack] += (fields & (CallFields.Stack | CallFields.FreeStack)) != 0 ? 1 : 0;
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
            case OtherThread:
                foreach (ulong value in values)
                    if (value > int.MaxValue)
                        return $"expected a thread index, found {value}";
                return null;
            case Stack:
                foreach (ulong value in values)
                    if (value > int.MaxValue)
                        return $"expected a stack's number, found {value}";
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
