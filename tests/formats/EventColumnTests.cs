using System.Buffers;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using static AllocReplay.Formats.Packed.EventColumn;

namespace AllocReplay.Tests.Formats;

/// <summary>A block's columns, put together by hand: which are read, which are refused, and with what words.</summary>
public sealed class EventColumnTests
{
    private static readonly FrameHeader Four = new() { Count = 4, Interval = 3, FirstTicks = 100, LastTicks = 130 };

    /// <summary>malloc(8), free, malloc(16) of the same block again, calloc that failed.</summary>
    private static SortedDictionary<int, ulong[]> Sound => new()
    {
        [Kind] = [1, 0, 1, 2 | NullAddress],
        [Time] = [0, 10, 0, 20],
        [Back] = [0, 1, 1],
        [Address] = [0x1000],
        [Size] = [8, 16, 32],
        [Count] = [7],
    };

    [Fact]
    public void A_block_is_read_from_its_columns()
    {
        var reader = new EventBlockReader();
        Assert.Null(reader.Decode(Block(Sound), Four, CallFields.None));
        var common = new RawEvent { Interval = 3, Count = 1, OtherThread = -1 };
        Assert.Equal(
            [
                common with { Ticks = 100, Kind = CallKind.Malloc, Address = 0x1000, Size = 8 },
                common with { Ticks = 110, Kind = CallKind.Free, Address = 0x1000 },
                common with { Ticks = 110, Kind = CallKind.Malloc, Address = 0x1000, Size = 16 },
                common with { Ticks = 130, Kind = CallKind.Calloc, IsNull = true, Size = 32, Count = 7 },
            ],
            ReadAll(reader));
        Assert.False(reader.Read(out RawEvent after));
        Assert.Equal(default, after);
    }

    [Fact]
    public void Alignments_threads_and_durations_have_columns_of_their_own()
    {
        var columns = new SortedDictionary<int, ulong[]>
        {
            [Kind] = [40, 10, 42],
            [Time] = [0, 5, 5],
            [Back] = [0],
            [Address] = [0x1000],
            [Size] = [8],
            [Alignment] = [64],
            [OtherThread] = [3],
            [Duration] = [9],
        };
        var reader = new EventBlockReader();
        FrameHeader header = Four with { Count = 3, LastTicks = 110 };
        Assert.Null(reader.Decode(Block(columns), header, CallFields.Duration));
        List<RawEvent> events = ReadAll(reader);
        Assert.Equal([2, -1, -1], events.Select(e => e.OtherThread));
        Assert.Equal([(0ul, 0ul), (64ul, 9ul), (0ul, 0ul)], events.Select(e => (e.Alignment, e.Duration)));
        // The same bytes without latency: a column too many is passed over only where nothing else is missing.
        Assert.Null(reader.Decode(Block(columns), header, CallFields.None));
        Assert.All(ReadAll(reader), e => Assert.Equal(0ul, e.Duration));
    }

    [Fact]
    public void Addresses_are_told_by_the_events_before_them()
    {
        SortedDictionary<int, ulong[]> columns = Sound;
        columns[Kind] = [1, 1, 0, 0];
        columns[Back] = [0, 0, 2, 2];
        columns[Address] = [0x1000, unchecked((ulong)-0x10)];
        columns[Size] = [8, 8];
        columns.Remove(Count);
        var reader = new EventBlockReader();
        Assert.Null(reader.Decode(Block(columns), Four, CallFields.None));
        Assert.Equal([0x1000ul, 0xff0ul, 0x1000ul, 0xff0ul], ReadAll(reader).Select(e => e.Address));
    }

    [Theory]
    [InlineData(Kind, new ulong[] { 1, 0, 1, 64 }, "expected an event kind, found 64")]
    [InlineData(Kind, new ulong[] { 1, 0, 1, 63 }, "expected an event kind, found 63")]
    [InlineData(Kind, new ulong[] { 1, 0, 1, 3 | NullAddress }, "expected an event kind, found 131")]
    [InlineData(Kind, new ulong[] { 1, 0, 1, 1ul << 40 }, "expected an event kind, found 1099511627776")]
    [InlineData(Time, new ulong[] { 1, 9, 0, 20 }, "expected the first event at the block's first tick, found it 1 later")]
    [InlineData(Time, new ulong[] { 0, 10, 0, 21 }, "expected no event after the block's last tick")]
    [InlineData(Time, new ulong[] { 0, 10, 0, 19 }, "expected the last event at the block's last tick, found it 1 before")]
    [InlineData(Time, new ulong[] { 0, 10, ulong.MaxValue, 21 }, "expected no event after the block's last tick")]
    [InlineData(Back, new ulong[] { 1, 1, 1 }, "expected an address at most 0 events back, found 1")]
    [InlineData(Back, new ulong[] { 0, 1, 3 }, "expected an address at most 2 events back, found 3")]
    [InlineData(Back, new ulong[] { 0, 1, 0 }, "expected 2 values in a column, found 1")]
    public void A_column_that_cannot_be_is_refused(int column, ulong[] values, string expected)
    {
        SortedDictionary<int, ulong[]> columns = Sound;
        columns[column] = values;
        AssertRefused(expected, Block(columns), Four);
    }

    [Theory]
    [InlineData((ulong)int.MaxValue, null)]
    [InlineData(int.MaxValue + 1ul, "expected a thread index, found 2147483648")]
    public void A_thread_has_an_index_that_an_integer_holds(ulong stored, string? expected)
    {
        byte[] block = Block(new() { [Kind] = [40], [Time] = [0], [OtherThread] = [stored] });
        Assert.Equal(expected, new EventBlockReader().Decode(block, new FrameHeader { Count = 1 }, CallFields.None));
    }

    [Fact]
    public void A_block_has_at_least_one_event_and_four_in_each_byte_at_most()
    {
        byte[] block = Block(Sound), padded = [.. block, .. new byte[PackedWire.BlockEventsMax]];
        int most = block.Length * 4;
        AssertRefused($"expected 1 to {most} events in a block of {block.Length} bytes, found 0", block, Four with { Count = 0 });
        AssertRefused($"expected 1 to {most} events in a block of {block.Length} bytes, found {most + 1}", block, Four with { Count = (uint)most + 1 });
        AssertRefused($"expected 1 to 65536 events in a block of {padded.Length} bytes, found 65537", padded, Four with { Count = 65537 });

        // As many as there may be: all at one tick, in which case a column is a byte for each 64 values.
        block = Block(new() { [Kind] = [.. Enumerable.Repeat(42ul, PackedWire.BlockEventsMax)], [Time] = new ulong[PackedWire.BlockEventsMax] });
        block = [.. block, .. new byte[PackedWire.BlockEventsMax / PackedWire.EventsPerByteMax - block.Length]];
        FrameHeader full = Four with { Count = PackedWire.BlockEventsMax, LastTicks = Four.FirstTicks };
        var reader = new EventBlockReader();
        Assert.Null(reader.Decode(block, full, CallFields.None));
        Assert.Equal(PackedWire.BlockEventsMax, ReadAll(reader).Count);
        Assert.NotNull(reader.Decode(block.AsSpan(..^1), full, CallFields.None));
    }

    [Fact]
    public void Columns_stand_in_their_order_and_are_all_there()
    {
        byte[] block = Block(Sound), count = Column(Count, [7]);
        AssertRefused("expected column 5, found the end of the block", block[..^count.Length], Four);
        AssertRefused("expected column 5, found the end of the block", [.. block[..^count.Length], .. new byte[IntegerColumn.HeaderSize - 1]], Four);
        AssertRefused("expected 1 bytes of column 5, found 0", block[..^1], Four);
        AssertRefused("expected column 5, found column 6", [.. block[..^count.Length], .. Column(Alignment, [7])], Four);
        byte[] unknown = Column(All, [1, 2, 3]);
        Assert.Null(new EventBlockReader().Decode([.. block[..^count.Length], .. unknown, .. count], Four, CallFields.None));
    }

    [Fact]
    public void A_reader_that_refused_a_block_has_no_events_until_it_is_given_another()
    {
        var reader = new EventBlockReader();
        Assert.Null(reader.Decode(Block(Sound), Four, CallFields.None));
        Assert.True(reader.Read(out _));
        Assert.NotNull(reader.Decode(Block(Sound).AsSpan(..^1), Four, CallFields.None));
        Assert.False(reader.Read(out _));
        Assert.Null(reader.Decode(Block(Sound), Four, CallFields.None));
        Assert.Equal(4, ReadAll(reader).Count);
    }

    [Fact]
    public void A_writer_that_is_cleared_begins_anew()
    {
        var writer = new EventBlockWriter();
        byte[] Write(ulong address)
        {
            writer.Clear(CallFields.None);
            for (int i = 0; i < 300; i++)
                writer.Add(new RawEvent { Kind = CallKind.Malloc, Ticks = 50 + (ulong)i, Address = address + (ulong)(i % 2), Size = 8, Interval = 2 });
            Assert.Equal((300, 50ul, 349ul, 2u), (writer.Events, writer.FirstTicks, writer.LastTicks, writer.Interval));
            return writer.Encode();
        }
        byte[] first = Write(0x1000);
        Write(0x2000);
        Assert.Equal(first, Write(0x1000));
    }

    private static byte[] Block(SortedDictionary<int, ulong[]> columns) => [.. columns.SelectMany(c => Column(c.Key, c.Value))];

    private static byte[] Column(int id, ulong[] values)
    {
        var output = new ArrayBufferWriter<byte>();
        IntegerColumn.Write(output, (byte)id, (ulong[])values.Clone(), signed: id == Address);
        return output.WrittenSpan.ToArray();
    }

    private static List<RawEvent> ReadAll(EventBlockReader reader)
    {
        var events = new List<RawEvent>();
        while (reader.Read(out RawEvent e))
            events.Add(e);
        return events;
    }

    private static void AssertRefused(string expected, byte[] block, in FrameHeader header)
    {
        var reader = new EventBlockReader();
        Assert.Equal(expected, reader.Decode(block, header, CallFields.None));
        Assert.False(reader.Read(out _));
    }
}
