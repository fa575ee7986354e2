using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Formats;

/// <summary>Calls and live bytes over time, in buckets whose width is not known beforehand.</summary>
public sealed class TimelineTests : IDisposable
{
    private const string Seed = "0N0XIzNsQ0O3";

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Without_events_there_are_no_buckets()
    {
        var timeline = new Timeline();
        Assert.Equal((0, 1L, 0L), (timeline.Count, timeline.BucketNs, timeline.StartNs));
        Assert.Empty(timeline.Calls);
        Assert.Empty(timeline.PeakLiveBytes);
    }

    [Fact]
    public void Buckets_widen_so_that_any_duration_fits()
    {
        var timeline = new Timeline();
        for (long ns = 1000; ns <= 1_000_000_000_000; ns *= 10)
        {
            timeline.Add(ns, isCall: true, 1);
            Assert.InRange(timeline.Count, 1, Timeline.BucketsMax);
            if (ns >= 2000)
                Assert.InRange(timeline.Count, Timeline.BucketsMax / 2, Timeline.BucketsMax);
        }
        Assert.Equal(10, timeline.Calls.Sum());
        Assert.Equal(1000, timeline.StartNs);
        Assert.InRange(timeline.Count * timeline.BucketNs, 1_000_000_000_000 - 1000, 2_000_000_000_000);
    }

    [Fact]
    public void A_bucket_without_events_is_as_full_as_the_one_before_it_ended()
    {
        var timeline = new Timeline();
        timeline.Add(0, isCall: true, 100);
        timeline.Add(0, isCall: true, 40);
        timeline.Add(3, isCall: false, 10);
        Assert.Equal([100UL, 40, 40, 40], timeline.PeakLiveBytes);
        Assert.Equal([2L, 0, 0, 0], timeline.Calls);
    }

    [Fact]
    public void An_event_that_is_earlier_than_the_first_counts_for_the_first_bucket()
    {
        var timeline = new Timeline();
        timeline.Add(50, isCall: true, 1);
        timeline.Add(48, isCall: true, 2);
        Assert.Equal([2L], timeline.Calls);
    }

    [Fact]
    public void It_is_what_buckets_of_the_final_width_give_directly() =>
        Gen.Select(Gen.Long[0, 1L << 40], Gen.Bool, Gen.ULong[0, 1000]).Array[1, 400].Sample(
            events =>
            {
                Array.Sort(events, (a, b) => a.Item1.CompareTo(b.Item1));
                var timeline = new Timeline();
                foreach ((long ns, bool isCall, ulong live) in events)
                    timeline.Add(ns, isCall, live);

                var calls = new long[timeline.Count];
                var peaks = new ulong[timeline.Count];
                ulong before = 0;
                int reached = -1;
                foreach ((long ns, bool isCall, ulong live) in events)
                {
                    int bucket = (int)((ns - timeline.StartNs) / timeline.BucketNs);
                    while (reached < bucket)
                        peaks[++reached] = before;
                    calls[bucket] += isCall ? 1 : 0;
                    peaks[bucket] = Math.Max(peaks[bucket], live);
                    before = live;
                }
                Assert.Equal(calls, timeline.Calls);
                Assert.Equal(peaks, timeline.PeakLiveBytes);
            },
            seed: Seed, iter: 300);

    [Fact]
    public void Statistics_count_calls_as_they_count_them_elsewhere_and_reach_the_same_peak()
    {
        SampleTrace.Write(_directory.Path);
        using TraceReader reader = TraceReader.Open(_directory.Path);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Equal(statistics.Calls, statistics.Timeline.Calls.Sum());
        Assert.Equal(statistics.PeakLiveBytes, statistics.Timeline.PeakLiveBytes.Max());
        Assert.Equal(statistics.PeakLiveBytes, statistics.Timeline.PeakLiveBytes[(int)(statistics.PeakLiveNs / statistics.Timeline.BucketNs)]);
    }

    [Fact]
    public void A_block_is_temporary_when_its_thread_acquired_nothing_before_the_release()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0)
            .Malloc(800, 0x1000, 1).Free(1600, 0x1000)                                 // temporary
            .Malloc(2400, 0x2000, 1).Malloc(3200, 0x3000, 1).Free(4000, 0x2000)        // another came between
            .Free(4800, 0x3000)                                                        // temporary: only releases between
            .Malloc(5600, 0x4000, 1);                                                  // another thread's release is not
        writer.Thread(1).Free(9600, 0x4000);
        writer.Save();
        using TraceReader reader = TraceReader.Open(_directory.Path);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Equal((2L, 1L), (statistics.TemporaryBlocks, statistics.CrossThreadReleases));
    }

    [Fact]
    public void Progress_reaches_what_there_is_and_no_more()
    {
        var writer = new RecordingWriter(_directory.Path);
        RecordingWriter.ThreadWriter thread = writer.Thread(0);
        for (int i = 0; i < 70_000; i++)
            thread.Malloc(8 * (i + 1), 0x1000 + 16UL * (ulong)i, 16);
        writer.Save();
        using TraceReader reader = TraceReader.Open(_directory.Path);
        var reports = new List<double>();
        Assert.Equal(0, reader.Progress);
        TraceStatistics.Of(reader, new Reports(reports));
        Assert.Equal(1, reader.Progress);
        Assert.Equal(2, reports.Count);
        Assert.InRange(reports[0], 0.01, 1);
        Assert.Equal(1, reports[1]);
    }

    private sealed class Reports(List<double> list) : IProgress<double>
    {
        public void Report(double value) => list.Add(value);
    }
}
