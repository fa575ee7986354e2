using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>Real replays whose calls are timed.</summary>
[StartsProcesses]
public sealed class LatencyTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly RecordingWriter _writer;

    public LatencyTests() => _writer = new RecordingWriter(_directory.Path);

    public static TheoryData<string> Allocators => [.. AllocatorCatalog.Names];

    public void Dispose() => _directory.Dispose();

    [Theory, MemberData(nameof(Allocators))]
    public void Each_call_is_in_one_histogram_of_its_kind(string allocator)
    {
        TraceGenerator.Write(_directory.Path, seed: 20261126, threads: 9, calls: 30_000);
        foreach (ReplayOrder order in Enum.GetValues<ReplayOrder>())
        {
            using ReplayPlan plan = PlanFile.Compile(_directory.Path, order);
            WorkerResult result = Run(plan, ReplayTests.Installed(allocator), loops: 2);
            PlanFile file = PlanFile.Read(plan.Path);
            foreach (IGrouping<byte, PlanOp> kind in file.Ops.Where(o => o.Code < PlanCode.FirstNonCall).GroupBy(o => o.Code))
                Assert.Equal(2 * kind.Count(), Of(result, (CallKind)kind.Key).Count);
            Assert.Equal(result.Calls, result.Latency.Sum(l => l.Times.Count));
            Assert.NotNull(result.LatencyTimer);
        }
    }

    [Fact]
    public void A_call_is_of_the_class_of_its_size_and_a_release_of_that_of_its_block()
    {
        _writer.Thread(0).Free(50, 0).Malloc(100, 0x1000, 64).Malloc(200, 0x2000, 65).Malloc(300, 0x3000, 0)
            .Realloc(400, 450, 0x1000, 0x4000, 128).Event(500, CallKind.Calloc, 0x5000, 100, count: 3);
        // What another thread releases is of its class too.
        _writer.Thread(1).Free(600, 0x5000).Free(700, 0x4000).Free(800, 0x2000).Free(900, 0x3000);
        _writer.Save();
        using ReplayPlan plan = PlanFile.Compile(_directory.Path);

        WorkerResult result = Run(plan, ReplayTests.Installed("glibc"));

        Assert.Equal(
            [
                "free 0-0 2", "free 65-128 2", "free 257-512 1", "malloc 0-0 1", "malloc 33-64 1", "malloc 65-128 1", "calloc 257-512 1", "realloc 65-128 1",
            ],
            result.Latency.Select(l => $"{CallKinds.CallName(l.Kind)} {l.SizeLow}-{l.SizeHigh} {l.Times.Count}"));
    }

    [Fact]
    public void An_allocator_that_takes_a_millisecond_is_seen_to_take_it_and_only_where_it_does()
    {
        const int blocks = 50;
        for (int i = 0; i < blocks; i++)
            _writer.Thread(0).Malloc(100 + i * 100, 0x1000 + (ulong)i * 0x1000, 201).Malloc(150 + i * 100, 0x10_0000 + (ulong)i * 0x1000, 64);
        _writer.Save();
        using ReplayPlan plan = PlanFile.Compile(_directory.Path);

        WorkerResult result = Run(plan, Planted("slow"));

        LatencyHistogram slow = result.Latency.Single(l => l.SizeHigh == 256).Times, fast = result.Latency.Single(l => l.SizeHigh == 64).Times;
        Assert.Equal((blocks, blocks), (slow.Count, fast.Count));
        // Two clocks: within their error. That they show no more than there was, the whole tells: nothing else here took long.
        Assert.True(slow.Percentile(0) > 980_000, $"{slow.Percentile(0)} ns");
        Assert.InRange(slow.Buckets.Sum(b => b.Ns * b.Count), 0, result.ElapsedNs * 1.02);
        Assert.True(fast.Percentile(50) < 980_000, $"{fast.Percentile(50)} ns");
    }

    [Fact]
    public void Without_the_instrument_there_are_no_times()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 64);
        _writer.Save();
        using ReplayPlan plan = PlanFile.Compile(_directory.Path);
        WorkerResult result = WorkerRunner.Instance.Run(plan, ReplayTests.Installed("glibc"), new ReplayOptions());
        Assert.Equal((0, null), (result.Latency.Count, result.LatencyTimer));
    }

    private static LatencyHistogram Of(WorkerResult result, CallKind kind) =>
        LatencyHistogram.Merge(result.Latency.Where(l => l.Kind == kind).Select(l => l.Times));

    private static Configuration Planted(string fault) => BlockCheckTests.Planted(fault);

    private static WorkerResult Run(ReplayPlan plan, Configuration configuration, int loops = 1) =>
        WorkerRunner.Instance.Run(plan, configuration, new ReplayOptions { Instrument = Instrument.Latency, Loops = loops });
}
