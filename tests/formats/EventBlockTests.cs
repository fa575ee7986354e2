using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;

namespace AllocReplay.Tests.Formats;

/// <summary>Blocks of events that compress to next to nothing: they are padded, so that a small file cannot make a reader allocate much.</summary>
public sealed class EventBlockTests
{
    [Theory]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(4098)]
    [InlineData(4099)]
    [InlineData(PackedWire.BlockEventsMax)]
    public void A_block_of_equal_events_has_a_byte_for_every_four_and_is_read_back(int events)
    {
        byte[] block = Encode(events);
        Assert.Equal((events + 3) / 4, block.Length);
        var reader = new EventBlockReader();
        Assert.Null(reader.Decode(block, HeaderOf(events, block), CallFields.None));
        int read = 0;
        while (reader.Read(out RawEvent e))
            read += e is { Kind: CallKind.Free, IsNull: true, Ticks: 1000 } ? 1 : 0;
        Assert.Equal(events, read);
    }

    [Fact]
    public void A_block_with_a_byte_less_is_refused() // the control
    {
        byte[] block = Encode(4097)[..^1];
        Assert.Contains("expected 1 to 4096 events in a block of 1024 bytes, found 4097",
            new EventBlockReader().Decode(block, HeaderOf(4097, block), CallFields.None), StringComparison.Ordinal);
    }

    [Fact]
    public void A_block_that_is_long_enough_is_not_padded()
    {
        byte[] block = Encode(1);
        Assert.Equal(2 * (IntegerColumn.HeaderSize + 1), block.Length);
    }

    private static byte[] Encode(int events)
    {
        var writer = new EventBlockWriter();
        writer.Clear(CallFields.None);
        for (int i = 0; i < events; i++)
            writer.Add(new RawEvent { Kind = CallKind.Free, IsNull = true, Ticks = 1000, Interval = 1 });
        return writer.Encode();
    }

    private static FrameHeader HeaderOf(int events, byte[] block) =>
        new() { Kind = FrameKind.Events, Count = (uint)events, Length = (uint)block.Length, Interval = 1, FirstTicks = 1000, LastTicks = 1000 };
}
