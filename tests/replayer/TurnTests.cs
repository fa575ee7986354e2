using AllocReplay.Replayer;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>Runs that take turns, in real workers.</summary>
[StartsProcesses]
public sealed class TurnTests : IDisposable
{
    private const int Trigger = 7777; // bytes, at which failing_allocator.c does what it was compiled for
    private static readonly int[][] Rounds = [[0, 1, 2], [2, 0, 1], [1, 2, 0]];

    private readonly TemporaryDirectory _directory = new();
    private readonly ReplayPlan _plan;

    public TurnTests()
    {
        var writer = new RecordingWriter(_directory["trace"]);
        writer.Thread(0).Malloc(100, 0x1000, 32).Malloc(200, 0x2000, Trigger).Free(300, 0x1000);
        writer.Thread(1).Malloc(150, 0x3000, 32).Free(400, 0x2000);
        writer.Save();
        _plan = PlanFile.Compile(_directory["trace"]);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _plan.Dispose();
        _directory.Dispose();
    }

    /// <summary>Each adds its letter to a file in every loop: two in a turn, and none while another has its turn.</summary>
    [Fact]
    public void One_runs_at_a_time_in_the_order_of_the_rounds()
    {
        RunOutcome[] outcomes = [.. Run([Logging("A"), Logging("B"), Logging("C")], loops: 2)];

        Assert.Equal("AABBCC" + "CCAABB" + "BBCCAA", File.ReadAllText(_directory["log"]));
        Assert.All(outcomes, o => Assert.Equal((6, 3, 3), (o.Result!.LoopNs.Count, o.Result.TurnNs.Count, o.Result.TurnCpuNs.Count)));
        Assert.All(outcomes, o => Assert.Equal(o.Result!.ElapsedNs, o.Result.TurnNs.Sum()));
        Assert.All(outcomes, o => Assert.Equal(5 * 6, o.Result!.Calls));
    }

    [Theory]
    [InlineData("CRASH", FailureKind.Crashed)]
    [InlineData("EXIT=0", FailureKind.Exited)]
    [InlineData("HANG", FailureKind.Hung)]
    public void One_that_fails_in_the_middle_is_told_and_the_others_go_on(string fault, FailureKind kind)
    {
        RunOutcome[] outcomes = [.. Run([Logging("A"), RunFailureTests.Planted(fault, "-DAT=2"), Logging("C")], loops: 1)];

        Assert.Equal(kind, outcomes[1].Failure?.Run?.Kind);
        Assert.Equal("ACCACA", File.ReadAllText(_directory["log"]));
        Assert.All(new[] { outcomes[0], outcomes[2] }, o => Assert.Equal(3, o.Result!.TurnNs.Count));
    }

    [Fact]
    public void One_that_cannot_be_started_is_told_and_the_others_go_on()
    {
        RunOutcome[] outcomes = [.. Run([Logging("A"), RunFailureTests.Planted("UNRESOLVED"), Logging("C")], loops: 1)];
        Assert.NotNull(outcomes[1].Failure);
        Assert.Equal("ACCACA", File.ReadAllText(_directory["log"]));
    }

    /// <summary>As a user may who stops all that runs, and lets it go on.</summary>
    [Fact]
    public void One_that_somebody_else_stops_comes_to_its_end()
    {
        RunOutcome[] outcomes = [.. Run([Logging("A"), RunFailureTests.Planted("STOP"), Logging("C")], loops: 1)];
        Assert.All(outcomes, o => Assert.Equal(3, o.Result!.TurnNs.Count));
    }

    [Fact]
    public void All_are_gone_when_they_are_cancelled()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(
            () => WorkerRunner.Instance.RunInTurns(_plan, [Logging("A"), Logging("B")], new ReplayOptions(), [[0, 1]], source.Token));
        Assert.False(File.Exists(_directory["log"]));
    }

    private IReadOnlyList<RunOutcome> Run(Configuration[] configurations, int loops) => WorkerRunner.Instance.RunInTurns(
        _plan, configurations, new ReplayOptions { Loops = loops, Timeout = TimeSpan.FromSeconds(5) }, Rounds, Token);

    private Configuration Logging(string name) =>
        RunFailureTests.Planted("LOG") with { Environment = [$"PLANTED_NAME={name}", $"PLANTED_LOG={_directory["log"]}"] };
}
