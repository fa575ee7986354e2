using AllocReplay.Replayer.Compare;

namespace AllocReplay.Tests.Replayer;

public sealed class ScheduleTests
{
    private const int Seed = 20261125;

    [Fact]
    public void Every_block_holds_every_configuration_once() =>
        Assert.All(Blocks(Seed), block => Assert.Equal([0, 1, 2, 3], block.Order()));

    [Fact]
    public void The_seed_decides_the_order_which_differs_from_block_to_block()
    {
        Assert.Equal(Blocks(Seed), Blocks(Seed));
        Assert.NotEqual(Blocks(Seed), Blocks(Seed + 1));
        Assert.True(Blocks(Seed).Select(b => string.Join(' ', b)).Distinct().Count() > 5);
    }

    private static int[][] Blocks(int seed)
    {
        var schedule = new Schedule(configurations: 4, seed);
        return [.. Enumerable.Range(0, 20).Select(_ => schedule.NextBlock())];
    }
}
