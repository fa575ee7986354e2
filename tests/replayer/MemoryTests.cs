using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>What a replay says of memory, of traces whose memory is known.</summary>
[StartsProcesses]
public sealed class MemoryTests : IDisposable
{
    private const ulong KiB = 1 << 10, MiB = 1 << 20, AddressStep = 1UL << 32;
    private const int Seed = 20261126;

    private readonly TemporaryDirectory _directory = new();
    private readonly RecordingWriter _writer;
    private long _ns = 100;

    public MemoryTests() => _writer = new RecordingWriter(_directory.Path);

    public static TheoryData<string> RealAllocators => [.. AllocatorCatalog.List().Where(a => a.Found is not { IsReference: true }).Select(a => a.Name)];

    public void Dispose() => _directory.Dispose();

    /// <summary>What the figures may be off by: 2 %, or 256 KiB.</summary>
    private static void IsAbout(ulong expected, long found)
    {
        long within = (long)Math.Max(expected / 50, 256 * KiB);
        Assert.InRange(found, (long)expected - within, (long)expected + within);
    }

    [Theory]
    [InlineData("glibc", 1, 64)]
    [InlineData("jemalloc", 1, 64)]
    [InlineData("glibc", 64, 512)]
    [InlineData("jemalloc", 64, 512)]
    [InlineData("glibc", 1024, 256)]
    [InlineData("jemalloc", 1024, 256)]
    public void The_peak_of_blocks_held_at_once_is_their_size(string allocator, int mebibytes, int blockKiB)
    {
        // Large ones where there are many: an allocator may take a page more for each.
        ulong size = (ulong)blockKiB * KiB;
        int blocks = (int)((ulong)mebibytes * MiB / size);
        for (int i = 0; i < blocks; i++)
            Malloc(i, size);
        for (int i = 0; i < blocks; i++)
            Free(i);

        WorkerResult result = Replay(allocator);

        IsAbout((ulong)mebibytes * MiB, result.PeakOverBaseline);
        Assert.Equal((mebibytes * (long)MiB, mebibytes * (long)MiB), (result.PeakLiveBytes, result.PeakTouchedBytes));
    }

    [Theory]
    [InlineData("glibc", ReplayOrder.Total)]
    [InlineData("jemalloc", ReplayOrder.Total)]
    [InlineData("glibc", ReplayOrder.Deps)]
    public void A_spike_of_one_call_is_seen_however_short_the_replay(string allocator, ReplayOrder order)
    {
        // 64 KB live in 60,000 calls of some milliseconds, and once 3 MiB.
        for (int round = 0; round < 30; round++)
        {
            for (int i = 0; i < 1000; i++)
                Malloc(i, 64);
            for (int i = 0; i < 1000; i++)
                Free(i);
            if (round != 15)
                continue;
            Malloc(5000, 3 * MiB);
            Free(5000);
        }

        WorkerResult result = Replay(allocator, order);

        IsAbout(3 * MiB + 64 * KiB, result.PeakOverBaseline);
        Assert.Equal((long)(3 * MiB), result.PeakLiveBytes);
        // On average there is less: an allocator may keep it, but has not had it before.
        Assert.InRange(result.MeanBytes, 1, (long)(2 * MiB));
    }

    [Fact]
    public void What_an_allocator_holds_within_a_call_is_seen_by_the_kernel_s_mark()
    {
        // It gives back at once: the old block is there until the new one has its bytes.
        Configuration jemalloc = ReplayTests.Installed("jemalloc") with { Environment = ["MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:0"] };
        Malloc(0, 32 * MiB);
        Malloc(1, 32 * MiB); // next to it, so that it cannot grow where it is
        _writer.Thread(0).Realloc(_ns += 16, _ns += 16, Address(0), Address(2), 48 * MiB);
        Free(1);
        Free(2);

        WorkerResult result = Replay(jemalloc, ReplayOrder.Total, new ReplayOptions());

        Assert.InRange(result.MemoryCurve.Max(s => s.ResidentBytes), (long)(79 * MiB), (long)(83 * MiB));
        IsAbout(96 * MiB, result.PeakOverBaseline); // both others, and of the new one what has been copied
    }

    [Theory, MemberData(nameof(RealAllocators))]
    public void The_ideal_takes_no_more_than_any_allocator(string allocator)
    {
        foreach (TouchPolicy touch in Enum.GetValues<TouchPolicy>())
        {
            using var directory = new TemporaryDirectory();
            TraceGenerator.Write(directory.Path, Seed, threads: 5, calls: 20_000);
            using ReplayPlan plan = PlanFile.Compile(directory.Path, ReplayOrder.Total);
            var options = new ReplayOptions { Instrument = Instrument.Memory, Touch = touch };
            WorkerResult ideal = Run(plan, ReplayTests.Installed("ideal"), options), real = Run(plan, ReplayTests.Installed(allocator), options);

            Assert.InRange(ideal.PeakOverBaseline, 0, real.PeakOverBaseline);
            Assert.InRange(ideal.MeanBytes, 0, real.MeanBytes);
            Assert.Equal((real.PeakLiveBytes, real.PeakTouchedBytes), (ideal.PeakLiveBytes, ideal.PeakTouchedBytes));
            Assert.Equal((ulong)real.PeakLiveBytes, plan.Trace.PeakLiveBytes);
            Assert.Equal(real.Threads.Select(t => (t.Calls, t.BytesRequested)), ideal.Threads.Select(t => (t.Calls, t.BytesRequested)));
        }
    }

    [Fact]
    public void The_ideal_holds_what_is_touched_in_whole_pages()
    {
        Malloc(0, 5000);
        Malloc(1, 100);
        _writer.Thread(0).Event(_ns += 16, CallKind.Calloc, Address(2), 1 << 20, count: 3);
        Free(0);

        WorkerResult left = Replay("ideal");
        Assert.Equal((0, 2 * 4096, 4096), (left.BaselineBytes, left.PeakBytes, left.EndBytes));
        Assert.Equal((5100 + 3 * (long)MiB, 5100), (left.PeakLiveBytes, left.PeakTouchedBytes));

        WorkerResult touched = Replay(ReplayTests.Installed("ideal"), ReplayOrder.Total, new ReplayOptions { TouchCalloc = true });
        Assert.Equal((3 * (long)MiB + 2 * 4096, 3 * (long)MiB + 4096), (touched.PeakBytes, touched.EndBytes));
        Assert.Equal(touched.PeakLiveBytes, touched.PeakTouchedBytes);
    }

    [Fact]
    public void A_trace_that_allocates_nothing_takes_nothing()
    {
        for (int i = 0; i < 100; i++)
            _writer.Thread(0).Free(_ns += 16, 0);

        WorkerResult ideal = Replay("ideal");

        Assert.Equal((0, 0, 0), (ideal.PeakOverBaseline, ideal.EndBytes, ideal.MeanBytes));
        Assert.Equal((0, 0, 0), (ideal.PeakLiveBytes, ideal.PeakTouchedBytes, ideal.FailedNow));
        Assert.Equal(OverheadGap.NothingLive, MemoryOverhead.Of(ideal, TouchPolicy.Page).Gap);
        Assert.All(ideal.MemoryCurve, sample => Assert.Equal((0, 0, 0), (sample.ResidentBytes, sample.LiveBytes, sample.TouchedBytes)));
    }

    [Theory]
    [InlineData(ReplayOrder.Total)]
    [InlineData(ReplayOrder.Exact)]
    [InlineData(ReplayOrder.Deps)]
    public void A_curve_goes_from_before_the_first_call_to_after_the_last(ReplayOrder order)
    {
        TraceGenerator.Write(_directory.Path, Seed, threads: 9, calls: 30_000);
        using ReplayPlan plan = PlanFile.Compile(_directory.Path, order);

        WorkerResult result = Run(plan, ReplayTests.Installed("glibc"), new ReplayOptions { Instrument = Instrument.Memory });

        IReadOnlyList<MemorySample> curve = result.MemoryCurve;
        Assert.Equal(new MemorySample(0, 0, 0, 0), curve[0]);
        Assert.Equal(plan.Counts.Calls, curve[^1].Calls);
        Assert.InRange(curve.Count, order == ReplayOrder.Total ? 601 : 100, 1000);
        Assert.All(curve.Zip(curve.Skip(1)), pair => Assert.True(pair.First.Calls < pair.Second.Calls));
        // Where others make calls meanwhile, a block may be counted as gone before it is as there.
        if (order == ReplayOrder.Total)
            Assert.All(curve, sample => Assert.InRange(sample.TouchedBytes, 0, sample.LiveBytes));
        // Nothing is lost on the way: what is live at the end is what the trace leaves.
        using ReplayPlan total = PlanFile.Compile(_directory.Path, ReplayOrder.Total);
        WorkerResult ideal = Run(total, ReplayTests.Installed("ideal"), new ReplayOptions { Instrument = Instrument.Memory });
        Assert.Equal(ideal.MemoryCurve[^1].LiveBytes, curve[^1].LiveBytes);
    }

    [Fact]
    public void Each_loop_starts_from_nothing_live()
    {
        TraceGenerator.Write(_directory.Path, Seed, threads: 3, calls: 5_000);
        using ReplayPlan plan = PlanFile.Compile(_directory.Path, ReplayOrder.Total);

        WorkerResult result = Run(plan, ReplayTests.Installed("glibc"), new ReplayOptions { Instrument = Instrument.Memory, Loops = 3 });

        Assert.Equal((plan.Trace.PeakLiveBytes, 3 * plan.Counts.Calls), ((ulong)result.PeakLiveBytes, result.MemoryCurve[^1].Calls));
    }

    [Fact]
    public void Blocks_of_calloc_are_resident_when_they_are_touched()
    {
        _writer.Thread(0).Event(_ns += 16, CallKind.Calloc, Address(0), 64 * KiB, count: 256);
        Free(0);

        WorkerResult left = Replay("glibc"), touched = Replay(ReplayTests.Installed("glibc"), ReplayOrder.Total, new ReplayOptions { TouchCalloc = true });

        Assert.InRange(left.PeakOverBaseline, 0, (long)MiB);
        IsAbout(16 * MiB, touched.PeakOverBaseline);
        Assert.Equal((0, 16 * (long)MiB), (left.PeakTouchedBytes, touched.PeakTouchedBytes));
        Assert.Equal(OverheadGap.CallocUntouched, MemoryOverhead.Of(left, TouchPolicy.Page).Gap);
    }

    [Fact]
    public void What_an_allocator_gives_back_late_is_gone_from_the_residue()
    {
        const string settings = "MALLOC_CONF=background_thread:true,dirty_decay_ms:300,muzzy_decay_ms:0";
        Configuration jemalloc = ReplayTests.Installed("jemalloc") with { Environment = [settings] };
        for (int i = 0; i < 256; i++)
            Malloc(i, 128 * KiB);
        for (int i = 0; i < 256; i++)
            Free(i);

        WorkerResult result = Replay(jemalloc, ReplayOrder.Total, new ReplayOptions { ResidueMs = [100, 1000] });

        Assert.Equal([100L, 1000L], result.Residue.Select(r => r.AfterMs));
        Assert.InRange(result.EndBytes - result.BaselineBytes, 16 * (long)MiB, long.MaxValue);
        Assert.InRange(result.Residue[1].Bytes, long.MinValue, 4 * (long)MiB);
    }

    private static ulong Address(int block) => (ulong)(block + 1) * AddressStep;

    private void Malloc(int block, ulong size) => _writer.Thread(0).Malloc(_ns += 16, Address(block), size);

    private void Free(int block) => _writer.Thread(0).Free(_ns += 16, Address(block));

    private WorkerResult Replay(string allocator, ReplayOrder order = ReplayOrder.Total) =>
        Replay(ReplayTests.Installed(allocator), order, new ReplayOptions());

    private WorkerResult Replay(Configuration configuration, ReplayOrder order, ReplayOptions options)
    {
        _writer.Save();
        using ReplayPlan plan = PlanFile.Compile(_directory.Path, order);
        return Run(plan, configuration, options with { Instrument = Instrument.Memory });
    }

    private static WorkerResult Run(ReplayPlan plan, Configuration configuration, ReplayOptions options) =>
        WorkerRunner.Instance.Run(plan, configuration, options, token: TestContext.Current.CancellationToken);
}
