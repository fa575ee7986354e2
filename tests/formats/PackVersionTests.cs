using System.Buffers;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Packed;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>What a later version may add is passed over; what it may not is refused.</summary>
public sealed class PackVersionTests
{
    private readonly byte[] _pack;
    private readonly List<Events.Whole> _events;

    public PackVersionTests()
    {
        var recording = new RecordingWriter();
        recording.Thread(0).Malloc(10, 0x1000, 8).Malloc(20, 0x2000, 16).Free(30, 0x1000);
        recording.Thread(1).Malloc(15, 0x3000, 8).Event(25, CallKind.Calloc, 0x4000, 8, 4);
        _pack = PackFrames.Pack(recording);
        using TraceReader reader = PackFrames.Open(_pack);
        _events = Events.Merged(reader);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_frame_of_an_unknown_kind_is_passed_over(bool index)
    {
        PackFrames pack = PackFrames.Of(_pack);
        pack.Frames.Insert(1, (new FrameHeader { Kind = (FrameKind)99, Image = 7, Thread = 7, Count = 7 }, [1, 2, 3]));
        pack.Frames.Insert(0, (new FrameHeader { Kind = (FrameKind)1000 }, []));
        AssertSame(pack.Build(index), whole: index);
    }

    [Fact]
    public void A_column_of_a_later_minor_version_is_passed_over()
    {
        PackFrames pack = PackFrames.Of(_pack);
        var column = new ArrayBufferWriter<byte>();
        IntegerColumn.Write(column, 10, (ulong[])[1, 2, 3], signed: false);
        for (int i = 0; i < pack.Frames.Count; i++)
            if (pack.Frames[i].Header.Kind == FrameKind.Events)
                pack.Frames[i] = (pack.Frames[i].Header, [.. column.WrittenSpan, .. pack.Frames[i].Payload, .. column.WrittenSpan]);
        pack.VersionMinor++;
        AssertSame(pack.Build());
    }

    [Fact]
    public void A_higher_minor_version_is_read()
    {
        PackFrames pack = PackFrames.Of(_pack);
        pack.VersionMinor = ushort.MaxValue;
        AssertSame(pack.Build());

        var recording = new RecordingWriter();
        recording.Thread(0).Malloc(10, 0x1000, 8);
        using TraceReader reader = TraceReader.OpenImage(ByteFolder.OfFiles("r/p1.0", recording.Files(versionMinor: 9)));
        Assert.Single(Events.Merged(reader));
        Assert.Equal("1.9", reader.Process.FormatVersion);
    }

    [Fact]
    public void A_higher_major_version_is_refused()
    {
        PackFrames pack = PackFrames.Of(_pack);
        pack.VersionMajor = 2;
        TraceFormatException refusal = Assert.Throws<TraceFormatException>(() => PackFrames.Open(pack.Build()));
        Assert.Contains("format version 2 is not one that this program reads (1); use a newer allocreplay", refusal.Message, StringComparison.Ordinal);

        var recording = new RecordingWriter();
        refusal = Assert.Throws<TraceFormatException>(() => TraceReader.OpenImage(ByteFolder.OfFiles("r/p1.0", recording.Files(versionMajor: 2))));
        Assert.Contains("format version 2 is newer than this program reads (1); use a newer allocreplay", refusal.Message, StringComparison.Ordinal);
    }

    private void AssertSame(byte[] pack, bool whole = true)
    {
        using TraceReader reader = PackFrames.Open(pack);
        Assert.Equal(_events, Events.Merged(reader));
        Assert.Equal(whole, reader.Damage is null);
    }
}
