using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>What is told of a recording in progress, against what is told of it when it has ended.</summary>
public sealed class LiveStatisticsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(3, 8)]
    public void At_the_end_it_is_what_info_tells(int seed, int threads)
    {
        TraceGenerator.Write(_directory["r.allocrec"], seed, threads, calls: 3000, latency: true);
        AssertSame();
    }

    [Fact]
    public void A_block_that_is_being_reallocated_is_not_live_meanwhile()
    {
        var writer = new RecordingWriter(_directory["r.allocrec"]);
        writer.Thread(0).Malloc(800, 0x1000, 100).Realloc(1600, 4800, 0x1000, 0x3000, 10);
        writer.Thread(1).Malloc(2400, 0x2000, 50).Free(3200, 0x2000);
        writer.Save();
        Assert.Equal(100UL, AssertSame()); // not 150
    }

    private ulong AssertSame()
    {
        var live = new LiveStatistics();
        var sites = new SiteStatistics();
        var totals = new TraceStatistics();
        using (TraceReader reader = TraceReader.Open(_directory["r.allocrec"]))
            reader.ForEach([live, sites, totals]);
        Assert.Equal(totals.PeakLiveBytes, live.PeakBytes);
        Assert.Equal((totals.Calls, totals.Acquisitions), (live.Total.Calls, live.Total.Blocks));
        Assert.Equal((totals.LiveBlocks, totals.LiveBytes), (live.Total.LiveBlocks, live.Total.LiveBytes));
        Assert.Equal((totals.LiveBlocks, (long)totals.LiveBytes), (sites.Sites.Sum(s => s.LiveBlocks), sites.Sites.Sum(s => (long)s.LiveBytes)));
        return live.PeakBytes;
    }
}
