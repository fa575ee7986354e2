using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Tests.Replayer;

public sealed class MemoryOverheadTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData(3 * MiB, 2 * MiB, 2 * MiB, TouchPolicy.Page, 1.5, OverheadGap.None)]
    [InlineData(2 * MiB, 2 * MiB, MiB, TouchPolicy.First, 1.0, OverheadGap.None)]
    [InlineData(2 * MiB, 3 * MiB, MiB, TouchPolicy.Page, null, OverheadGap.CallocUntouched)]
    [InlineData(2 * MiB, 3 * MiB, 3 * MiB, TouchPolicy.Full, null, OverheadGap.ResidentBefore)]
    [InlineData(2 * MiB, 3 * MiB, 0, TouchPolicy.None, null, OverheadGap.Untouched)]
    [InlineData(2 * MiB, 3 * MiB, 1000, TouchPolicy.First, null, OverheadGap.Untouched)]
    [InlineData(0, 0, 0, TouchPolicy.Page, null, OverheadGap.NothingLive)]
    public void It_is_peak_over_peak_live_or_says_why_not(long peak, long live, long touched, TouchPolicy touch, double? ratio, OverheadGap gap) =>
        Assert.Equal(new MemoryOverhead(ratio, gap), MemoryOverhead.Of(Result(peak, live, touched, [new MemorySample(1, peak, live, touched)]), touch));

    [Fact]
    public void Without_a_look_at_memory_there_is_none() =>
        Assert.Equal(new MemoryOverhead(null, OverheadGap.NotMeasured), MemoryOverhead.Of(Result(MiB, 0, 0, []), TouchPolicy.Page));

    [Fact]
    public void The_mean_weighs_each_call_alike_however_the_readings_lie()
    {
        MemorySample[] evenly = [.. Enumerable.Range(0, 11).Select(i => Sample(i * 10, i * 100))];
        MemorySample[] unevenly = [Sample(0, 0), Sample(1, 10), Sample(2, 20), Sample(90, 900), Sample(100, 1000)];
        Assert.Equal(500, MemorySample.MeanResident(evenly));
        Assert.Equal(500, MemorySample.MeanResident(unevenly));
        Assert.Equal(0, MemorySample.MeanResident([]));
        Assert.Equal(0, MemorySample.MeanResident([Sample(0, 77)]));
    }

    private static MemorySample Sample(long calls, long resident) => new(calls, resident, 0, 0);

    private static WorkerResult Result(long peak, long live, long touched, IReadOnlyList<MemorySample> curve) => new()
    {
        AllocatorPath = "",
        Order = ReplayOrder.Total,
        Locked = true,
        ElapsedNs = 1,
        CpuNs = 1,
        BaselineBytes = 5 * MiB,
        PeakBytes = 5 * MiB + peak,
        EndBytes = 5 * MiB,
        MemorySamples = curve.Count,
        MemoryCurve = curve,
        PeakLiveBytes = live,
        PeakTouchedBytes = touched,
        MinorFaults = 0,
        MajorFaults = 0,
        VoluntarySwitches = 0,
        InvoluntarySwitches = 0,
        ManagedCollections = 0,
        ManagedBytes = 0,
        Substituted = new Dictionary<int, int>(),
        Threads = [],
    };
}
