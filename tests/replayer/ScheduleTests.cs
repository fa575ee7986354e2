using AllocReplay.Replayer.Compare;

namespace AllocReplay.Tests.Replayer;

public sealed class ScheduleTests
{
    private const int Seed = 20261125;

    [Fact]
    public void Every_block_holds_every_configuration_once()
    {
        var schedule = new Schedule(configurations: 4, blocks: 10, warmUps: 2, Seed);
        ScheduledRun[][] blocks = [.. schedule.Runs().Chunk(4)];
        Assert.Equal(Enumerable.Range(-2, 12), blocks.Select(b => b[0].Block));
        Assert.All(blocks, b => Assert.Single(b.Select(r => r.Block).Distinct()));
        Assert.All(blocks, b => Assert.Equal([0, 1, 2, 3], b.Select(r => r.Configuration).Order()));
        Assert.Equal(schedule.Count, blocks.Sum(b => b.Length));
    }

    [Fact]
    public void Only_what_comes_after_the_warm_up_counts() =>
        Assert.Equal([false, false, true, true, true, true], new Schedule(2, blocks: 2, warmUps: 1, Seed).Runs().Select(r => r.Counts));

    [Fact]
    public void The_seed_decides_the_order_which_differs_from_block_to_block()
    {
        ScheduledRun[] Runs(int seed) => [.. new Schedule(4, blocks: 20, warmUps: 0, seed).Runs()];
        Assert.Equal(Runs(Seed), Runs(Seed));
        Assert.NotEqual(Runs(Seed), Runs(Seed + 1));
        Assert.True(Runs(Seed).Chunk(4).Select(b => string.Join(' ', b.Select(r => r.Configuration))).Distinct().Count() > 5);
    }
}
