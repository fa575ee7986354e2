namespace AllocReplay.Replayer.Compare;

/// <summary>One run of a schedule.</summary>
/// <param name="Configuration">Index of what is run.</param>
/// <param name="Block">The block that it counts in, from 0; negative while warming up.</param>
public readonly record struct ScheduledRun(int Configuration, int Block)
{
    public bool Counts => Block >= 0;
}

/// <summary>
/// The order of runs that are to be compared: blocks that hold every configuration once, in an order drawn anew for each, so that what the machine does
/// meanwhile hits all of them alike.
/// </summary>
/// <param name="configurations">How many configurations there are.</param>
/// <param name="blocks">Blocks that count.</param>
/// <param name="warmUps">Blocks that are run first and do not count.</param>
/// <param name="seed">Seed of the order.</param>
public sealed class Schedule(int configurations, int blocks, int warmUps, int seed)
{
    /// <summary>Runs in all.</summary>
    public int Count => configurations * (blocks + warmUps);

    /// <summary>The runs; the same every time.</summary>
    public IEnumerable<ScheduledRun> Runs()
    {
        var random = new Random(seed);
        int[] order = [.. Enumerable.Range(0, configurations)];
        for (int block = -warmUps; block < blocks; block++)
        {
            random.Shuffle(order);
            foreach (int configuration in order)
                yield return new ScheduledRun(configuration, block);
        }
    }
}
