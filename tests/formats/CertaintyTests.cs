using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Formats;

/// <summary>
/// What statistics say of a recording of which the oldest part is gone, and of what is uncertain in any, against what is reckoned of the events of the whole
/// one, one by one.
/// </summary>
public sealed class CertaintyTests : IDisposable
{
    private const string Seed = "0001cKe9xQ52";
    private static readonly int Iterations = Effort.Of(300, small: 20);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    /// <summary>Of the window, of what is carried, of what is live at the end, of that what is uncertain, and of that what is carried.</summary>
    private sealed record Figures(
        long Events, long Calls, long Acquired, ulong AcquiredBytes, long Carried, ulong CarriedBytes, long Live, ulong LiveBytes, long Uncertain,
        ulong UncertainBytes, long Both);

    [Fact]
    public void Of_a_kept_recording_calls_are_those_of_the_window_and_what_is_live_is_all() => RandomKept.Traces.Sample(
        steps => Assert.All(Cuts(steps, forgetsStops: false), pair => Assert.Equal(pair.Expected, pair.Found)), seed: Seed, iter: Iterations, threads: 1);

    [Fact]
    public void A_stop_that_is_passed_over_is_noticed()
    {
        // The planted fault: statistics that are not told of intervals.
        Assert.Contains(Enumerable.Range(0, 20), seed => Cuts(RandomKept.Fixed(seed), forgetsStops: true).Any(pair => pair.Expected != pair.Found));
    }

    [Fact]
    public void A_part_that_is_read_knows_of_no_later_interval()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Mark(MarkEntry.Start, 1, 0).Mark(MarkEntry.Stop, 1, 1000).Mark(MarkEntry.Start, 2, 5_000_000);
        writer.Thread(0).Malloc(80, 0x1000, 10).Interval(2).Malloc(5_000_080, 0x2000, 20);
        writer.Save();
        Assert.Equal((1, 10ul), Uncertain(null));
        Assert.Equal((0, 0ul), Uncertain(new TraceRange { Interval = 1 }));

        (long, ulong) Uncertain(TraceRange? range)
        {
            using TraceReader reader = TraceReader.Open(_directory.Path, range: range);
            LiveCertainty live = TraceStatistics.Of(reader).MeasureLive();
            return (live.UncertainBlocks, live.UncertainBytes);
        }
    }

    [Theory]
    [InlineData(0ul, 1)] // told by nobody
    [InlineData(12ul, 1)] // all are told: of what was acquired afterwards all is known
    [InlineData(13ul, 2)] // one more: after the last event of a thread
    public void Where_more_calls_were_lost_than_gaps_tell_nothing_is_certain(ulong lost, long uncertain)
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(80, 0x1000, 10).Event(160, CallKind.Gap, count: 5).Malloc(240, 0x2000, 20);
        writer.Thread(1).Event(160, CallKind.Gap, count: 7);
        writer.Save(lost);
        using TraceReader reader = TraceReader.Open(_directory.Path);
        Assert.Equal(uncertain, TraceStatistics.Of(reader).MeasureLive().UncertainBlocks);
    }

    [Fact]
    public void Of_what_ended_early_nothing_is_certain()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(80, 0x1000, 10);
        writer.Save();
        using TraceReader reader = TraceReader.Open(_directory.Path);
        Assert.False(Of(reader.Process).IsUncertain(0, 0));
        Assert.True(Of(reader.Process with { Failure = ProcessInfo.SizeLimit }).IsUncertain(0, 0));

        static Certainty Of(ProcessInfo process)
        {
            var certainty = new Certainty();
            certainty.See(process);
            return certainty;
        }
    }

    private List<(Figures Expected, Figures Found)> Cuts(RandomKept.Step[] steps, bool forgetsStops)
    {
        RandomKept trace = RandomKept.Write(steps);
        string whole = _directory[$"w{Guid.NewGuid():N}"];
        trace.Save(whole);
        List<TraceEvent> events = CutTrace.Read(whole);
        uint lastInterval;
        using (TraceReader reader = TraceReader.Open(whole))
            lastInterval = reader.Intervals[^1].Number;
        List<(Figures, Figures)> pairs =
        [
            .. CutTrace.CutsOf(trace, events.Count, _directory).Prepend((Image: whole, Cut: 0))
                .Select(c => (Reckon(events, c.Cut, lastInterval), Found(c.Image, forgetsStops))),
        ];
        Directory.Delete(whole, recursive: true);
        return pairs;
    }

    private static Figures Found(string directory, bool forgetsStops)
    {
        using TraceReader reader = TraceReader.Open(directory);
        var sampling = new Sampling(SampleScheme.Bytes, 1000); // as if it were a sample
        var statistics = new TraceStatistics(reader.Carried, sampling);
        if (!forgetsStops)
            statistics.Certainty.See(reader);
        var top = new LiveStatistics();
        var sites = new SiteStatistics(sampling);
        reader.ForEach([statistics, top, sites]);
        Assert.Null(reader.Damage);
        // What counts besides says the same.
        Assert.Equal((statistics.Calls, statistics.Acquisitions, statistics.BytesAcquired, statistics.LiveBlocks, statistics.LiveBytes),
            (top.Total.Calls, top.Total.Blocks, top.Total.Bytes, top.Total.LiveBlocks, top.Total.LiveBytes));
        Assert.Equal((statistics.Acquisitions, statistics.LiveBlocks), (sites.Sites.Sum(s => s.Blocks), sites.Sites.Sum(s => s.LiveBlocks)));
        EstimatedBlocks all = statistics.Estimates, bySite = sites.Sites.Aggregate(default(BlockEstimates), (sum, s) => sum + s.Estimates).ToTotals(sampling);
        Assert.Equal(all.Blocks.Estimate, bySite.Blocks.Estimate, 1e-6);
        Assert.Equal(all.LiveBytes.Estimate, bySite.LiveBytes.Estimate, 1e-6);
        LiveCertainty live = statistics.MeasureLive();
        return new Figures(
            statistics.Events, statistics.Calls, statistics.Acquisitions, statistics.BytesAcquired, statistics.CarriedBlocks, statistics.CarriedBytes,
            statistics.LiveBlocks, statistics.LiveBytes, live.UncertainBlocks, live.UncertainBytes, live.UncertainCarriedBlocks);
    }

    private static Figures Reckon(List<TraceEvent> events, int cut, uint lastInterval)
    {
        var live = new Dictionary<long, TraceEvent>();
        long carried = 0, firstOfWindow = 0;
        ulong carriedBytes = 0;
        for (int i = 0; i <= events.Count; i++)
        {
            if (i == cut)
            {
                (carried, carriedBytes) = (live.Count, Sum(live.Values));
                firstOfWindow = events.Take(cut).Count(e => e.Acquires);
            }
            if (i == events.Count)
                break;
            TraceEvent e = events[i];
            live.Remove(e.ReleasedObject);
            live.Remove(e.DisplacedObject);
            if (e.Acquires)
                live.Add(e.Object, e);
        }
        TraceEvent[] gaps = [.. events.Where(e => e.Kind == CallKind.Gap)], window = [.. events.Skip(cut)];
        TraceEvent[] uncertain = [.. live.Values.Where(b => gaps.Any(g => g.TimeNs >= b.TimeNs) || b.Interval < lastInterval)];
        TraceEvent[] acquired = [.. window.Where(e => e.Acquires)];
        return new Figures(
            window.Length, window.Count(e => !CallKinds.IsThreadEvent(e.Kind) && !CallKinds.IsReallocBegin(e.Kind)), acquired.Length, Sum(acquired),
            carried, carriedBytes, live.Count, Sum(live.Values), uncertain.Length, Sum(uncertain), uncertain.LongCount(b => b.Object < firstOfWindow));
    }

    private static ulong Sum(IEnumerable<TraceEvent> acquisitions) => acquisitions.Aggregate(0ul, (sum, e) => sum + e.BytesRequested);
}
