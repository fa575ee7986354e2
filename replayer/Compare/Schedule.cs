namespace AllocReplay.Replayer.Compare;

/// <summary>
/// The order of runs that are to be compared: blocks that hold every configuration once, in an order drawn by lot for each, so that what the machine
/// does meanwhile hits all of them alike.
/// </summary>
/// <param name="configurations">How many configurations there are.</param>
/// <param name="seed">Seed of the order: the same gives the same blocks.</param>
public sealed class Schedule(int configurations, int seed)
{
    private readonly Random _lot = new(seed);

    /// <summary>The configurations in the order of the next block.</summary>
    public int[] NextBlock() => NextOrder(configurations);

    /// <summary>The order of so many in each of some rounds.</summary>
    public IReadOnlyList<int[]> NextRounds(int count, int rounds) => [.. Enumerable.Range(0, rounds).Select(_ => NextOrder(count))];

    private int[] NextOrder(int count)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        _lot.Shuffle(order);
        return order;
    }
}
