namespace AllocReplay.Formats.Recording;

/// <summary>
/// Decodes the payload of one chunk. An event is
/// <code>
///   varint( time delta &lt;&lt; 2 | code )    code 0 free, 1 malloc, 2 calloc, 3 long form
///   [ op byte: N R kkkkkk ]             long form only: N null address, R address delta in bytes, k kind
///   [ zigzag varint address delta ]     in units of 8 bytes unless R; to the previous address of the chunk
///   [ varint size ] [ varint count ] [ varint alignment ] [ varint thread + 1 ] [ varint duration ]
/// </code>
/// Example: <c>29 04 20</c> is, 10 ticks after the event before, malloc of 32 bytes at the previous address + 16.
/// </summary>
internal struct EventDecoder
{
    private readonly bool _latency;
    private ulong _ticks;
    private ulong _address;

    /// <param name="startTicks">The chunk's base time, already shifted.</param>
    /// <param name="latency">Whether calls carry how long they took.</param>
    public EventDecoder(ulong startTicks, bool latency) => (_ticks, _latency) = (startTicks, latency);

    /// <summary>Decodes the event at <paramref name="position"/> and moves past it.</summary>
    /// <returns>null, or what was expected where; then neither the position nor the decoder has changed.</returns>
    public string? Read(ReadOnlySpan<byte> payload, ref int position, out RawEvent e)
    {
        e = default;
        int at = position;
        if (!TryVarint(payload, ref at, out ulong prefix))
            return "expected an event's time and code";
        uint code = (uint)prefix & Wire.CodeLong;
        bool raw = false;
        if (code == Wire.CodeLong)
        {
            if (at >= payload.Length)
                return "expected an op byte";
            byte op = payload[at++];
            code = (uint)(op & Wire.OpMask);
            e.IsNull = (op & Wire.OpNull) != 0;
            raw = (op & Wire.OpRaw) != 0;
        }
        CallFields fields = CallKinds.Table[(int)code];
        if ((int)fields < 0)
            return $"expected an event kind, found {code}";
        e.Kind = (CallKind)code;
        ulong address = _address;
        if ((fields & CallFields.Address) != 0 && !e.IsNull)
        {
            if (!TryVarint(payload, ref at, out ulong zigzag))
                return "expected an address";
            long delta = (long)(zigzag >> 1) ^ -(long)(zigzag & 1);
            address += (ulong)(raw ? delta : delta * Wire.AddressUnit);
            e.Address = address;
        }
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
        if (_latency && !CallKinds.IsThreadEvent(e.Kind) && !TryVarint(payload, ref at, out e.Duration))
            return "expected a duration";
        _ticks += prefix >> Wire.CodeBits;
        _address = address;
        e.Ticks = _ticks;
        position = at;
        return null;
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
