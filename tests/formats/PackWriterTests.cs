using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Recording;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>How events are cut into blocks, and what is on disk before and after.</summary>
public sealed class PackWriterTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Recording => _directory["r"];

    private string Pack => _directory["r.alloctrace"];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(0, 65536)]
    [InlineData(1, 65536)]
    [InlineData(32, 65536)]
    [InlineData(33, 63550)]
    [InlineData(1024, 2048)]
    [InlineData(1025, 2048)]
    [InlineData(1_000_000, 2048)]
    public void A_block_of_each_thread_is_some_two_million_events(int threads, int events) => Assert.Equal(events, TracePacker.EventsPerBlock(threads));

    [Fact]
    public void Blocks_are_full_of_one_interval_and_in_order_of_their_first_events()
    {
        var recording = new RecordingWriter();
        for (int i = 0; i < 7; i++)
            recording.Thread(0).Malloc(80 * (i + 1), 0x1000 + 0x100ul * (ulong)i, 8);
        recording.Thread(0).Interval(2).Malloc(800, 0x9000, 8);
        recording.Thread(1).Malloc(200, 0x8000, 8).Malloc(5000, 0x8100, 8);
        recording.Thread(2).Malloc(8, 0x7000, 8);
        using TraceReader reader = PackFrames.Open(recording);
        byte[] pack = PackFrames.Pack(reader, blockEvents: 3);
        Assert.Equal(
            [(2u, 1u, 1u), (0, 3, 1), (1, 2, 1), (0, 3, 1), (0, 1, 1), (0, 1, 2)],
            PackFrames.Of(pack).Frames.Where(f => f.Header.Kind == FrameKind.Events).Select(f => (f.Header.Thread, f.Header.Count, f.Header.Interval)));
        using TraceReader packed = PackFrames.Open(pack);
        Assert.Equal(packed.EventBytes, packed.Source.EventBytesOf(1) + packed.Source.EventBytesOf(2));
        Assert.InRange(packed.Source.EventBytesOf(2), 64, packed.EventBytes / 4);
        Assert.Equal(0, packed.Source.EventBytesOf(3));
        Assert.Equal(0, packed.Progress);
        while (packed.Read(out _))
        {
        }
        Assert.Equal(1, packed.Progress);
        // Beyond the first block of thread 0, and all of thread 2, nothing of which is loaded.
        packed.Seek(300);
        Assert.Equal(6, Events.Merged(packed).Count);
        Assert.InRange(packed.Progress, 0.5, 0.9);
    }

    [Fact]
    public void A_pack_has_its_name_when_it_is_whole_and_only_its_owner_reads_it()
    {
        Write(4);
        File.WriteAllText(Pack, "what was there before");
        using (var writer = new PackWriter(Pack))
        {
            string temporary = Assert.Single(Files(), f => f.StartsWith(".r.alloctrace.", StringComparison.Ordinal));
            Assert.Equal("what was there before", File.ReadAllText(Pack));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_directory[temporary]));
        }
        Assert.Equal(["r", "r.alloctrace"], Files());
        Assert.Equal("what was there before", File.ReadAllText(Pack));
        var reports = new Shares();
        PackResult result = TracePacker.Pack(Recording, Pack, progress: reports, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal((1, 4L, new FileInfo(Pack).Length, null), (result.Images, result.Events, result.Bytes, result.Damage));
        Assert.Equal(["r", "r.alloctrace"], Files());
        Assert.Equal(1, reports.Last);
        using TraceReader reader = TraceReader.Open(Pack);
        Assert.Equal(4, Events.Merged(reader).Count);
        Assert.Null(reader.Damage);
    }

    [Fact]
    public void A_pack_of_several_images_has_them_all_and_says_what_is_done_of_all()
    {
        Write(300, "p1.0");
        Write(500, "p2.0");
        var reports = new Shares();
        PackResult result = TracePacker.Pack(Recording, Pack, progress: reports, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal((2, 800L), (result.Images, result.Events));
        Assert.Equal(2, reports.Count);
        Assert.InRange(reports.First, 0.35, 0.65);
        Assert.Equal(1, reports.Last);
        foreach ((string image, int events) in ((string, int)[])[("p1.0", 300), ("p2.0", 500)])
        {
            using TraceReader reader = TraceReader.Open(Pack, image);
            Assert.Equal(events, Events.Merged(reader).Count);
        }
    }

    [Fact]
    public void What_is_cancelled_or_damaged_leaves_nothing()
    {
        Write(4);
        Assert.Throws<OperationCanceledException>(() => TracePacker.Pack(Recording, Pack, cancellation: new CancellationToken(canceled: true)));
        Assert.Equal(["r"], Files());
        string tails = Path.Combine(Recording, RecordingWriter.ImageName, "tails");
        byte[] bytes = File.ReadAllBytes(tails);
        (bytes[64 + 5], bytes[64 + 6]) = ((byte)Wire.CodeLong, 63); // the second event is of no kind
        File.WriteAllBytes(tails, bytes);
        if (TraceIsWhole())
            Assert.Fail("the change was to be damage");
        Assert.Throws<TraceDamagedException>(() => TracePacker.Pack(Recording, Pack, cancellation: TestContext.Current.CancellationToken));
        Assert.Equal(["r"], Files());
        PackResult partial = TracePacker.Pack(Recording, Pack, partial: true, cancellation: TestContext.Current.CancellationToken);
        Assert.NotNull(partial.Damage);
        using TraceReader reader = TraceReader.Open(Pack);
        Assert.Equal($"{Pack}: packed from a damaged recording: {partial.Damage.Message}", reader.Damage!.Message);
    }

    [Fact]
    public void The_image_that_is_written_last_stands_before_its_blocks_which_are_sorted()
    {
        using (var writer = new PackWriter(Pack))
        {
            foreach ((int thread, ulong ticks) in ((int, ulong)[])[(1, 900), (0, 700), (1, 900), (0, 800)])
            {
                EventBlockWriter block = writer.NewBlock(CallFields.None);
                block.Add(new RawEvent { Kind = CallKind.Malloc, Ticks = ticks, Address = 0x1000 * ticks, Size = ticks, Count = 1, Interval = 1 });
                writer.WriteBlock(0, thread, block);
            }
            writer.WriteImageBefore(Metadata());
            writer.WriteImageEnd(0, new ImageEnd { Events = 4, Damage = null });
            Assert.False(File.Exists(Pack));
            writer.Complete();
        }
        Assert.Equal(["r.alloctrace"], Files());
        Assert.Equal([FrameKind.Image, FrameKind.Events, FrameKind.Events, FrameKind.Events, FrameKind.Events, FrameKind.ImageEnd],
            PackFrames.Of(File.ReadAllBytes(Pack)).Frames.Select(f => f.Header.Kind));
        using TraceReader reader = TraceReader.Open(Pack);
        Assert.Equal([700ul, 800, 900, 900], Events.Merged(reader).Select(e => e.Size));
        Assert.Null(reader.Damage);
    }

    private static ImageMetadata Metadata()
    {
        var two = new RecordingWriter();
        two.Thread(0).Malloc(8, 0x1000, 8);
        two.Thread(1).Malloc(8, 0x2000, 8);
        using TraceReader reader = PackFrames.Open(two);
        return new ImageMetadata
        {
            Name = "p1.0",
            Process = reader.Source.Info,
            Clock = reader.Source.Clock.Rate,
            Threads = [.. reader.Source.Threads],
            Intervals = [],
            Markers = [],
            Maps = "",
        };
    }

    private void Write(int events, string image = RecordingWriter.ImageName)
    {
        var writer = new RecordingWriter(Recording, image);
        for (int i = 0; i < events; i++)
            writer.Thread(0).Malloc(80 * (i + 1), 0x1000 + 0x100ul * (ulong)i, 8);
        writer.Save();
    }

    private bool TraceIsWhole()
    {
        using TraceReader reader = TraceReader.Open(Recording);
        while (reader.Read(out _))
        {
        }
        return reader.Damage is null;
    }

    private string[] Files() => [.. Directory.GetFileSystemEntries(_directory.Path).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private sealed class Shares : IProgress<double>
    {
        private readonly List<double> _shares = [];

        public int Count => _shares.Count;
        public double First => _shares[0];
        public double Last => _shares[^1];

        public void Report(double value) => _shares.Add(value);
    }
}
