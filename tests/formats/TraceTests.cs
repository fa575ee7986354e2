using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Recording;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>A session is opened and listed once, each of its images read by itself, and of each as much as is asked for.</summary>
public sealed class TraceTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string Pack => _directory["t.alloctrace"];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_trace_gives_readers_of_all_its_images(bool packed)
    {
        WriteImage("p1.0", 1);
        WriteImage("p2.0", 1000);
        WriteImage("p3.0", 10);
        using Trace trace = Open(packed);
        Assert.Equal(3, trace.ImageCount);
        Assert.Equal(["p2.0", "p3.0", "p1.0"], trace.Images.Select(i => i.Name));
        using TraceReader busiest = trace.OpenImage(), least = trace.OpenImage("p1.0");
        Assert.Equal(("p2.0", 1000), (busiest.Image, Events(busiest).Count));
        Assert.Equal(("p1.0", 1), (least.Image, Events(least).Count));
        Assert.Contains("there are p2.0, p3.0, p1.0", Assert.Throws<TracePartException>(() => trace.OpenImage("p4.0")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_range_is_from_the_first_mark_to_the_first_later_one(bool packed)
    {
        WriteMarked();
        using Trace trace = Open(packed);
        Assert.Equal([800, 2400, 4000, 5600, 7200], Times(trace, null));
        Assert.Equal([2400, 4000], Times(trace, new() { FromMark = "begin", ToMark = "end" }));
        Assert.Equal([2400, 4000, 5600, 7200], Times(trace, new() { FromMark = "begin" }));
        Assert.Equal([2400, 4000], Times(trace, new() { FromMark = "begin", ToMark = "begin" }));
        Assert.Equal([800], Times(trace, new() { ToMark = "end" }));
        Assert.Equal([800, 2400], Times(trace, new() { ToNs = 4000 }));
        Assert.Equal([4000, 5600], Times(trace, new() { FromNs = 4000, ToNs = 7200 }));
        Assert.Equal([2400], Times(trace, new() { FromMark = "begin", ToMark = "end", ToNs = 3000 }));
        Assert.Equal([5600, 7200], Times(trace, new() { Interval = 2 }));
        Assert.Equal([7200], Times(trace, new() { Interval = 2, FromMark = "late" }));
    }

    /// <summary>Its drain read the clocks before the last chunks were begun, which carry no pair of their own.</summary>
    [Fact]
    public void A_drained_image_has_its_times_from_the_second_pair()
    {
        var writer = new RecordingWriter(_directory["r.allocrec"]) { Drained = true };
        writer.Thread(0).Malloc(800, 0x1000, 8).Malloc(2_400_000, 0x2000, 8).Flush().Malloc(3_200_000, 0x3000, 8);
        writer.Save();
        using Trace trace = Open(packed: false);
        Assert.Equal([800, 2_400_000, 3_200_000], Times(trace, null));
    }

    [Fact]
    public void A_block_from_before_a_range_is_known_when_it_is_released_in_it()
    {
        WriteMarked();
        using Trace trace = Open(packed: false);
        using TraceReader reader = trace.OpenImage(range: new() { FromMark = "begin", ToMark = "end" });
        List<TraceEvent> events = Events(reader);
        Assert.Equal((CallKind.Free, 0L), (events[1].Kind, events[1].Object));
        Assert.Equal(default, reader.Merge);
    }

    [Fact]
    public void The_departures_of_a_merge_are_counted_where_they_fall_into_the_range()
    {
        var writer = new RecordingWriter(_directory["r.allocrec"]);
        writer.Thread(0).Malloc(800, 0x1000, 8).Malloc(1600, 0x1000, 8).Malloc(2_400_000, 0x2000, 8).Malloc(3_200_000, 0x3000, 8);
        writer.Save();
        using Trace trace = Open(packed: false);
        using TraceReader first = trace.OpenImage(range: new() { ToNs = 2_000_000 }), last = trace.OpenImage(range: new() { FromNs = 2_000_000 });
        Assert.Equal((2, 2), (Events(first).Count, Events(last).Count));
        Assert.Equal((new MergeStatistics(1, 1, 0, 1), default), (first.Merge, last.Merge));
    }

    [Fact]
    public void A_range_is_read_again_after_seeking_back_and_by_thread()
    {
        WriteMarked();
        using Trace trace = Open(packed: false);
        using TraceReader reader = trace.OpenImage(range: new() { FromMark = "begin", ToMark = "end" });
        Assert.Equal(2, Events(reader).Count);
        reader.Seek(3000);
        Assert.Equal([4000L], Events(reader).Select(e => e.TimeNs));
        Assert.Equal([2400L, 4000], reader.ReadThread(0).Select(e => e.TimeNs));
    }

    [Theory]
    [InlineData("nowhere", null, "no mark nowhere; there are end, begin, late")]
    [InlineData(null, "nowhere", "no mark nowhere; there are end, begin, late")]
    [InlineData("late", "begin", "no mark begin after the beginning of what is to be read")]
    public void A_mark_that_is_not_there_is_refused(string? from, string? to, string problem)
    {
        WriteMarked();
        using Trace trace = Open(packed: false);
        TracePartException refusal = Assert.Throws<TracePartException>(() => trace.OpenImage(range: new() { FromMark = from, ToMark = to }));
        Assert.Contains(problem, refusal.Message, StringComparison.Ordinal);
    }

    private Trace Open(bool packed)
    {
        if (packed)
            TracePacker.Pack(_directory["r.allocrec"], Pack, cancellation: TestContext.Current.CancellationToken);
        return Trace.Open(packed ? Pack : _directory["r.allocrec"]);
    }

    private void WriteImage(string name, int calls)
    {
        var writer = new RecordingWriter(_directory["r.allocrec"], name);
        for (int i = 0; i < calls; i++)
            writer.Thread(0).Malloc(800 * (i + 1), 0x1000 + 64 * (ulong)i, 8);
        writer.Save();
    }

    /// <summary>Marks named end, begin, end, begin in the first interval, late in the second.</summary>
    private void WriteMarked()
    {
        var writer = new RecordingWriter(_directory["r.allocrec"]);
        writer.Thread(0).Malloc(800, 0x1000, 8).Malloc(2400, 0x2000, 8).Free(4000, 0x1000).Interval(2).Malloc(5600, 0x3000, 8).Free(7200, 0x2000);
        writer.Mark(MarkEntry.Start, 1, 0).Mark(MarkEntry.Named, 1, 1600, "end").Mark(MarkEntry.Named, 1, 2000, "begin").Mark(MarkEntry.Named, 1, 4800, "end")
            .Mark(MarkEntry.Named, 1, 4900, "begin").Mark(MarkEntry.Stop, 1, 5000).Mark(MarkEntry.Start, 2, 5400).Mark(MarkEntry.Named, 2, 6400, "late");
        writer.Save();
    }

    private static long[] Times(Trace trace, TraceRange? range)
    {
        using TraceReader reader = trace.OpenImage(range: range);
        return [.. Events(reader).Select(e => e.TimeNs)];
    }

    private static List<TraceEvent> Events(TraceReader reader)
    {
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        Assert.Null(reader.Damage);
        return events;
    }
}
