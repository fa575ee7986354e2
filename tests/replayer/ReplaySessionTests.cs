using AllocReplay.Formats;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

public sealed class ReplaySessionTests : IDisposable
{
    private static readonly Configuration Real = new() { Allocator = new Allocator { Name = "real" } };
    private static readonly Configuration Noop = new() { Allocator = new Allocator { Name = "noop", IsNoop = true } };

    private readonly TemporaryDirectory _directory = new();
    private readonly RecordingWriter _writer;

    public ReplaySessionTests()
    {
        _writer = new RecordingWriter(_directory.Path);
        _writer.Thread(0).Malloc(100, 0x1000, 1 << 20).Free(200, 0x1000).Free(300, 0x9000);
        _writer.Save();
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Speed_and_memory_are_taken_in_runs_of_their_own_but_where_a_pace_sets_the_speed()
    {
        using ReplayPlan plan = PlanFile.Compile(_directory.Path);
        IReadOnlyList<Pass> Of(Configuration configuration, Pace pace) =>
            new ReplaySession(plan, configuration, new ReplayOptions { Pace = pace }, WorkerRunner.Instance).Passes;
        Assert.Equal([Pass.Throughput, Pass.Memory], Of(Real, Pace.Asap));
        Assert.Equal([Pass.Memory], Of(Real, Pace.Recorded));
        Assert.Equal([Pass.Throughput], Of(Noop, Pace.Asap));
        Assert.Equal([Pass.Throughput], Of(Noop, Pace.Recorded));
        Assert.Equal([Pass.Throughput], Of(Real with { Hook = new CountingHook() }, Pace.Asap));
    }

    [Theory]
    [InlineData(1 << 20, 2.0, OverheadGap.None)]
    [InlineData(4 << 20, null, OverheadGap.ResidentBefore)]
    [InlineData(0, null, OverheadGap.NothingLive)]
    public void A_report_has_an_overhead_or_the_reason_for_there_being_none(int live, double? overhead, OverheadGap gap)
    {
        using ReplayPlan plan = PlanFile.Compile(_directory.Path);
        var session = new ReplaySession(plan, Real, new ReplayOptions(), new FakeRunner(r => FakeRunner.Result(r, peakBytes: 2 << 20, peakLiveBytes: live)));
        foreach (Pass pass in session.Passes)
            session.Run(pass, token: TestContext.Current.CancellationToken);

        ReplayReport report = session.Report("trace");

        Assert.Equal(("trace", "real", (long?)(2 << 20)), (report.Trace, report.Allocator, report.PeakBytes));
        Assert.Equal((overhead, gap), (report.Overhead, report.OverheadGap));
    }

    /// <summary>A second of two threads.</summary>
    [Theory]
    [InlineData(800, 700, "asap", false)]
    [InlineData(800, 760, "asap", true)]
    [InlineData(800, 760, "recorded", false)]
    [InlineData(100, 0, "asap", false)] // they were gone, and waited for nobody
    public void Waits_dominate_where_for_more_than_half_of_the_time_nobody_was_at_work(long activeMs, long waitMs, string pace, bool dominate)
    {
        using ReplayPlan plan = PlanFile.Compile(_directory.Path);
        var thread = new WorkerThread(500, 0, 0, 0, Waits: 9, Sleeps: 1, activeMs * 1_000_000, waitMs * 1_000_000);
        var other = thread with { ActiveNs = 900_000_000, WaitNs = waitMs == 0 ? 0 : 500_000_000 };
        var session = new ReplaySession(
            plan, Real, new ReplayOptions { Pace = Pace.Parse(pace)!.Value }, new FakeRunner(r => FakeRunner.Result(r) with { Threads = [thread, other] }));
        foreach (Pass pass in session.Passes)
            session.Run(pass, token: TestContext.Current.CancellationToken);
        ReplayReport report = session.Report("trace");
        Assert.Equal(dominate, report.WaitsDominate);
        Assert.Equal((activeMs - waitMs + (other.ActiveNs - other.WaitNs) / 1_000_000) * 1_000_000, report.WorkNs);
    }

    [Fact]
    public void What_a_plan_does_not_have_as_it_was_is_told_by_reason()
    {
        using ReplayPlan plan = PlanFile.Compile(_directory.Path);
        Assert.Equal([new Departure(DepartureReason.UnknownReleases, 1)], plan.Departures);
    }

    [Fact]
    [StartsProcesses]
    public void A_hook_is_begun_once_a_run_and_told_how_it_ended()
    {
        using ReplayPlan plan = PlanFile.Compile(_directory.Path);
        var hook = new CountingHook();
        Configuration configuration = ReplayTests.Installed("glibc") with { Hook = hook, Environment = ["MALLOC_ARENA_MAX=1"] };

        WorkerRunner.Instance.Run(plan, configuration, new ReplayOptions(), token: TestContext.Current.CancellationToken);
        Assert.Equal((1, 0), (hook.Completed.Count, hook.Abandoned));
        Assert.Equal(("deps", "page", "glibc,MALLOC_ARENA_MAX=1", 2L),
            (hook.Completed[0].Order, hook.Completed[0].Touch, hook.Completed[0].Allocator, hook.Completed[0].Calls));

        File.WriteAllText(plan.Path, "no plan any more");
        Assert.Throws<ReplayException>(() =>
            WorkerRunner.Instance.Run(plan, configuration, new ReplayOptions(), token: TestContext.Current.CancellationToken));
        Assert.Equal((1, 1), (hook.Completed.Count, hook.Abandoned));
    }

    /// <summary>Sees nothing: what it preloads has no malloc.</summary>
    private sealed class CountingHook : IHook, IHookedRun
    {
        public string Name => "counting";
        public List<ReplayInfo> Completed { get; } = [];
        public int Abandoned { get; private set; }
        public PreloadedHook Library => new(Targets.Build("failing_allocator.c", "-shared", "-fPIC", "-DNO_MALLOC"), []);

        public IHookedRun Begin() => this;

        public IReadOnlyDictionary<string, long> Complete(int processId, ReplayInfo replay)
        {
            Completed.Add(replay);
            return new Dictionary<string, long>();
        }

        public void Abandon() => Abandoned++;
    }
}
