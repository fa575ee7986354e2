using System.Buffers;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using static AllocReplay.Formats.Packed.EventColumn;

namespace AllocReplay.Formats.Packed;

/// <summary>A block that is being filled. Used again for the next, as its columns are large.</summary>
internal sealed class EventBlockWriter
{
    private readonly ulong[]?[] _columns = new ulong[All][];
    private readonly int[] _lengths = new int[All];
    private readonly Dictionary<ulong, int> _seen = []; // by address: the ordinal of the last event that had it
    private ulong _address;
    private int _addressed;
    private CallFields _absent; // of the optional fields

    /// <summary>Events in the block.</summary>
    public int Events => _lengths[Kind];

    public uint Interval { get; private set; }

    /// <inheritdoc cref="RawEvent.IsCarried"/>
    public bool IsCarried { get; private set; }

    public ulong FirstTicks { get; private set; }

    public ulong LastTicks { get; private set; }

    /// <summary>Empties the block, to be filled by <see cref="Add"/>.</summary>
    public void Clear(CallFields optional)
    {
        Array.Clear(_lengths);
        _seen.Clear();
        _address = 0;
        _addressed = 0;
        _absent = CallKinds.Optional & ~optional;
    }

    public void Add(in RawEvent e)
    {
        if (Events == 0)
            (FirstTicks, LastTicks, Interval, IsCarried) = (e.Ticks, e.Ticks, e.Interval, e.IsCarried);
        CallFields fields = CallKinds.Table[(int)e.Kind] & ~_absent;
        Append(Kind, (ulong)e.Kind | (e.IsNull ? NullAddress : 0ul));
        Append(Time, e.Ticks - LastTicks);
        LastTicks = e.Ticks;
        if ((fields & CallFields.Address) != 0 && !e.IsNull)
        {
            ref int last = ref CollectionsMarshal.GetValueRefOrAddDefault(_seen, e.Address, out bool seen);
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
            Append(OtherThread, (ulong)(e.OtherThread + 1L));
        if ((fields & CallFields.Duration) != 0)
            Append(Duration, e.Duration);
        if ((fields & (CallFields.Stack | CallFields.FreeStack)) != 0)
            Append(Stack, (ulong)e.Stack);
    }

    /// <summary>Encodes the columns. The block must be cleared before it is used again.</summary>
    public byte[] Encode()
    {
        var output = new ArrayBufferWriter<byte>(Events * 4 + 256);
        for (int c = 0; c < All; c++)
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
}
