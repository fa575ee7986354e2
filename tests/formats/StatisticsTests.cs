using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>Every figure of a small trace that was reckoned by hand.</summary>
public sealed class StatisticsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Totals_of_a_trace_and_of_its_threads()
    {
        TraceStatistics s = Totals();

        Assert.Equal((13, 10, 6, 1, 1), (s.Events, s.Calls, s.Acquisitions, s.FailedCalls, s.NullReleases));
        Assert.Equal((1, 1), (s.CrossThreadReleases, s.TemporaryBlocks));
        Assert.Equal((100ul + 50 + 300 + 10 + 40 + 310, 450ul), (s.BytesAcquired, s.PeakLiveBytes));
        Assert.Equal((2400, 3, 370ul, 9600), (s.PeakLiveNs, s.LiveBlocks, s.LiveBytes, s.DurationNs));
    }

    [Fact]
    public void Calls_by_kind()
    {
        TraceStatistics s = Totals();
        Assert.Equal((6, 3, 1, 1, 1, 1), (s.CountOf(CallKind.Malloc), s.CountOf(CallKind.Free), s.CountOf(CallKind.ReallocBegin),
            s.CountOf(CallKind.ReallocEnd), s.CountOf(CallKind.ThreadStart), s.CountOf(CallKind.ThreadExit)));
        Assert.Equal((0, 0, 0), (s.CountOf(CallKind.Calloc), s.CountOf((CallKind)63), s.CountOf((CallKind)64)));
    }

    [Fact]
    public void What_each_thread_did_and_when()
    {
        TraceStatistics s = Totals();
        Assert.Equal(2, s.Threads.Count);
        TraceStatistics.ThreadTotals first = s.Thread(0), second = s.Thread(1), none = s.Thread(2);
        Assert.Equal((5, 100ul + 50 + 300, 0L, 4800L), (first.Calls, first.BytesRequested, first.FirstNs, first.LastNs));
        Assert.Equal((-1, null), (first.Parent, first.ExitNs));
        Assert.Equal((5, 10ul + 40 + 310 + 77, 3200L, 9600L), (second.Calls, second.BytesRequested, second.FirstNs, second.LastNs));
        Assert.Equal((0, 9600L), (second.Parent, second.ExitNs));
        Assert.Equal((0, 0ul, -1L, -1L, -1), (none.Calls, none.BytesRequested, none.FirstNs, none.LastNs, none.Parent));
    }

    /// <summary>Of equal peaks the first; thread events and the begins of reallocations carry the time line on.</summary>
    [Fact]
    public void The_time_line_has_the_calls_and_the_live_bytes()
    {
        Timeline line = Totals().Timeline;
        Assert.Equal((0, 10, 450), (line.StartNs, line.Calls.Sum(), (int)line.PeakLiveBytes.Max()));
        Assert.InRange(line.Count * line.BucketNs, 9600, 9600 + line.BucketNs);
    }

    [Fact]
    public void Latencies_are_told_by_name_and_percentile()
    {
        var writer = new RecordingWriter(_directory.Path) { Latency = true };
        RecordingWriter.ThreadWriter thread = writer.Thread(0);
        for (int i = 1; i <= 1000; i++)
            thread.Event(i * 80_000, CallKind.Malloc, 0x1000ul * (ulong)i, 8, duration: (ulong)i);
        thread.Event(90_000_000, CallKind.Calloc, 0x10, 8, 2, duration: 1ul << 60);
        writer.Save();
        using TraceReader reader = TraceReader.Open(_directory.Path);
        var latencies = new LatencyStatistics();
        reader.ForEach([latencies]);

        const long hour = 3_600_000_000_000;
        Assert.Equal(["calloc", "malloc"], latencies.Calls.Select(c => c.Call));
        CallLatency calloc = latencies.Calls[0], malloc = latencies.Calls[1];
        Assert.Equal((1, long.MaxValue), (calloc.Count, calloc.MaxNs));
        Assert.InRange(calloc.P50Ns, hour - hour / 1000, hour);
        Assert.Equal((1000, 8000), (malloc.Count, malloc.MaxNs)); // in units of 8 ns
        Assert.InRange(malloc.P50Ns, 4000, 4008);
        Assert.InRange(malloc.P90Ns, 7200, 7208);
        Assert.InRange(malloc.P99Ns, 7920, 7928);
        Assert.InRange(malloc.P999Ns, 7992, 8000);
    }

    /// <summary>Another thread acquires 50 bytes while 100 are being reallocated: they are not live together, unless the call fails.</summary>
    [Theory]
    [InlineData(0x3000ul, 110ul, 160ul, 2, 160ul)]
    [InlineData(0ul, 110ul, 150ul, 1, 150ul)]
    [InlineData(0ul, 0ul, 100ul, 0, 50ul)] // it frees
    public void A_block_is_live_until_its_reallocation_begins(ulong result, ulong size, ulong peak, long peakObject, ulong live)
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(800, 0x1000, 100).Event(1600, CallKind.ReallocBegin, 0x1000, size).Event(3200, CallKind.ReallocEnd, result);
        writer.Thread(1).Malloc(2400, 0x2000, 50);
        writer.Save();
        using TraceReader reader = TraceReader.Open(_directory.Path);
        TraceStatistics s = TraceStatistics.Of(reader);
        Assert.Equal((peak, peakObject, live), (s.PeakLiveBytes, s.PeakLiveObject, s.LiveBytes));
    }

    /// <summary>A thread that begins another reallocation has ended the one before, and what it was given is gone.</summary>
    [Fact]
    public void A_reallocation_whose_end_is_not_in_the_trace_leaves_no_live_block()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(800, 0x1000, 100).Malloc(1600, 0x2000, 7)
            .Event(2400, CallKind.ReallocBegin, 0x1000, 10).Event(3200, CallKind.ReallocBegin, 0x2000, 9);
        writer.Save();
        using TraceReader reader = TraceReader.Open(_directory.Path);
        TraceStatistics s = TraceStatistics.Of(reader);
        Assert.Equal((1, 7ul, 107ul), (s.LiveBlocks, s.LiveBytes, s.PeakLiveBytes));
    }

    private TraceStatistics Totals()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0)
            .Malloc(0, 0x1000, 100).Malloc(1600, 0x2000, 50).Malloc(2400, 0x3000, 300)
            .Event(4000, CallKind.Free) // null
            .Free(4800, 0x3000); // the last one acquired
        writer.Thread(1)
            .Event(3200, CallKind.ThreadStart, otherThread: 0)
            .Malloc(5600, 0x4000, 10).Malloc(6400, 0x5000, 40)
            .Realloc(7200, 7600, 0x1000, 0x6000, 310) // another thread's
            .Event(8000, CallKind.Malloc, 0, 77) // failed
            .Free(8800, 0x5000)
            .Event(9600, CallKind.ThreadExit);
        writer.Save();
        using TraceReader reader = TraceReader.Open(_directory.Path);
        return TraceStatistics.Of(reader);
    }
}
