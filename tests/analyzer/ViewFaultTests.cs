using AllocReplay.Analyzer.Query;
using AllocReplay.Tests.Support;
using AllocReplay.Tests.Support.Views;
using CsCheck;

namespace AllocReplay.Tests.Analyzer;

/// <summary>The control of <see cref="ViewPropertyTests"/>: a slip of the hand anywhere in the text of a view makes some number another.</summary>
public sealed class ViewFaultTests : IDisposable
{
    private const string Seed = "0000Vs3kT1x6";

    /// <summary>So many are made, one after the other, until one shows the fault.</summary>
    private const int DatasetsMax = 200;

    /// <summary>One in so many is tried.</summary>
    private static readonly int Of = Effort.OfLong(1, usual: Effort.Of(5, small: 20));

    /// <summary>Changes that change no row.</summary>
    private static readonly string[] Harmless =
    [
        "lifetime_ns [< → <=] 100 ", // times of the recordings are multiples of 8 ns
        "[max( → min(]p.at_ns)", // a process image has one such moment
        "s.live_blocks [> → >=] 0", // it is joined with the sites that have such blocks
        "[max( → min(]CASE WHEN chain_position = 0", "[max( → min(]CASE WHEN end_kind <> 'reallocated'", // a chain has one first block, and one last
        "peak_live_ns OR a.end_kind", // of older datasets
        "-1 [< → <=] window_from_ns", "0 [< → <=] window_from_ns", // either is that moment
        "[max( → min(]alloc_ns)) AS from_ns", // where nothing was acquired in a window, nothing grew
    ];

    /// <summary>
    /// Those that are tried of <c>leak_suspects</c>, which takes long. Most others that were tried are noticed too; not those that matter where an age is a
    /// power of two to the nanosecond, a block begins or ends at the half or quarter of the time, or grows to just one and a half.
    /// </summary>
    private static readonly string[] OfSuspects =
    [
        "first_k [<= → <] 9 AND last_k >= 9 THEN 1", "WHERE first_k [<= → <] 9", "c.level [<= → <] g.j", "later [<= → <] ", "tenths [>= → >] 3",
        "last_tenth [>= → >] 6", "c.first_k [>= → >] 5", "f.steps_up [>= → >] 6",
        "live_half [> → >=] 0",
        "j.live_9 [>= → >] ", "last_k [< → <=] 9",
        "c.level [< → <=] g.j THEN c.blocks",
        "live_9 [> → >=] live_8", "a.site [<> → =] 0", "a.end_kind <> ['lost_free'", "'['lost_free' → 'freed']", "[p.host = a.host AND → ]",
        "[AND k.process = c.process → ]", "[min( → max(]alloc_ns) AS first_alloc_ns", "[DISTINCT → ]", "ORDER BY j[DESC → ]",
        "9 * p.step_ns[- → +]2 * j.age_ns",
        "[sum( → max(]is_mark)", "ORDER BY bytes[DESC → ]", "b.k = s.k[+ → -]1", "b.first_k <= 9 AND b.last_k [>= → >] 9",
    ];

    private readonly List<RandomDataset> _datasets = [];

    public void Dispose() => _datasets.ForEach(d => d.Dispose());

    [Fact]
    public void A_slip_in_any_view_is_noticed()
    {
        var missed = new List<string>();
        int tried = 0, faults = 0;
        foreach (NamedView view in NamedView.All)
        {
            string[] changes = [.. ViewFaults.Of(view.Sql).Select(f => f.Change)];
            for (int i = 0; i < changes.Length; i++)
            {
                bool counts = view.Name == "leak_suspects" ? OfSuspects.Any(changes[i].Contains) : !Harmless.Any(changes[i].Contains);
                if (!counts || faults++ % Of > 0)
                    continue;
                tried++;
                if (!Datasets().Any(d => d.Cases.Any(c => c.Name == view.Name && d.Difference(c, sql => ViewFaults.Of(sql).ElementAt(i).Sql) is not null)))
                    missed.Add($"{view.Name}: {changes[i]}");
            }
        }
        Assert.True(missed.Count == 0, string.Join('\n', missed));
        Assert.True(tried > 200 / Of, $"{tried} faults were tried");
    }

    private IEnumerable<RandomDataset> Datasets()
    {
        for (int i = 0; i < DatasetsMax; i++)
        {
            if (i == _datasets.Count)
            {
                PCG pcg = PCG.Parse(Seed);
                (RandomImage[] Images, int Seed) made = ([], 0);
                for (int k = 0; k <= i; k++)
                    made = ViewPropertyTests.AnyDataset.Generate(pcg, null, out _);
                _datasets.Add(new RandomDataset(made.Images, made.Seed));
            }
            yield return _datasets[i];
        }
    }
}
