using AllocReplay.Formats.Calls;
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
    private const int Blocks = 10;

    private readonly TemporaryDirectory _directory = new();
    private readonly ReplayPlan[] _plans;
    private readonly ManualClock _clock = new();

    private static readonly Configuration First = Named("first"), Second = Named("second"), Third = Named("third");
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
    public void Every_configuration_and_the_twin_of_the_first_run_once_a_block_in_each_pass()
    {
        var runner = new FakeRunner(r => FakeRunner.Result(r));
        Compare(runner, First, Second, Noop);

        FakeRunner.Request[] checks = [.. runner.Requests.Take(2)], warmUp = [.. runner.Requests.Skip(2).Take(3)], counted = [.. runner.Requests.Skip(5)];
        Assert.Equal(["first", "second", "noop"], warmUp.Select(r => r.Configuration.Name));
        Assert.Equal(["first", "second"], checks.Select(r => r.Configuration.Name));
        Assert.All(checks, r => Assert.Equal(Instrument.Blocks, r.Options.Instrument));
        FakeRunner.Request[] memory = [.. counted.Where(r => r.Options.Instrument == Instrument.Memory)];
        FakeRunner.Request[] timed = [.. counted.Where(r => r.Options.Instrument == Instrument.None)];
        Assert.All(memory.Chunk(3), block => Assert.Equal(["first", "first", "second"], block.Select(r => r.Configuration.Name).Order()));
        Assert.All(timed.Chunk(4), block => Assert.Equal(["first", "first", "noop", "second"], block.Select(r => r.Configuration.Name).Order()));
        Assert.Equal((3 * Blocks, 4 * Blocks, 4 * Blocks), (memory.Length, counted.Count(r => r.Options.Instrument == Instrument.Latency), timed.Length));
        Assert.All(timed, r => Assert.Equal(ReplayOrder.Deps, r.Plan.Order));
        Assert.All(memory, r => Assert.Equal(ReplayOrder.Total, r.Plan.Order));
    }

    [Fact]
    public void The_order_within_blocks_is_the_seed_s()
    {
        string[] Order(int seed)
        {
            var runner = new FakeRunner(r => FakeRunner.Result(r));
            new Comparison(_plans, [First, Second, Noop], new ComparisonOptions { Blocks = Blocks, Seed = seed }, runner).Run("trace", token: Token);
            return [.. runner.Requests.Select(r => r.Configuration.Name)];
        }
        Assert.Equal(Order(Seed), Order(Seed));
        Assert.NotEqual(Order(Seed), Order(Seed + 1));
    }

    /// <summary>A run takes a second, so that blocks tell the time of a pass: three runs in each, and the warm-up.</summary>
    [Theory]
    [InlineData("speed,cpu,peak_rss", "memory 66, latency 7, throughput 76")]
    [InlineData("peak_rss", "memory 99, latency 6, throughput 6")]
    [InlineData("speed", "memory 6, latency 6, throughput 137")]
    public void The_time_goes_to_what_is_claimed(string primary, string blocks)
    {
        var lot = new Random(Seed);
        var runner = new FakeRunner(r =>
        {
            _clock.Advance(TimeSpan.FromSeconds(r.Options.Instrument == Instrument.Blocks ? 0 : 1));
            return FakeRunner.Result(r, 500 + lot.Next(1000), 1 << 20 + lot.Next(4));
        });
        var options = new ComparisonOptions
        {
            Seed = Seed,
            Precision = 0,
            Budget = TimeSpan.FromSeconds(450),
            Primary = [.. primary.Split(',').Select(name => Metric.Of(name)!)],
        };
        ComparisonReport report = new Comparison(_plans, [First, Second], options, runner, _clock).Run("trace", token: Token);
        Assert.Equal(blocks, string.Join(", ", report.Passes.Where(p => p.Name is not ("blocks" or "residue")).Select(p => $"{p.Name} {p.Blocks}")));
    }

    [Fact]
    public void The_warm_up_does_not_count()
    {
        ComparisonReport report = Compare(new FakeRunner(r => FakeRunner.Result(r, calls: r.Index < 4 ? 1_000_000 : 1000)), First, Second);
        Assert.All(report.Rows, row => Assert.Equal(new Spread(1000, 1000, 1000), row[Metric.Speed]!.Spread));
    }

    [Fact]
    public void A_short_replay_goes_through_the_trace_until_a_run_lasts_and_a_long_one_once()
    {
        int LoopsOf(long elapsedNs)
        {
            var runner = new FakeRunner(r => FakeRunner.Result(r) with { ElapsedNs = elapsedNs });
            PassFacts timed = Compare(runner, First, Second).Passes.Single(p => p.Name == Pass.Throughput.Name);
            Assert.Equal(timed.Loops, runner.Requests[^1].Options.Loops);
            Assert.All(runner.Requests.Where(r => r.Options.Instrument == Instrument.Memory), r => Assert.Equal(1, r.Options.Loops));
            return timed.Loops;
        }
        Assert.Equal((10, 1, 1000), (LoopsOf(5_000_000), LoopsOf(200_000_000), LoopsOf(1000)));
    }

    /// <summary>
    /// The machine is twice as slow in rounds that are drawn by lot, for all alike: by the rounds, one that is 2 % slower is so in every run. By their
    /// sums it would be lost.
    /// </summary>
    [Fact]
    public void Turns_of_a_round_are_compared_with_each_other()
    {
        var lot = new Random(Seed);
        int heat = -1;
        double[] noise = [];
        var runner = new FakeRunner(r =>
        {
            if (r.Options.Instrument != Instrument.None || r.Index < 7)
                return FakeRunner.Result(r) with { ElapsedNs = 60_000_000 };
            if (r.Configuration == First && ++heat % 2 == 0) // and its twin
                noise = [.. Enumerable.Range(0, 6).Select(_ => lot.Next(2) + 1 + 0.001 * lot.NextDouble())];
            long[] turns = [.. noise.Select(n => (long)(60_000_000 * n * (r.Configuration == First ? 1 : 1.02)))];
            return FakeRunner.Result(r) with { TurnLoops = 1, LoopNs = turns, LoopCpuNs = turns, ElapsedNs = turns.Sum() };
        });
        ComparisonReport report = Compare(runner, First, Second);

        PairedRatio ratio = report.Rows[2][Metric.Speed]!.Ratio!;
        Assert.InRange(ratio.Low!.Value, 0.98, 0.9805);
        Assert.InRange(ratio.High!.Value, 0.98, 0.9805);
        Assert.Equal(Verdict.Lower, report.Rows[2][Metric.Speed]!.Verdict);
        Assert.All(report.Runs.Where(r => r.Pass == Pass.Throughput.Name && r.Row == 2), r =>
        {
            Assert.Equal(6, r.Turns["speed"].Count);
            Assert.InRange(r.Ratios["cpu"], 1.0195, 1.0205);
        });
    }

    [Fact]
    public void What_is_twice_as_fast_with_half_the_memory_shows_so()
    {
        ComparisonReport report = Compare(
            new FakeRunner(r => r.Configuration == Second
                ? FakeRunner.Result(r, calls: 2000, peakBytes: 1 << 19, peakLiveBytes: 1 << 18)
                : FakeRunner.Result(r, peakLiveBytes: 1 << 18)), First, Second, Noop);

        Assert.Equal([Role.Baseline, Role.Twin, Role.Compared, Role.Reference], report.Rows.Select(r => r.Role));
        Assert.All(report.Rows[0].Figures, figure => Assert.Null(figure.Ratio));
        Assert.All(report.Rows[1].Figures.Where(f => f.Ratio is not null), figure => Assert.Equal((1.0, null), (figure.Ratio!.Estimate, figure.Verdict)));
        AssertClaim(2, Verdict.Higher, report.Rows[2][Metric.Speed]);
        AssertClaim(0.5, Verdict.Lower, report.Rows[2][Metric.PeakRss]);
        AssertClaim(1, null, report.Rows[2][Metric.Faults]);
        AssertClaim(1, null, report.Rows[3][Metric.Speed]);
        Assert.Null(report.Rows[3][Metric.PeakRss]);
    }

    [Fact]
    public void Claims_share_the_chance_to_be_wrong()
    {
        ComparisonReport two = Compare(new FakeRunner(r => FakeRunner.Result(r)), First, Second);
        ComparisonReport three = Compare(new FakeRunner(r => FakeRunner.Result(r)), First, Second, Third);
        Assert.Equal(1 - 0.05 / 3, two.Rows[2][Metric.Speed]!.Ratio!.Confidence, 1e-12);
        Assert.Equal(1 - 0.05 / 6, three.Rows[2][Metric.Speed]!.Ratio!.Confidence, 1e-12);
        Assert.Equal(0.95, three.Rows[2][Metric.Faults]!.Ratio!.Confidence, 1e-12);
    }

    [Fact]
    public void Too_few_runs_have_estimates_without_intervals_and_say_so()
    {
        var options = new ComparisonOptions { Blocks = 5, Seed = Seed };
        ComparisonReport report = new Comparison(_plans, [First, Second], options, new FakeRunner(r => FakeRunner.Result(r))).Run("trace", token: Token);
        ComparedFigure speed = report.Rows[2][Metric.Speed]!;
        Assert.Equal((Verdict.TooFewRuns, null, 1.0), (speed.Verdict, speed.Ratio!.Low, speed.Ratio.Estimate));
        Assert.All(report.Primary, p => Assert.Equal((null, null), (p.Resolution, p.Noise)));
    }

    [Fact]
    public void It_stops_when_it_is_precise_enough()
    {
        var options = new ComparisonOptions { Seed = Seed, Budget = TimeSpan.FromSeconds(119) };
        ComparisonReport report = Timed(options, r => FakeRunner.Result(r, calls: 1000 + r.Index % 3), First, Second);
        Assert.All(report.Passes.Skip(1), p => Assert.Equal((Stop.Precision, SignedRank.PairsFor(0.05 / 3)), (p.Stop, p.Blocks)));
    }

    [Fact]
    public void Of_what_nothing_is_claimed_there_are_a_few_runs_and_the_time_is_for_the_others()
    {
        var noise = new Random(Seed);
        ComparisonReport report = Timed(
            new ComparisonOptions { Seed = Seed, Budget = TimeSpan.FromSeconds(300) },
            r => FakeRunner.Result(r, calls: noise.Next(1000, 2000), peakBytes: noise.Next(1 << 20, 1 << 21)), First, Second, Noop);
        int RunsOf(int row) => report.Runs.Count(r => r.Pass == "throughput" && r.Row == row);
        Assert.Equal(Comparison.ReferenceRuns, RunsOf(3));
        Assert.InRange(RunsOf(2), 4 * Comparison.ReferenceRuns, 300);
        Assert.Equal(RunsOf(0), RunsOf(2));
    }

    [Fact]
    public void It_stops_when_its_time_is_spent_and_each_pass_has_its_share()
    {
        // Runs that scatter by a third never get so precise; a run takes a second of each pass, three are a block.
        var noise = new Random(Seed);
        ComparisonReport report = Timed(
            new ComparisonOptions { Seed = Seed, Budget = TimeSpan.FromSeconds(119) },
            r => FakeRunner.Result(r, calls: noise.Next(1000, 2000), peakBytes: noise.Next(1 << 20, 1 << 21)), First, Second);
        Assert.Equal([Stop.Blocks, Stop.Budget, Stop.Budget, Stop.Budget], report.Passes.Select(p => p.Stop));
        Assert.InRange(report.ElapsedSeconds, 114, 123);
        Assert.InRange(report.Passes[1].Blocks, 15, 18); // 44 % of the time
        Assert.InRange(report.Passes[3].Blocks, 16, 20);
    }

    [Fact]
    public void A_budget_that_is_spent_at_once_has_a_block_of_each_pass()
    {
        ComparisonReport report = Timed(new ComparisonOptions { Seed = Seed, Budget = TimeSpan.FromMilliseconds(1) }, r => FakeRunner.Result(r), First, Second);
        Assert.All(report.Passes, p => Assert.Equal(1, p.Blocks));
    }

    [Theory]
    [InlineData(1 << 20, true)]
    [InlineData((1 << 20) + 1, false)]
    public void No_overhead_is_taken_and_no_verdict_given_where_less_was_resident_than_live(int live, bool isTaken)
    {
        // One run of the kind is enough to spoil it.
        int spoilt = 0;
        ComparisonReport report = Compare(
            new FakeRunner(r => FakeRunner.Result(
                r, peakLiveBytes: r.Configuration == Second && r.Options.Instrument == Instrument.Memory && spoilt++ == 3 ? live : 1 << 20)), First, Second);
        Assert.Equal(isTaken ? 0 : 1, report.Rows.Count(row => row.Overhead is null));
        Assert.Equal(isTaken ? Verdict.NoDifferenceShown : Verdict.Withheld, report.Rows[2][Metric.PeakRss]!.Verdict);
        Assert.Equal(Verdict.NoDifferenceShown, report.Rows[2][Metric.Speed]!.Verdict);
    }

    [Fact]
    public void Every_run_is_in_the_report()
    {
        ComparisonReport report = Compare(new FakeRunner(r => FakeRunner.Result(r, calls: 1000 + r.Index)), First, Second);
        Assert.Equal(2 + 3 * 3 * Blocks, report.Runs.Count);
        double[] speeds = [.. report.Runs.Where(r => r.Pass == Pass.Throughput.Name && r.Row == 2).OrderBy(r => r.Block).Select(r => r.Figures["speed"])];
        Assert.Equal(Blocks, speeds.Length);
        Assert.Equal(Spread.Of(speeds), report.Rows[2][Metric.Speed]!.Spread);
    }

    [Fact]
    public void A_trace_that_allocates_nothing_has_no_ratio_of_memory()
    {
        ComparisonReport report = Compare(new FakeRunner(r => FakeRunner.Result(r, peakBytes: 0)), First, Second);
        ComparedFigure peak = report.Rows[2][Metric.PeakRss]!;
        Assert.Equal((0.0, null, null), (peak.Spread.Max, peak.Ratio, peak.Verdict));
    }

    [Fact]
    public void What_fails_is_a_row_with_its_reason_and_the_others_go_on()
    {
        var runner = new FakeRunner(r => r.Configuration == Second && r.Index > 22
            ? throw new ReplayException(new RunFailure(FailureKind.Crashed, 11), "killed by SIGSEGV") : FakeRunner.Result(r));
        ComparisonReport report = Compare(runner, First, Second, Third);
        Assert.Equal(new RowFailure("memory", FailureKind.Crashed, 11, "killed by SIGSEGV"), report.Rows[2].Failure);
        Assert.Equal((false, true), (report.Rows[2].IsSound, report.Rows[0].IsSound));
        Assert.Null(report.Rows[2][Metric.Speed]);
        Assert.Equal(Verdict.Withheld, report.Rows[2][Metric.PeakRss]!.Verdict);
        Assert.Equal((true, Verdict.NoDifferenceShown), (report.Rows[3].IsSound, report.Rows[3][Metric.Speed]!.Verdict));
        Assert.Single(runner.Requests.Skip(23), r => r.Configuration == Second);
    }

    [Fact]
    public void Wrong_blocks_withhold_verdicts_and_the_figures_stay()
    {
        var fault = new WorkerFault(
            BlockFaultKind.Overlap, 2, new WorkerCall(0, 2, CallKind.Free), new WorkerCall(0, 1, CallKind.Malloc), null, 16, 0x1000, 8, 0);
        ComparisonReport report = Compare(
            new FakeRunner(r => FakeRunner.Result(r) with { Faults = r.Configuration == Second && r.Options.Instrument == Instrument.Blocks ? [fault] : [] }),
            First, Second, Third);
        Assert.Equal([true, true, false, true], report.Rows.Select(r => r.IsSound));
        Assert.Equal(fault, Assert.Single(report.Rows[2].Faults));
        Assert.Equal((Verdict.Withheld, 1000.0), (report.Rows[2][Metric.Speed]!.Verdict, report.Rows[2][Metric.Speed]!.Spread.Median));
        Assert.Equal(Verdict.NoDifferenceShown, report.Rows[3][Metric.Speed]!.Verdict);
    }

    [Fact]
    public void Latency_is_told_of_all_acquisitions_and_by_kind_and_size()
    {
        WorkerLatency Of(CallKind kind, ulong low, params (double, long)[] buckets) =>
            new(kind, low, 2 * low, new LatencyHistogram(buckets[^1].Item1, [.. buckets.Select(b => new LatencyBucket(b.Item1, b.Item2))]));
        ComparisonReport report = Compare(
            new FakeRunner(r => FakeRunner.Result(r) with
            {
                Latency = r.Options.Instrument == Instrument.Latency
                    ? [Of(CallKind.Malloc, 16, (10, 90), (100, 9)), Of(CallKind.Malloc, 32, (1000, 1)), Of(CallKind.Free, 16, (5, 1000))] : [],
            }), First, Second);
        ComparisonRow row = report.Rows[0];
        Assert.Equal(["all", "malloc", "malloc", "free"], row.Latency.Select(l => l.Kind));
        Assert.Equal((100 * Blocks, 10.0, 100.0, 1000.0),
            (row.Latency[0].Count, row.Latency[0].Percentiles["50"], row.Latency[0].Percentiles["99"], row.Latency[0].Percentiles["100"]));
        Assert.Equal((100.0, 1000.0), (row[Metric.Of("p99")!]!.Spread.Median, row[Metric.Of("max")!]!.Spread.Median));
        Assert.Equal([1000.0, 1.0], row.Latency[0].Curve[^1]);
        Assert.Equal(row.Latency[0].Curve.OrderBy(c => c[1]).ThenBy(c => c[0]), row.Latency[0].Curve);
    }

    [Fact]
    public void What_is_left_is_looked_at_once_where_there_is_time_for_it()
    {
        var runner = new FakeRunner(r => FakeRunner.Result(r));
        ComparisonReport Run(TimeSpan budget) =>
            new Comparison(_plans, [First, Second], new ComparisonOptions { Seed = Seed, Budget = budget }, runner, _clock).Run("trace", token: Token);
        Assert.DoesNotContain(Run(TimeSpan.FromSeconds(119)).Passes, p => p.Name == "residue");
        Assert.DoesNotContain(runner.Requests, r => r.Options.ResidueMs.Count > 0);
        Assert.Equal((1, Stop.Blocks), Run(TimeSpan.FromSeconds(120)).Passes.Where(p => p.Name == "residue").Select(p => (p.Blocks, p.Stop)).Single());
        Assert.Equal(2, runner.Requests.Count(r => r.Options.ResidueMs.Count == 3));
    }

    [Fact]
    public void Where_the_twin_of_the_first_fails_so_has_the_first()
    {
        // The second run of the first one's in a block of memory.
        int runs = 0;
        var runner = new FakeRunner(r => r.Configuration == First && r.Options.Instrument == Instrument.Memory && ++runs == 4
            ? throw new ReplayException(new RunFailure(FailureKind.Crashed, 11), "killed by SIGSEGV") : FakeRunner.Result(r));
        ComparisonReport report = Compare(runner, First, Second);
        Assert.Equal([false, false, true], report.Rows.Select(r => r.IsSound));
        Assert.Equal(4, runs);
        Assert.Equal(Verdict.Withheld, report.Rows[2][Metric.PeakRss]!.Verdict);
    }

    [Fact]
    public void Faults_and_switches_are_those_of_one_replay_however_often_a_run_loops()
    {
        var runner = new FakeRunner(r => FakeRunner.Result(r) with
        {
            ElapsedNs = 12_500_000,
            MinorFaults = 7 * r.Options.Loops,
            LoopNs = [.. Enumerable.Repeat(12_500_000L / r.Options.Loops, r.Options.Loops)],
        });
        ComparisonReport report = Compare(runner, First, Second);
        Assert.Equal((4, 7.0), (report.Passes[^1].Loops, report.Rows[0][Metric.Faults]!.Spread.Median));
    }

    [Fact]
    public void Where_the_first_fails_the_others_have_figures_and_no_verdict()
    {
        var runner = new FakeRunner(r => r.Configuration == First ? throw new ReplayException(ReplayFailure.Failed, "no") : FakeRunner.Result(r));
        ComparisonReport report = Compare(runner, First, Second);
        Assert.Equal([false, false, true], report.Rows.Select(r => r.IsSound));
        ComparedFigure speed = report.Rows[2][Metric.Speed]!;
        Assert.Equal((1000.0, null, null), (speed.Spread.Median, speed.Ratio, speed.Verdict));
    }

    [Fact]
    public void A_run_may_take_ten_times_as_long_as_those_before_it_and_no_less_than_half_a_minute()
    {
        var runner = new FakeRunner(r =>
        {
            _clock.Advance(TimeSpan.FromSeconds(20));
            return FakeRunner.Result(r);
        });
        var options = new ComparisonOptions { Blocks = 1, Seed = Seed, Budget = TimeSpan.FromMinutes(10) };
        new Comparison(_plans, [First, Second], options, runner, _clock).Run("trace", token: Token);
        Assert.Equal(TimeSpan.FromMinutes(10), runner.Requests[0].Options.Timeout);
        Assert.Equal(TimeSpan.FromSeconds(200), runner.Requests[1].Options.Timeout);

        var fast = new FakeRunner(r => FakeRunner.Result(r));
        new Comparison(_plans, [First, Second], options, fast, _clock).Run("trace", token: Token);
        Assert.Equal(TimeSpan.FromSeconds(30), fast.Requests[1].Options.Timeout);
    }

    [Fact]
    public void An_interruption_keeps_what_is_finished()
    {
        using var source = new CancellationTokenSource();
        var runner = new FakeRunner(r =>
        {
            if (r.Index == 2 + 2 + 2 * 3 * Blocks + 4) // in the second block that is timed
                source.Cancel();
            return FakeRunner.Result(r);
        });
        var comparison = new Comparison(_plans, [First, Second], new ComparisonOptions { Blocks = Blocks, Seed = Seed }, runner);
        ComparisonReport report = comparison.Run("trace", token: source.Token);
        Assert.Equal((true, Blocks, 1), (report.IsInterrupted, report.Passes[1].Blocks, report.Passes[3].Blocks));
        Assert.Equal(Verdict.NoDifferenceShown, report.Rows[2][Metric.PeakRss]!.Verdict);
    }

    [Fact]
    public void An_interruption_before_anything_is_finished_leaves_nothing()
    {
        using var source = new CancellationTokenSource();
        var runner = new FakeRunner(r =>
        {
            source.Cancel();
            return FakeRunner.Result(r);
        });
        var comparison = new Comparison(_plans, [First, Second], new ComparisonOptions { Blocks = Blocks, Seed = Seed }, runner);
        Assert.Throws<OperationCanceledException>(() => comparison.Run("trace", token: source.Token));
        Assert.Single(runner.Requests);
    }

    [Fact]
    [StartsProcesses]
    public void A_comparison_runs_every_allocator_and_reports_noop_without_memory()
    {
        IReadOnlyList<Configuration> configurations = Configuration.Parse("glibc,MALLOC_PERTURB_=1,glibc,MALLOC_ARENA_MAX=1,noop");
        var comparison = new Comparison(_plans, configurations, new ComparisonOptions { Blocks = 3, Seed = 1 }, WorkerRunner.Instance);

        IReadOnlyList<ComparisonRow> rows = comparison.Run("trace", token: Token).Rows;

        Assert.Equal(
            ["glibc,MALLOC_PERTURB_=1", "glibc,MALLOC_PERTURB_=1", "glibc,MALLOC_ARENA_MAX=1", "noop"], rows.Select(r => r.Allocator.Name));
        Assert.Equal(Verdict.TooFewRuns, rows[2][Metric.Speed]!.Verdict);
        Assert.NotNull(rows[2][Metric.PeakRss]!.Ratio);
        Assert.Null(rows[3][Metric.PeakRss]);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static Configuration Named(string name) => new() { Allocator = new Allocator { Name = name } };

    private static void AssertClaim(double estimate, Verdict? verdict, ComparedFigure? figure)
    {
        Assert.Equal(estimate, figure!.Ratio!.Estimate, 1e-9);
        Assert.Equal(verdict, figure.Verdict);
    }

    private ComparisonReport Compare(FakeRunner runner, params Configuration[] configurations) =>
        new Comparison(_plans, configurations, new ComparisonOptions { Blocks = Blocks, Seed = Seed }, runner, _clock).Run("trace", token: Token);

    /// <summary>Each run takes a second.</summary>
    private ComparisonReport Timed(ComparisonOptions options, Func<FakeRunner.Request, WorkerResult> answer, params Configuration[] configurations)
    {
        var runner = new FakeRunner(r =>
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            return answer(r);
        });
        return new Comparison(_plans, configurations, options, runner, _clock).Run("trace", token: Token);
    }
}
