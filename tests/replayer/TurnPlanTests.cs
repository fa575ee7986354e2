using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>How runs are laid out that take turns.</summary>
public sealed class TurnPlanTests : IDisposable
{
    private const long Plenty = 1L << 40; // bytes

    private readonly TemporaryDirectory _directory = new();
    private readonly ReplayPlan _plan;

    public TurnPlanTests()
    {
        TraceGenerator.Write(_directory.Path, seed: 1, threads: 2, calls: 100);
        _plan = PlanFile.Compile(_directory.Path);
    }

    public void Dispose()
    {
        _plan.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(1, 50)]
    [InlineData(49, 2)]
    [InlineData(70, 1)]
    [InlineData(20_000, 1)]
    public void A_turn_lasts_fifty_milliseconds_at_the_least(int loopMs, int loops) => Assert.Equal(loops, Plan([loopMs, loopMs, loopMs]).Loops);

    [Fact]
    public void A_slow_configuration_does_not_make_a_turn_last_for_ever() => Assert.Equal(5, Plan([1, 1, 100]).Loops);

    /// <summary>Three of 100 ms: of three minutes a fortieth, and not more than four seconds.</summary>
    [Theory]
    [InlineData(180, 13)]
    [InlineData(3600, 13)]
    [InlineData(60, 5)]
    [InlineData(4, 1)]
    public void A_heat_takes_a_fortieth_of_the_time(int budgetSeconds, int rounds) => Assert.Equal(rounds, Plan([100, 100, 100], budgetSeconds).Rounds);

    [Fact]
    public void A_long_replay_has_one_turn() => Assert.Equal((1, 1), (Plan([9000, 9000]).Loops, Plan([9000, 9000]).Rounds));

    [Fact]
    public void As_many_are_in_memory_at_once_as_half_of_it_holds()
    {
        long one = 2 * MemoryGuard.NeededBy(_plan);
        Assert.Equal((6, 3, 1, 1), (TogetherOf(Plenty), TogetherOf(2 * 3 * one), TogetherOf(2 * one), TogetherOf(0)));

        int TogetherOf(long bytes) => Plan([100, 100, 100], availableBytes: bytes).Together;
    }

    [Fact]
    public void Each_heat_has_the_first_and_every_other_is_in_one()
    {
        var plan = new TurnPlan(1, 1, Together: 3);
        Assert.Equal<int[]>([[0, 4, 2], [0, 1, 3], [0, 5]], plan.HeatsOf([4, 2, 0, 1, 3, 5], first: 0));
        Assert.Equal<int[]>([[4, 2, 1], [3, 5]], plan.HeatsOf([4, 2, 1, 3, 5], first: 0)); // it has failed
        Assert.Equal<int[]>([[0]], plan.HeatsOf([0], first: 0));
        Assert.Equal<int[]>([[2], [0], [1]], (plan with { Together = 1 }).HeatsOf([2, 0, 1], first: 0));
    }

    /// <summary>Three of 1 ms, of three minutes four seconds: what each replay takes before its time begins is made as often as there are loops.</summary>
    [Theory]
    [InlineData(0, 50, 26)]
    [InlineData(1, 50, 13)]
    [InlineData(99, 13, 1)]
    [InlineData(10_000, 1, 1)]
    public void A_long_prologue_leaves_a_turn_fewer_loops(int prologueMs, int loops, int rounds)
    {
        TurnPlan plan = Plan([1, 1, 1], prologueMs: prologueMs);
        Assert.Equal((loops, rounds), (plan.Loops, plan.Rounds));
    }

    private TurnPlan Plan(int[] loopMs, int budgetSeconds = 180, long availableBytes = Plenty, int prologueMs = 0) => TurnPlan.Of(
        [.. loopMs.Select(ms => TimeSpan.FromMilliseconds(ms))], _plan,
        new ComparisonOptions { Seed = 1, Budget = TimeSpan.FromSeconds(budgetSeconds) }, availableBytes,
        TimeSpan.FromMilliseconds(prologueMs));
}
