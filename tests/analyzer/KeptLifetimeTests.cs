using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Analyzer;

/// <summary>
/// The rows of a recording of which the oldest part is gone, against those of the whole one: what was acquired in the window is as it was, and of what was
/// acquired before, there are just the blocks that were live when it began.
/// </summary>
public sealed class KeptLifetimeTests : IDisposable
{
    private const string Seed = "0001dKe9xQ52";
    private static readonly int Iterations = Effort.Of(200, small: 20);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Rows_are_those_of_the_whole_recording() => RandomKept.Traces.Sample(
        steps => Assert.All(Cuts(steps), pair => Assert.Equal<IEnumerable<AllocationRow>>(pair.Expected, pair.Found)),
        seed: Seed, iter: Iterations, threads: 1);

    [Fact]
    public void A_carried_block_that_is_taken_for_one_of_the_window_is_noticed()
    {
        (List<AllocationRow> expected, List<AllocationRow> found) = Cuts(RandomKept.Fixed(5))[3];
        Assert.Equal<IEnumerable<AllocationRow>>(expected, found);
        int carried = found.FindIndex(r => r.Carried);
        // The planted fault.
        found[carried] = found[carried] with { Carried = false };
        Assert.NotEqual<IEnumerable<AllocationRow>>(expected, found);
    }

    private List<(List<AllocationRow> Expected, List<AllocationRow> Found)> Cuts(RandomKept.Step[] steps)
    {
        RandomKept trace = RandomKept.Write(steps);
        string whole = _directory[$"w{Guid.NewGuid():N}"];
        trace.Save(whole);
        List<TraceEvent> events = CutTrace.Read(whole);
        List<AllocationRow> rows = RowsOf(whole);
        List<(List<AllocationRow>, List<AllocationRow>)> pairs =
        [
            .. CutTrace.CutsOf(trace, events.Count, _directory)
                .Select(c => (Expected(rows, events, c.Cut).OrderBy(Age).ToList(), RowsOf(c.Image).Select(Plain).OrderBy(Age).ToList())),
        ];
        Directory.Delete(whole, recursive: true);
        return pairs;
    }

    private static List<AllocationRow> RowsOf(string directory)
    {
        using TraceReader reader = TraceReader.Open(directory);
        List<AllocationRow> rows = Rows.Of(reader);
        // Threads that have no events left have no number.
        int TidOf(int thread) => thread < 0 ? thread : (int)reader.Threads[thread].OsTid;
        return [.. rows.Select(r => r with { AllocThread = TidOf(r.AllocThread), FreeThread = TidOf(r.FreeThread) })];
    }

    private static List<AllocationRow> Expected(List<AllocationRow> rows, List<TraceEvent> events, int cut)
    {
        var live = new HashSet<long>();
        long window = 0; // the first object that is acquired there
        foreach (TraceEvent e in events.Take(cut))
        {
            live.Remove(e.ReleasedObject);
            live.Remove(e.DisplacedObject);
            if (e.Acquires)
                live.Add(window++);
        }
        return
        [
            .. rows.Where(r => live.Contains(r.Object)).Select(r => Plain(r with { Carried = true, IsTemporary = false })),
            .. rows.Where(r => r.Object >= window).Select(Plain),
        ];
    }

    /// <summary>Carried blocks come in the order of their times.</summary>
    private static (long, long) Age(AllocationRow row) => (row.AllocNs, row.Address);

    /// <summary>Without what differs: numbers of objects, and, of what was acquired before the window, how much was meanwhile.</summary>
    private static AllocationRow Plain(AllocationRow row) => row with
    {
        Object = 0,
        Chain = 0,
        ChainPosition = 0,
        LifetimeBytes = row.Carried ? 0 : row.LifetimeBytes,
        LifetimeAllocations = row.Carried ? 0 : row.LifetimeAllocations,
    };
}
