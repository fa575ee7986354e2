using System.Runtime.InteropServices;
using System.Text;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Recording;

/// <summary>Writes events of threads as chunks, each thread's in order: what <see cref="EventDecoder"/> reads, all in the long form.</summary>
/// <param name="output">Written to from its position.</param>
/// <param name="tickShift">Bits by which the events' times are shifted.</param>
/// <param name="optional">The optional fields that the recording has.</param>
internal sealed class ChunkWriter(Stream output, int tickShift, CallFields optional)
{
    private const int PayloadMax = 1 << 16;

    private readonly byte[] _payload = new byte[PayloadMax];
    private readonly CallFields _absent = CallKinds.Optional & ~optional;
    private ChunkHeader _header;
    private int _length;
    private ulong _ticks, _address;

    /// <summary>Ends the chunk that is begun. What follows is of a thread, from the first chunk of it on.</summary>
    public void Begin(StreamInfo thread)
    {
        Flush();
        _header = new ChunkHeader { Magic = Wire.ChunkMagic, Thread = thread.RecordedIndex, OsTid = thread.OsTid };
        Span<byte> name = _header.Name, all = Encoding.UTF8.GetBytes(thread.Name);
        all[..Math.Min(all.Length, name.Length)].CopyTo(name);
    }

    public void Add(in RawEvent e)
    {
        if (_length > 0 && (e.Interval != _header.Interval || _length > PayloadMax - Wire.EventMax))
            Flush();
        if (_length == 0)
        {
            (_header.Ticks, _header.Interval) = (e.Ticks << tickShift, e.Interval);
            (_ticks, _address) = (e.Ticks, 0);
        }
        CallFields fields = CallKinds.Table[(int)e.Kind];
        bool isAddressed = (fields & CallFields.Address) != 0;
        long difference = (long)(e.Address - _address);
        bool isRaw = difference % Wire.AddressUnit != 0;
        Put((e.Ticks > _ticks ? e.Ticks - _ticks : 0) << Wire.CodeBits | Wire.CodeLong);
        _payload[_length++] = (byte)((byte)e.Kind | (isAddressed && e.IsNull ? Wire.OpNull : 0) | (isAddressed && !e.IsNull && isRaw ? Wire.OpRaw : 0));
        if (isAddressed && !e.IsNull)
        {
            long delta = isRaw ? difference : difference / Wire.AddressUnit;
            Put((ulong)delta << 1 ^ (ulong)(delta >> 63));
            _address = e.Address;
        }
        if ((fields & CallFields.Size) != 0)
            Put(e.Size);
        if ((fields & CallFields.Count) != 0)
            Put(e.Count);
        if ((fields & CallFields.Alignment) != 0)
            Put(e.Alignment);
        if ((fields & CallFields.Thread) != 0)
            Put((ulong)(e.OtherThread + 1L));
        fields &= ~_absent;
        if ((fields & CallFields.Duration) != 0)
            Put(e.Duration);
        if ((fields & (CallFields.Stack | CallFields.FreeStack)) != 0)
            Put((ulong)e.Stack);
        _ticks = Math.Max(_ticks, e.Ticks);
    }

    /// <summary>Ends the chunk that is begun.</summary>
    public void Flush()
    {
        if (_length == 0)
            return;
        _header.Length = (uint)_length;
        output.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<ChunkHeader>(in _header)));
        output.Write(_payload, 0, _length);
        _header.Sequence++;
        _length = 0;
    }

    private void Put(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            _payload[_length++] = (byte)(value | 0x80);
        _payload[_length++] = (byte)value;
    }
}
