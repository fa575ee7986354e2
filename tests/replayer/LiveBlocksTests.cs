using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;

namespace AllocReplay.Tests.Replayer;

/// <summary>Beside a dictionary.</summary>
public sealed class LiveBlocksTests
{
    private const int Seed = 20261126;

    [Fact]
    public void It_holds_what_a_dictionary_holds()
    {
        var random = new Random(Seed);
        var blocks = new LiveBlocks();
        var model = new Dictionary<long, LiveBlock>();
        var ids = new List<long>();
        for (long id = 0; id < 60_000; id++)
        {
            ulong size = random.Next(50) == 0 ? uint.MaxValue + (ulong)random.Next(3) - 1 : (ulong)random.Next(1000);
            var block = new LiveBlock((uint)random.Next(), random.Next(), size, new Acquisition(random.Next(100), random.NextInt64(), random.Next()));
            blocks.Add(id, block);
            model.Add(id, block);
            ids.Add(id);
            // More and more, then fewer and fewer.
            for (int gone = random.Next(id < 40_000 ? 2 : 5); gone > 0 && ids.Count > 0; gone--)
            {
                int at = random.Next(ids.Count);
                long given = random.Next(20) == 0 ? -1 : ids[at];
                Assert.Equal(model.Remove(given, out LiveBlock expected), blocks.Remove(given, out LiveBlock found));
                Assert.True(expected == found, $"seed {Seed}, block {given}: {found} instead of {expected}");
                if (given >= 0)
                {
                    ids[at] = ids[^1];
                    ids.RemoveAt(ids.Count - 1);
                }
            }
            Assert.Equal(model.Count, blocks.Count);
        }
        Assert.Equal(model.Values.OrderBy(b => b.Producer).ThenBy(b => b.Slot), blocks.All.OrderBy(b => b.Producer).ThenBy(b => b.Slot));
    }
}
