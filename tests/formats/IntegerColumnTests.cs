using System.Buffers;
using System.Buffers.Binary;
using AllocReplay.Formats.Packed;

namespace AllocReplay.Tests.Formats;

/// <summary>The bytes of a column, written out by hand, and what its reader refuses.</summary>
public sealed class IntegerColumnTests
{
    private const int Seed = 20261125;
    private const byte Varint = 0, VarintLz4 = 1, BitPacked = 2;

    [Theory]
    [InlineData(false, new ulong[] { 5 }, "07 00 00 00 01000000 01000000 05")]
    [InlineData(false, new ulong[] { 127, 1 }, "07 00 00 00 02000000 02000000 7f 01")] // two bytes either way: varints stay
    [InlineData(false, new ulong[] { 128, 1 }, "07 00 00 00 03000000 03000000 80 01 01")]
    [InlineData(false, new ulong[] { 0x4000, 1 }, "07 00 00 00 04000000 04000000 80 80 01 01")]
    [InlineData(false, new ulong[] { 0, 0, 0 }, "07 02 00 00 01000000 01000000 00")]
    [InlineData(false, new ulong[] { 1, 0, 1 }, "07 02 00 00 02000000 02000000 01 05")]
    [InlineData(false, new ulong[] { 3, 1, 2 }, "07 02 00 00 02000000 02000000 02 27")]
    [InlineData(false, new ulong[] { 48, 16, 32 }, "07 02 04 00 02000000 02000000 02 27")] // as before, shifted
    [InlineData(false, new ulong[] { 1, 255, 256, 511 }, "07 02 00 00 06000000 06000000 09 01 fe 01 fc 0f")]
    [InlineData(true, new ulong[] { 1, ulong.MaxValue, 2, ulong.MaxValue - 1 }, "07 82 00 00 03000000 03000000 03 0a 07")] // 1, -1, 2, -2: zigzag 2, 1, 4, 3
    [InlineData(true, new ulong[] { 8, ulong.MaxValue - 7 }, "07 80 03 00 02000000 02000000 02 01")] // 8, -8
    [InlineData(false, new ulong[] { ulong.MaxValue }, "07 02 00 00 09000000 09000000 40 ff ff ff ff ff ff ff ff")]
    [InlineData(true, new ulong[] { 1ul << 63 }, "07 80 3f 00 01000000 01000000 01")]
    public void A_column_is_these_bytes(bool signed, ulong[] values, string expected)
    {
        byte[] column = Write(values, signed);
        Assert.Equal(expected.Replace(" ", "", StringComparison.Ordinal), Convert.ToHexStringLower(column));
        AssertReads(values, column);
    }

    [Fact]
    public void A_column_is_stored_in_whichever_encoding_is_smallest()
    {
        var random = new Random(Seed);
        ulong[] random4 = [.. Enumerable.Range(0, 1000).Select(_ => (ulong)random.Next(16))];
        ulong[] mostlySmall = [.. Enumerable.Range(0, 1000).Select(i => (ulong)(i % 50 == 0 ? random.NextInt64() : random.Next(128)))];
        ulong[] repeating = [.. Enumerable.Range(0, 1000).Select(i => (ulong)(i % 10 * 1001))];
        Assert.Equal([BitPacked, Varint, VarintLz4], ((ulong[][])[random4, mostlySmall, repeating]).Select(v => Write(v)[1]));
        // 15 whole groups of 64 values and one of 40, each with its width.
        Assert.Equal(IntegerColumn.HeaderSize + 15 * (1 + 32) + 1 + 20, Write(random4).Length);
        byte[] compressed = Write(repeating);
        Assert.Equal(100 + 900 * 2, BinaryPrimitives.ReadInt32LittleEndian(compressed.AsSpan(4)));
        Assert.InRange(compressed.Length, 30, 80);
        Assert.All([random4, mostlySmall, repeating], v => AssertReads(v, Write(v)));
    }

    [Theory]
    [InlineData("07 00 40 00 01000000 01000000 05", "expected a shift below 64, found 64")]
    [InlineData("07 00 00 00 0c000000 0c000000 05 00 00 00 00 00 00 00 00 00 00 00", "expected at most 11 bytes for 1 values, found 12")]
    [InlineData("07 00 00 00 01000000 02000000 05 00", "expected 1 bytes of a column, found 2")]
    [InlineData("07 00 00 00 02000000 02000000 05 00", "expected the end of a column after 1 bytes, found 1 more")]
    [InlineData("07 00 00 00 01000000 01000000 85", "expected 1 values in a column, found 0")]
    [InlineData("07 00 00 00 0b000000 0b000000 80 80 80 80 80 80 80 80 80 80 00", "expected 1 values in a column, found 0")]
    [InlineData("07 03 00 00 01000000 01000000 05", "expected a column encoding from 0 to 2, found 3")]
    [InlineData("07 01 00 00 02000000 02000000 10 05", "expected a column that LZ4 can decompress")]
    [InlineData("07 02 00 00 00000000 00000000", "expected 1 values in a column, found 0")]
    [InlineData("07 02 00 00 02000000 02000000 03 05 00", "expected 2 bytes of a column, found 3")]
    [InlineData("07 02 00 00 03000000 03000000 03 05 00", "expected the end of a column after 2 bytes, found 1 more")]
    [InlineData("07 02 00 00 01000000 01000000 03", "expected 1 bytes for 1 values of 3 bits, found 0")]
    [InlineData("07 02 00 00 0a000000 0a000000 41 ff ff ff ff ff ff ff ff ff", "expected 9 bytes for 1 values of 65 bits, found 9")]
    public void A_column_of_one_value_that_is_not_what_it_says_is_refused(string column, string expected) =>
        Assert.Equal(expected, IntegerColumn.Read(Bytes(column), new ulong[1]));

    [Theory]
    [InlineData("07 00 3f 00 01000000 01000000 01", 1ul << 63)]
    [InlineData("07 00 00 00 0a000000 0a000000 ff ff ff ff ff ff ff ff ff 01", ulong.MaxValue)]
    [InlineData("07 00 00 00 0a000000 0a000000 85 80 80 80 80 80 80 80 80 00", 5ul)] // longer than it need be
    [InlineData("07 01 00 00 01000000 02000000 10 05", 5ul)] // LZ4: one literal
    [InlineData("07 81 01 00 01000000 02000000 10 05", ulong.MaxValue - 5)] // 5 is -3 in zigzag; shifted -6
    [InlineData("07 02 00 00 09000000 09000000 40 ff ff ff ff ff ff ff ff", ulong.MaxValue)]
    public void The_longest_that_is_allowed_is_read(string column, ulong expected)
    {
        var values = new ulong[1];
        Assert.Null(IntegerColumn.Read(Bytes(column), values));
        Assert.Equal(expected, values[0]);
    }

    /// <summary>Values of every width at every place in a byte, in groups that are full, that are not, and beside wider ones.</summary>
    [Fact]
    public void Values_of_every_width_are_read_from_their_bits()
    {
        var random = new Random(Seed);
        for (int width = 1; width <= 64; width++)
        {
            foreach (int count in (int[])[1, 7, 63, 64, 65, 129])
            {
                // The first is odd and has its highest bit: so none is shifted, and the width is this one.
                ulong mask = ulong.MaxValue >> (64 - width);
                ulong[] values = [.. Enumerable.Range(0, count).Select(i => (ulong)random.NextInt64(long.MinValue, long.MaxValue) & mask)];
                for (int first = 0; first < count; first += 64)
                    values[first] |= 1ul << (width - 1) | 1;
                AssertReads(values, Write(values));
                AssertReads(values, Packed(values, width));
            }
        }
    }

    private static byte[] Write(ulong[] values, bool signed = false)
    {
        var output = new ArrayBufferWriter<byte>();
        IntegerColumn.Write(output, 7, (ulong[])values.Clone(), signed);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>The bit-packed form, bit by bit.</summary>
    private static byte[] Packed(ulong[] values, int width)
    {
        var bytes = new List<byte>();
        foreach (ulong[] group in values.Chunk(64))
        {
            var bits = new byte[(group.Length * width + 7) / 8];
            for (int i = 0; i < group.Length * width; i++)
                bits[i / 8] |= (byte)((group[i / width] >> (i % width) & 1) << (i % 8));
            bytes.Add((byte)width);
            bytes.AddRange(bits);
        }
        byte[] length = BitConverter.GetBytes(bytes.Count);
        return [7, BitPacked, 0, 0, .. length, .. length, .. bytes];
    }

    private static void AssertReads(ulong[] expected, byte[] column)
    {
        var values = new ulong[expected.Length];
        Assert.Null(IntegerColumn.Read(column, values));
        Assert.Equal(expected, values);
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
}
