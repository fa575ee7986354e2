using System.Buffers.Binary;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Recording;

/// <summary>
/// Decodes the payload of one chunk. The two low bits of the first byte tell an event's form: 0 free, 1 malloc, 2 calloc are short.
/// <code>
///   short:  32 bits: code 2, time delta 6 (63: a varint follows), address delta / 8 signed 24
///   long:   varint( time delta &lt;&lt; 2 | 3 ), byte: N null address, R address delta in bytes, k 6 bits kind
///           [ zigzag varint address delta, in units of 8 bytes unless R ]
///   both:   [ varint size ] [ varint count ] [ varint alignment ] [ varint thread + 1 ] [ varint duration ] [ varint stack ]
/// </code>
/// Address deltas are to the previous address of the chunk.
/// Example: <c>29 02 00 00 20</c> is, 10 ticks after the event before, malloc of 32 bytes at the previous address + 16.
/// </summary>
internal struct EventDecoder
{
    private readonly CallFields _absent; // of the optional ones
    private ulong _ticks;
    private ulong _address;

    /// <summary>Time of the last event, shifted; before the first, the chunk's base time.</summary>
    public readonly ulong Ticks => _ticks;

    /// <param name="startTicks">The chunk's base time, already shifted.</param>
    /// <param name="optional">The optional fields that the recording has.</param>
    public EventDecoder(ulong startTicks, CallFields optional) => (_ticks, _absent) = (startTicks, CallKinds.Optional & ~optional);

    /// <summary>Decodes the event at <paramref name="position"/> and moves past it.</summary>
    /// <returns>null, or what was expected where; then neither the position nor the decoder has changed.</returns>
    public string? Read(ReadOnlySpan<byte> payload, ref int position, out RawEvent e)
    {
        e = default;
        int at = position;
        if (at >= payload.Length)
            return "expected an event";
        uint code = payload[at] & Wire.CodeLong;
        ulong time;
        ulong address = _address;
        CallFields fields;
        if (code != Wire.CodeLong)
        {
            if (!BinaryPrimitives.TryReadUInt32LittleEndian(payload[at..], out uint word))
                return "expected the four bytes of an event's short form";
            at += sizeof(uint);
            time = word >> Wire.CodeBits & Wire.ShortTime;
            if (time == Wire.ShortTime && !TryVarint(payload, ref at, out time))
                return "expected an event's time";
            fields = CallKinds.Table[(int)code];
            address += (ulong)((long)((int)word >> Wire.ShortAddressBit) * Wire.AddressUnit);
            e.Address = address;
        }
        else
        {
            if (!TryVarint(payload, ref at, out time))
                return "expected an event's time and code";
            time >>= Wire.CodeBits;
            if (at >= payload.Length)
                return "expected an op byte";
            byte op = payload[at++];
            code = (uint)(op & Wire.OpMask);
            e.IsNull = (op & Wire.OpNull) != 0;
            fields = CallKinds.Table[(int)code];
            if ((int)fields < 0)
                return $"expected an event kind, found {code}";
            if ((fields & CallFields.Address) != 0 && !e.IsNull)
            {
                if (!TryVarint(payload, ref at, out ulong zigzag))
                    return "expected an address";
                long delta = (long)(zigzag >> 1) ^ -(long)(zigzag & 1);
                address += (ulong)((op & Wire.OpRaw) != 0 ? delta : delta * Wire.AddressUnit);
                e.Address = address;
            }
        }
        e.Kind = (CallKind)code;
        if ((fields & CallFields.Size) != 0 && !TryVarint(payload, ref at, out e.Size))
            return "expected a size";
        e.Count = 1;
        if ((fields & CallFields.Count) != 0 && !TryVarint(payload, ref at, out e.Count))
            return "expected a count";
        if ((fields & CallFields.Alignment) != 0 && !TryVarint(payload, ref at, out e.Alignment))
            return "expected an alignment";
        e.OtherThread = -1;
        if ((fields & CallFields.Thread) != 0)
        {
            if (!TryVarint(payload, ref at, out ulong thread) || thread > int.MaxValue)
                return "expected a thread index";
            e.OtherThread = (int)thread - 1;
        }
        fields &= ~_absent;
        if ((fields & CallFields.Duration) != 0 && !TryVarint(payload, ref at, out e.Duration))
            return "expected a duration";
        if ((fields & (CallFields.Stack | CallFields.FreeStack)) != 0)
        {
            if (!TryVarint(payload, ref at, out ulong stack) || stack > int.MaxValue)
                return "expected a stack's number";
            e.Stack = (int)stack;
        }
        if (time > ulong.MaxValue - _ticks)
            return "expected a time that the counter can reach";
        _ticks += time;
        _address = address;
        e.Ticks = _ticks;
        position = at;
        return null;
    }

    /// <summary>Comes by the events before a place in the payload.</summary>
    /// <returns>null, or what was expected where.</returns>
    public string? PassOver(ReadOnlySpan<byte> payload, ref int position, int to)
    {
        while (position < to)
            if (Read(payload, ref position, out _) is { } problem)
                return problem;
        return position == to ? null : $"expected an event to begin at byte {to} of the chunk";
    }

    private static bool TryVarint(ReadOnlySpan<byte> payload, ref int position, out ulong value)
    {
        int at = position;
        value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if ((uint)at >= (uint)payload.Length)
                return false;
            byte b = payload[at++];
            value |= (ulong)(b & 0x7f) << shift;
            if (b < 0x80)
            {
                position = at;
                return true;
            }
        }
        return false;
    }
}
