using AllocReplay.Replayer;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Corpus;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>The protocol of a comparison over several traces, with a runner that starts no process.</summary>
public sealed class CorpusComparisonTests : IDisposable
{
    private const int Seed = 20261126;

    private readonly TemporaryDirectory _directory = new();
    private readonly ManualClock _clock = new();

    private static readonly Configuration First = Named("first"), Second = Named("second");

    public CorpusComparisonTests() => TraceGenerator.Write(_directory.Path, seed: 1, threads: 2, calls: 500);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Each_trace_has_an_equal_share_of_the_time_that_is_left_and_an_order_of_its_own()
    {
        var watcher = new Turns();
        var options = new ComparisonOptions { Seed = Seed, Budget = TimeSpan.FromSeconds(90) };
        CorpusReport report = Run(options, Noisy(), watcher, Trace("a"), Trace("b"), Trace("c"));
        Assert.Equal(["a", "b", "c"], watcher.Seen.Select(t => t.Trace.Name));
        Assert.Equal([(1, 3), (2, 3), (3, 3)], watcher.Seen.Select(t => (t.Number, t.Of)));
        Assert.Equal(TimeSpan.FromSeconds(30), watcher.Seen[0].Options.Budget);
        Assert.All(watcher.Seen, t => Assert.InRange(t.Options.Budget.TotalSeconds, 25, 35)); // a block ends beside its time
        Assert.Equal([Seed, Seed + 1, Seed + 2], report.Reports.Select(r => r.Seed));
        Assert.InRange(report.ElapsedSeconds, 80, 100);
        Assert.Equal(90, report.BudgetSeconds);
    }

    [Fact]
    public void The_first_run_of_a_trace_may_take_the_time_of_all_however_small_its_share()
    {
        var runner = new FakeRunner(r => Second1(FakeRunner.Result(r)));
        var options = new ComparisonOptions { Seed = Seed, Budget = TimeSpan.FromSeconds(100) };
        new CorpusComparison([.. Enumerable.Range(0, 10).Select(i => Trace($"{i}"))], [First, Second], options, runner, _clock)
            .Run(null, TestContext.Current.CancellationToken);
        Assert.Equal(TimeSpan.FromSeconds(100), runner.Requests[0].Options.Timeout);
    }

    [Fact]
    public void What_one_trace_does_not_need_goes_to_those_after_it()
    {
        var watcher = new Turns();
        var noise = new Random(Seed);
        // The first trace is precise after as many blocks as an interval takes.
        Run(new ComparisonOptions { Seed = Seed, Budget = TimeSpan.FromSeconds(400) },
            r => Second1(FakeRunner.Result(r, calls: watcher.Seen.Count == 1 ? 1000 : noise.Next(1000, 3000))), watcher, Trace("a"), Trace("b"));
        Assert.Equal(200, watcher.Seen[0].Options.Budget.TotalSeconds);
        Assert.InRange(watcher.Seen[1].Options.Budget.TotalSeconds, 250, 350);
    }

    [Fact]
    public void A_time_that_is_spent_leaves_a_block_of_each_pass_to_the_others()
    {
        CorpusReport report = Run(new ComparisonOptions { Seed = Seed, Budget = TimeSpan.FromSeconds(1) }, Noisy(), null, Trace("a"), Trace("b"));
        Assert.All(report.Reports.SelectMany(r => r.Passes), p => Assert.Equal(1, p.Blocks));
    }

    [Fact]
    public void What_would_have_been_enough_is_told_and_is_enough()
    {
        ComparisonOptions options = new() { Seed = Seed, Budget = TimeSpan.FromSeconds(60) };
        CorpusReport report = Run(options, Noisy(), null, Trace("a"), Trace("b"));
        Assert.Equal(Verdict.TooFewRuns, report.Summary!.Rows[2]["speed"]!.Verdict);
        Assert.InRange(report.BudgetNeededSeconds!.Value, 61, 400);

        CorpusReport longer = Run(options with { Budget = TimeSpan.FromSeconds(report.BudgetNeededSeconds.Value) }, Noisy(), null, Trace("a"), Trace("b"));
        Assert.Null(longer.BudgetNeededSeconds);
        Assert.NotEqual(Verdict.TooFewRuns, longer.Summary!.Rows[2]["speed"]!.Verdict);
    }

    [Fact]
    public void The_least_time_of_a_trace_is_that_of_the_runs_which_an_interval_takes()
    {
        // 3 figures of 2 configurations: 8 runs have an interval at 0.05 / 6; 4 run in a block of two passes, 0.2 s each.
        Assert.Equal(8 * 4 * 2 * 0.1, CorpusTime.Least(3, 0, Metric.Primary).TotalSeconds, 1e-9);
        // Of one, and beside it a reference, there are 3 claims: 7 runs.
        Assert.Equal(7 * 4 * 2 * 0.1, CorpusTime.Least(3, 1, Metric.Primary).TotalSeconds, 1e-9);
        Assert.Equal(6 * 3 * 1 * 0.1, CorpusTime.Least(2, 0, [Metric.Speed]).TotalSeconds, 1e-9);
    }

    [Fact]
    public void A_trace_that_cannot_be_read_or_replayed_is_told_and_the_others_go_on()
    {
        CorpusTrace missing = Trace("missing") with { Compile = _ => PlansOf(_directory["none.alloctrace"]) };
        CorpusTrace large = Trace("large") with { Compile = _ => throw new ReplayException(ReplayFailure.MemoryShort, "too large") };
        CorpusReport report = Run(Blocks(6), r => FakeRunner.Result(r), null, missing, Trace("a"), large, Trace("b"));
        Assert.Equal(
            [TraceFailureKind.Unreadable, null, TraceFailureKind.NotPossible, null], report.Traces.Select(t => t.Failure?.Kind));
        Assert.Equal(("too large", ReplayFailure.MemoryShort), (report.Traces[2].Failure!.Reason, ((ReplayException)report.Traces[2].Failure!.Cause!).Failure));
        Assert.Contains("no such trace", report.Traces[0].Failure!.Reason, StringComparison.Ordinal);
        Assert.Equal(["a", "b"], report.Summary!.Traces);
        Assert.False(report.IsInterrupted);
    }

    [Fact]
    public void Plans_go_when_their_trace_is_done_whatever_became_of_it()
    {
        var paths = new List<string>();
        CorpusTrace Watched(string name) => Trace(name) with
        {
            Compile = _ =>
            {
                Assert.All(paths, p => Assert.False(File.Exists(p)));
                IReadOnlyList<ReplayPlan> plans = PlansOf(_directory.Path);
                paths.AddRange(plans.Select(p => p.Path));
                return plans;
            },
        };
        Run(Blocks(1), r => FakeRunner.Result(r), null, Watched("a"), Watched("b"), Watched("c"));
        Assert.Equal(6, paths.Count);
        Assert.All(paths, p => Assert.False(File.Exists(p)));
    }

    [Fact]
    public void An_interruption_keeps_what_is_finished_and_says_what_is_not()
    {
        using var source = new CancellationTokenSource();
        int runs = 0;
        var runner = new FakeRunner(r =>
        {
            if (++runs > 40) // in the second trace: each takes 2 + 2 + 3 × 3 × 3 runs
                source.Cancel();
            return FakeRunner.Result(r);
        });
        CorpusReport report = new CorpusComparison([Trace("a"), Trace("b"), Trace("c")], [First, Second], Blocks(3), runner, _clock).Run(null, source.Token);
        Assert.Equal([false, true], report.Reports.Select(r => r.IsInterrupted));
        Assert.Equal([null, null, TraceFailureKind.Interrupted], report.Traces.Select(t => t.Failure?.Kind));
        Assert.True(report.IsInterrupted);
        Assert.Equal(["a"], report.Summary!.Traces);

        source.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => new CorpusComparison([Trace("a")], [First, Second], Blocks(3), runner, _clock).Run(null, source.Token));
    }

    private static ComparisonOptions Blocks(int blocks) => new() { Seed = Seed, Blocks = blocks };

    private static Configuration Named(string name) => new() { Allocator = new Allocator { Name = name } };

    private CorpusTrace Trace(string name) => new(name, $"path/{name}", _ => PlansOf(_directory.Path));

    private static IReadOnlyList<ReplayPlan> PlansOf(string path) => [PlanFile.Compile(path), PlanFile.Compile(path, ReplayOrder.Total)];

    private CorpusReport Run(
        ComparisonOptions options, Func<FakeRunner.Request, WorkerResult> answer, ICorpusWatcher? watcher, params CorpusTrace[] traces) =>
        new CorpusComparison(traces, [First, Second], options, new FakeRunner(answer), _clock).Run(watcher, TestContext.Current.CancellationToken);

    /// <summary>Runs of a second that scatter by a third: never precise.</summary>
    private Func<FakeRunner.Request, WorkerResult> Noisy()
    {
        var noise = new Random(Seed);
        return r => Second1(FakeRunner.Result(r, calls: noise.Next(1000, 2000), peakBytes: noise.Next(1 << 20, 1 << 21)));
    }

    private WorkerResult Second1(WorkerResult result)
    {
        _clock.Advance(TimeSpan.FromSeconds(1));
        return result;
    }

    private sealed class Turns : ICorpusWatcher
    {
        public List<CorpusTurn> Seen { get; } = [];

        public ComparisonReport Watch(CorpusTurn turn, Func<IProgress<ComparisonProgress>?, ComparisonReport> compare)
        {
            Seen.Add(turn);
            return compare(null);
        }

        public TraceResult Ended(TraceResult result) => result;
    }
}
