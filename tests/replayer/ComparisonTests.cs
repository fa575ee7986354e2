using AllocReplay.Replayer;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>The protocol of a comparison, with a runner that starts no process; and once with one that does.</summary>
public sealed class ComparisonTests : IDisposable
{
    private const int Seed = 20261125;
    private const int Blocks = 6;

    private readonly TemporaryDirectory _directory = new();
    private readonly ReplayPlan[] _plans;

    private static readonly Configuration First = Named("first"), Second = Named("second");
    private static readonly Configuration Noop = new() { Allocator = new Allocator { Name = "noop", IsNoop = true } };

    public ComparisonTests()
    {
        TraceGenerator.Write(_directory.Path, seed: 1, threads: 3, calls: 2000);
        _plans = [PlanFile.Compile(_directory.Path), PlanFile.Compile(_directory.Path, ReplayOrder.Total)];
    }

    public void Dispose()
    {
        foreach (ReplayPlan plan in _plans)
            plan.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Every_configuration_is_run_once_a_block_in_each_pass()
    {
        var runner = new FakeRunner(r => FakeRunner.Result(r));
        Compare(runner, First, Second, Noop);

        ILookup<bool, FakeRunner.Request> passes = runner.Requests.ToLookup(r => r.Options.Instrument == Instrument.Memory);
        Assert.Equal((3 * (Blocks + 1), 2 * Blocks), (passes[false].Count(), passes[true].Count()));
        Assert.All(passes[false].Chunk(3), block => Assert.Equal(["first", "noop", "second"], block.Select(r => r.Configuration.Name).Order()));
        Assert.All(passes[true].Chunk(2), block => Assert.Equal(["first", "second"], block.Select(r => r.Configuration.Name).Order()));
        Assert.All(passes[false], r => Assert.Equal(ReplayOrder.Deps, r.Plan.Order));
        Assert.All(passes[true], r => Assert.Equal(ReplayOrder.Total, r.Plan.Order));
    }

    [Fact]
    public void The_order_within_blocks_is_the_seed_s()
    {
        string[] Order(int seed)
        {
            var runner = new FakeRunner(r => FakeRunner.Result(r));
            new Comparison(_plans, [First, Second, Noop], new ComparisonOptions { Runs = Blocks, Seed = seed }, runner).Run("trace", token: Token);
            return [.. runner.Requests.Select(r => r.Configuration.Name)];
        }
        Assert.Equal(Order(Seed), Order(Seed));
        Assert.NotEqual(Order(Seed), Order(Seed + 1));
    }

    [Fact]
    public void The_warm_up_does_not_count()
    {
        // The two runs of the first block are a thousand times as fast.
        ComparisonReport report = Compare(new FakeRunner(r => FakeRunner.Result(r, calls: r.Index < 2 ? 1_000_000 : 1000)), First, Second);
        Assert.All(report.Rows, row => Assert.Equal(new Spread(1000, 1000, 1000), row[Metric.Speed]));
    }

    [Fact]
    public void What_is_twice_as_fast_with_half_the_memory_shows_so()
    {
        ComparisonReport report = Compare(
            new FakeRunner(r => r.Configuration == Second ? FakeRunner.Result(r, calls: 2000, peakBytes: 1 << 19) : FakeRunner.Result(r)), First, Second, Noop);

        Assert.All(Metric.All, metric => Assert.Null(report.Rows[0].RatioOf(metric)));
        Assert.Equal((2.0, Verdict.Higher), (report.Rows[1].RatioOf(Metric.Speed)!.Value.Median, report.Rows[1].RatioOf(Metric.Speed)!.Value.Verdict));
        Assert.Equal((0.5, Verdict.Lower), (report.Rows[1].RatioOf(Metric.PeakMemory)!.Value.Median, report.Rows[1].RatioOf(Metric.PeakMemory)!.Value.Verdict));
        Assert.Equal(Verdict.NoDifferenceShown, report.Rows[2].RatioOf(Metric.Speed)!.Value.Verdict);
        Assert.Null(report.Rows[2][Metric.PeakMemory]);
        Assert.Null(report.Rows[2].RatioOf(Metric.PeakMemory));
    }

    [Theory]
    [InlineData(1 << 20, true)]
    [InlineData((1 << 20) + 1, false)]
    public void No_overhead_is_taken_where_less_was_resident_than_live(int live, bool isTaken)
    {
        // One run of the kind is enough to spoil it.
        ComparisonReport report = Compare(new FakeRunner(r => FakeRunner.Result(r, peakLiveBytes: r.Index == 20 ? live : 1 << 20)), First, Second);
        Assert.Equal(isTaken ? 0 : 1, report.Rows.Count(row => row.Overhead is null));
    }

    [Fact]
    public void Every_metric_is_taken_from_the_runs_of_its_own_pass()
    {
        ComparisonReport report = Compare(new FakeRunner(r => FakeRunner.Result(r)), First, Noop);
        Assert.Equal(Metric.All.Count, Metric.All.Select(m => m.Name).Distinct().Count());
        Assert.All(Metric.All, metric => Assert.NotNull(report.Rows[0][metric]));
        Assert.Equal(Metric.All.Where(m => m.Pass == Pass.Throughput), Metric.All.Where(m => report.Rows[1][m] is not null));
    }

    [Fact]
    public void A_run_that_fails_ends_the_comparison()
    {
        var runner = new FakeRunner(r => r.Index == 3 ? throw new ReplayException(ReplayFailure.Failed, "not the trace") : FakeRunner.Result(r));
        Assert.Equal("not the trace", Assert.Throws<ReplayException>(() => Compare(runner, First, Second)).Message);
        Assert.Equal(4, runner.Requests.Count);
    }

    [Fact]
    public void A_cancelled_comparison_begins_no_other_run()
    {
        using var source = new CancellationTokenSource();
        var runner = new FakeRunner(r =>
        {
            if (r.Index == 4)
                source.Cancel();
            return FakeRunner.Result(r);
        });
        var comparison = new Comparison(_plans, [First, Second], new ComparisonOptions { Runs = Blocks, Seed = Seed }, runner);
        Assert.Throws<OperationCanceledException>(() => comparison.Run("trace", token: source.Token));
        Assert.Equal(5, runner.Requests.Count);
    }

    [Fact]
    [StartsProcesses]
    public void A_comparison_runs_every_allocator_and_reports_noop_without_memory()
    {
        IReadOnlyList<Configuration> configurations = Configuration.Parse("glibc,MALLOC_PERTURB_=1,glibc,MALLOC_ARENA_MAX=1,noop");
        var comparison = new Comparison(_plans, configurations, new ComparisonOptions { Runs = 3, Seed = 1 }, WorkerRunner.Instance);

        IReadOnlyList<ComparisonRow> rows = comparison.Run("trace", token: Token).Rows;

        Assert.Equal(["glibc,MALLOC_PERTURB_=1", "glibc,MALLOC_ARENA_MAX=1", "noop"], rows.Select(r => r.Allocator.Name));
        Assert.Null(rows[0].RatioOf(Metric.Speed));
        Assert.False(rows[1].RatioOf(Metric.Speed)!.Value.Verdict.HasValue); // three runs are too few
        Assert.NotNull(rows[1].RatioOf(Metric.PeakMemory));
        Assert.Null(rows[2][Metric.PeakMemory]);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static Configuration Named(string name) => new() { Allocator = new Allocator { Name = name } };

    private ComparisonReport Compare(FakeRunner runner, params Configuration[] configurations) =>
        new Comparison(_plans, configurations, new ComparisonOptions { Runs = Blocks, Seed = Seed }, runner).Run("trace", token: Token);
}
