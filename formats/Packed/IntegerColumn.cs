using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using K4os.Compression.LZ4;

namespace AllocReplay.Formats.Packed;

/// <summary>
/// A column of integers. It is stored as varints, as varints compressed by LZ4, or bit-packed, whichever is smallest: LZ4 wins
/// where a program repeats itself, bit-packing where values are small but random.
/// <code>
///   byte  id
///   byte  encoding: 0 varint, 1 varint + LZ4, 2 bit-packed; + 0x80: values are zigzag
///   byte  shift: low zero bits that all values had, and that are left out
///   byte  0
///   u32   bytes of the encoding, before LZ4
///   u32   bytes that follow
/// </code>
/// Bit-packed: for each 64 values, a byte that is their width in bits, then their bits, the lowest first, in whole bytes. The last
/// group has the rest.
/// </summary>
internal static class IntegerColumn
{
    public const int HeaderSize = 12;
    private const int Group = 64;
    /// <summary>LZ4 makes nothing shorter of less, and its table costs more than such a column.</summary>
    private const int Lz4Min = 13;
    private const byte Varint = 0;
    private const byte VarintLz4 = 1;
    private const byte BitPacked = 2;
    private const byte Zigzag = 0x80;

    /// <summary>Appends a column. The values are used up: they are changed.</summary>
    public static void Write(ArrayBufferWriter<byte> output, byte id, Span<ulong> values, bool signed)
    {
        ulong all = 0;
        foreach (ulong v in values)
            all |= v;
        int shift = all == 0 ? 0 : BitOperations.TrailingZeroCount(all);
        for (int i = 0; i < values.Length; i++)
        {
            long v = (long)values[i] >> shift;
            values[i] = signed ? (ulong)(v << 1 ^ v >> 63) : values[i] >> shift;
        }
        byte[] varints = ArrayPool<byte>.Shared.Rent(values.Length * 10);
        int varintLength = WriteVarints(varints, values);
        int packedLength = PackedLength(values);
        byte[] lz4 = ArrayPool<byte>.Shared.Rent(LZ4Codec.MaximumOutputSize(varintLength));
        int lz4Length = varintLength < Lz4Min ? 0 : LZ4Codec.Encode(varints.AsSpan(0, varintLength), lz4);
        int stored = Math.Min(varintLength, packedLength);
        bool useLz4 = lz4Length > 0 && lz4Length < stored;
        bool usePacked = !useLz4 && packedLength < varintLength;
        stored = useLz4 ? lz4Length : stored;

        Span<byte> to = output.GetSpan(HeaderSize + stored);
        to[0] = id;
        to[1] = (byte)((useLz4 ? VarintLz4 : usePacked ? BitPacked : Varint) | (signed ? Zigzag : 0));
        to[2] = (byte)shift;
        to[3] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(to[4..], usePacked ? packedLength : varintLength);
        BinaryPrimitives.WriteInt32LittleEndian(to[8..], stored);
        if (usePacked)
            WritePacked(to[HeaderSize..], values);
        else
            (useLz4 ? lz4 : varints).AsSpan(0, stored).CopyTo(to[HeaderSize..]);
        output.Advance(HeaderSize + stored);
        ArrayPool<byte>.Shared.Return(varints);
        ArrayPool<byte>.Shared.Return(lz4);
    }

    /// <summary>Reads the values of a column, whose header is the first 12 bytes.</summary>
    /// <returns>null, or what was expected. Then the values are undefined.</returns>
    public static string? Read(ReadOnlySpan<byte> column, Span<ulong> values)
    {
        int encoding = column[1] & ~Zigzag, shift = column[2];
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(column[4..]);
        ReadOnlySpan<byte> stored = column[HeaderSize..];
        if (shift > 63)
            return $"expected a shift below 64, found {shift}";
        // Any encoding needs at most ten bytes a value, and a byte for each group.
        if (length > 11L * values.Length)
            return $"expected at most {11L * values.Length} bytes for {values.Length} values, found {length}";
        string? problem;
        if (encoding == VarintLz4)
        {
            byte[] varints = ArrayPool<byte>.Shared.Rent((int)length);
            int n = LZ4Codec.Decode(stored, varints.AsSpan(0, (int)length));
            problem = n == length ? ReadVarints(varints.AsSpan(0, n), values) : "expected a column that LZ4 can decompress";
            ArrayPool<byte>.Shared.Return(varints);
        }
        else if (length != stored.Length)
            return $"expected {length} bytes of a column, found {stored.Length}";
        else if (encoding == BitPacked)
            problem = ReadPacked(stored, values);
        else if (encoding == Varint)
            problem = ReadVarints(stored, values);
        else
            return $"expected a column encoding from 0 to 2, found {encoding}";
        if (problem is not null)
            return problem;
        if ((column[1] & Zigzag) != 0)
            for (int i = 0; i < values.Length; i++)
                values[i] = (values[i] >> 1 ^ (ulong)-(long)(values[i] & 1)) << shift;
        else if (shift > 0)
            for (int i = 0; i < values.Length; i++)
                values[i] <<= shift;
        return null;
    }

    private static int WriteVarints(Span<byte> to, ReadOnlySpan<ulong> values)
    {
        int at = 0;
        foreach (ulong value in values)
        {
            ulong v = value;
            for (; v >= 0x80; v >>= 7)
                to[at++] = (byte)(v | 0x80);
            to[at++] = (byte)v;
        }
        return at;
    }

    private static string? ReadVarints(ReadOnlySpan<byte> bytes, Span<ulong> values)
    {
        int at = 0;
        for (int i = 0; i < values.Length; i++)
        {
            ulong value = 0;
            for (int shift = 0; ; shift += 7)
            {
                if ((uint)at >= (uint)bytes.Length || shift > 63)
                    return $"expected {values.Length} values in a column, found {i}";
                byte b = bytes[at++];
                value |= (ulong)(b & 0x7f) << shift;
                if (b < 0x80)
                    break;
            }
            values[i] = value;
        }
        return at == bytes.Length ? null : $"expected the end of a column after {at} bytes, found {bytes.Length - at} more";
    }

    private static int WidthOf(ReadOnlySpan<ulong> group)
    {
        ulong all = 0;
        foreach (ulong v in group)
            all |= v;
        return 64 - BitOperations.LeadingZeroCount(all);
    }

    private static int PackedLength(ReadOnlySpan<ulong> values)
    {
        int length = 0;
        for (int at = 0; at < values.Length; at += Group)
        {
            ReadOnlySpan<ulong> group = values[at..Math.Min(at + Group, values.Length)];
            length += 1 + (group.Length * WidthOf(group) + 7) / 8;
        }
        return length;
    }

    private static void WritePacked(Span<byte> to, ReadOnlySpan<ulong> values)
    {
        int byteAt = 0;
        for (int at = 0; at < values.Length; at += Group)
        {
            ReadOnlySpan<ulong> group = values[at..Math.Min(at + Group, values.Length)];
            int width = WidthOf(group);
            to[byteAt++] = (byte)width;
            UInt128 bits = 0;
            int held = 0;
            foreach (ulong v in group)
            {
                bits |= (UInt128)v << held;
                for (held += width; held >= 8; held -= 8, bits >>= 8)
                    to[byteAt++] = (byte)bits;
            }
            if (held > 0)
                to[byteAt++] = (byte)bits;
        }
    }

    private static string? ReadPacked(ReadOnlySpan<byte> bytes, Span<ulong> values)
    {
        int byteAt = 0;
        // Eight bytes past any group can be loaded, so that a value is one or two loads.
        for (int at = 0; at < values.Length; at += Group)
        {
            Span<ulong> group = values[at..Math.Min(at + Group, values.Length)];
            if (byteAt >= bytes.Length)
                return $"expected {values.Length} values in a column, found {at}";
            int width = bytes[byteAt++], length = (group.Length * width + 7) / 8;
            if (width > 64 || length > bytes.Length - byteAt)
                return $"expected {length} bytes for {group.Length} values of {width} bits, found {bytes.Length - byteAt}";
            Unpack(bytes[byteAt..], width, group);
            byteAt += length;
        }
        return byteAt == bytes.Length ? null : $"expected the end of a column after {byteAt} bytes, found {bytes.Length - byteAt} more";
    }

    private static void Unpack(ReadOnlySpan<byte> bytes, int width, Span<ulong> group)
    {
        ulong mask = width == 64 ? ulong.MaxValue : (1ul << width) - 1;
        int bit = 0;
        for (int i = 0; i < group.Length; i++, bit += width)
        {
            int at = bit >> 3, low = bit & 7;
            ulong v = Load(bytes, at) >> low;
            if (low + width > 64)
                v |= (ulong)bytes[at + 8] << (64 - low);
            group[i] = v & mask;
        }
    }

    private static ulong Load(ReadOnlySpan<byte> bytes, int at)
    {
        if (bytes.Length - at >= sizeof(ulong))
            return BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
        ulong v = 0;
        for (int i = bytes.Length - 1; i >= at; i--)
            v = v << 8 | bytes[i];
        return v;
    }
}
