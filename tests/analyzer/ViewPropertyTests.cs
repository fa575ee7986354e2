using System.Globalization;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats.Stacks;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Analyzer;

/// <summary>Every number of the views with parameters, on random traces, as it comes of the blocks one by one.</summary>
public sealed class ViewPropertyTests
{
    private const string Seed = "0000Vs3kT1x6";
    private const int Sites = 4;
    private static readonly int Traces = Effort.Of(60, small: 12);

    private static readonly Gen<(int Thread, int Act, int Slot, int Size, int Gap)[]> Acts = Gen.Select(
        Gen.Int[0, 1], Gen.Int[0, 9], Gen.Int[1, 30], Gen.Int[1, 900], Gen.Int[1, 40]).Array[20, 160];

    [Fact]
    public void Every_number_is_that_of_the_blocks_one_by_one() => Acts.Sample(acts => Check(acts, plant: 0), seed: Seed, iter: Traces, threads: 1);

    [Fact]
    public void A_planted_error_in_one_block_is_noticed() =>
        Assert.Throws<CsCheckException>(() => Acts.Sample(acts => Check(acts, plant: 1), seed: Seed, iter: 3, threads: 1));

    private static void Check((int Thread, int Act, int Slot, int Size, int Gap)[] acts, long plant)
    {
        using var directory = new TemporaryDirectory();
        var writer = new RecordingWriter(directory["trace"])
        {
            Stacks = true,
            Modules = SampleStacks.Modules(),
            Symbols = SampleStacks.Of([.. Enumerable.Range(0, Sites).Select(i => ((ulong)i, new FunctionLine[] { new($"f{i}", "", "/src/f.c", i + 1) }))]),
        };
        foreach (int i in Enumerable.Range(0, Sites))
            writer.Frame((ulong)(0x1000 + i + 1));
        long ns = 0;
        foreach ((int thread, int act, int slot, int size, int gap) in acts)
        {
            ns += 80 * gap;
            ulong address = 0x10000UL * (ulong)slot;
            int stack = 2 + slot % Sites;
            if (act < 5)
                writer.Thread(thread).Malloc(ns, address, (ulong)size, stack);
            else if (act < 8)
                writer.Thread(thread).Free(ns, address);
            else
                writer.Thread(thread).Realloc(ns, ns += 80, address, address, (ulong)size, stack);
        }
        writer.Save();
        SampleTrace.Analyze(directory["trace"], directory["data"]);
        using DatasetQuery query = DatasetQuery.Open(directory["data"]);
        List<AllocationRow> rows = Rows.Of(directory["trace"]);
        // Rows.Of knows no sites: the dataset's are taken.
        long[] sites = [.. Values(query, "SELECT site FROM allocations ORDER BY object").Select(r => long.Parse(r, CultureInfo.InvariantCulture))];
        rows = [.. rows.OrderBy(r => r.Object).Select((r, i) => r with { Site = sites[i] })];
        if (plant > 0 && rows.Count > 0)
            rows[0] = rows[0] with { Size = rows[0].Size + plant };
        long end = rows.Select(r => r.EndNs).DefaultIfEmpty().Max();
        long t = end / 3, to = end * 2 / 3;

        Same(Live(rows, t).GroupBy(r => r.Site).Select(g => $"{g.Key}|{g.Count()}|{g.Sum(r => r.Size)}|{g.Max(r => t - r.AllocNs)}|{t}"),
            Values(query, "live_at", "site, blocks, bytes, oldest_ns, at_ns", $"t={t}ns"));
        Same(Live(rows, t).GroupBy(r => r.Site).Where(g => g.Sum(r => r.Size) >= 1024).Select(g => $"{g.Key}"),
            Values(query, "live_at", "site", $"t={t}ns", "min_bytes=1K"));
        Same(Between(rows, t, to), Values(
            query, "between_times", "site, change_bytes, change_blocks, kept_blocks, kept_bytes, given_blocks, given_bytes, acquired_blocks",
            $"from={t}ns", $"to={to}ns"));
        Same(Between(rows, t, long.MaxValue), Values(
            query, "between_times", "site, change_bytes, change_blocks, kept_blocks, kept_bytes, given_blocks, given_bytes, acquired_blocks", $"from={t}ns"));
        Same(rows.GroupBy(r => r.Chain).Where(g => g.Count() > 2).Select(g => $"{g.Key}|{g.Count() - 1}|{g.First().Size}|{g.Last().Size}|"
                + $"{g.Max(r => r.Size)}|{g.Sum(r => r.Size)}|{g.First().AllocNs}|{g.Last().AllocNs}|{EndKinds.Names[(int)g.Last().EndKind]}"),
            Values(query, "realloc_chains", "chain, steps, first_size, last_size, largest_size, requested_bytes, first_ns, last_ns, end_kind", "min_steps=2"));
        Same(rows.Where(r => r.LifetimeAllocations < 4 && r.EndKind is (EndKind.Freed or EndKind.Reallocated))
                .GroupBy(r => r.Site).Select(g => $"{g.Key}|{g.Count()}|{g.Sum(r => r.Size)}|{rows.Count(r => r.Site == g.Key)}"),
            Values(query, "temporary", "site, temporary_blocks, temporary_bytes, blocks", "n=4"));
        Same(rows.Where(r => r.FreeThread >= 0 && r.FreeThread != r.AllocThread).GroupBy(r => (r.AllocThread, r.FreeThread)).Where(g => g.Count() >= 2)
                .Select(g => $"{g.Key.AllocThread}|{g.Key.FreeThread}|{g.Count()}|{g.Sum(r => r.Size)}"),
            Values(query, "cross_thread_frees", "alloc_thread, free_thread, blocks, bytes", "min_blocks=2"));
        Same(LeakSuspectModel.Of(rows, 0.05), Values(query, "leak_suspects", LeakSuspectModel.Columns));
        Same(LeakSuspectModel.Of(rows, 0.5), Values(query, "leak_suspects", LeakSuspectModel.Columns, "tolerance=50%"));
    }

    private static IEnumerable<AllocationRow> Live(List<AllocationRow> rows, long at) =>
        rows.Where(r => r.AllocNs <= at && (r.EndNs > at || r.EndKind == EndKind.AliveAtEnd));

    private static IEnumerable<string> Between(List<AllocationRow> rows, long from, long to)
    {
        HashSet<AllocationRow> before = [.. Live(rows, from)], after = [.. Live(rows, to)];
        foreach (IGrouping<long, AllocationRow> site in rows.GroupBy(r => r.Site))
        {
            AllocationRow[] kept = [.. site.Where(r => after.Contains(r) && !before.Contains(r))];
            AllocationRow[] given = [.. site.Where(r => before.Contains(r) && !after.Contains(r))];
            int acquired = site.Count(r => r.AllocNs > from && r.AllocNs <= to);
            if (kept.Length + given.Length + acquired > 0)
            {
                yield return $"{site.Key}|{kept.Sum(r => r.Size) - given.Sum(r => r.Size)}|{kept.Length - given.Length}|{kept.Length}|{kept.Sum(r => r.Size)}|"
                    + $"{given.Length}|{given.Sum(r => r.Size)}|{acquired}";
            }
        }
    }

    private static void Same(IEnumerable<string> expected, IEnumerable<string> actual) => Assert.Equal(expected.Order(StringComparer.Ordinal), actual);

    private static IEnumerable<string> Values(DatasetQuery query, string view, string columns, params string[] settings) =>
        Values(query, $"SELECT {columns} FROM (\n{NamedView.Find(view).With(settings)})").Order(StringComparer.Ordinal);

    private static List<string> Values(DatasetQuery query, string sql)
    {
        using QueryResult result = query.Run(sql, QueryForm.Text);
        return [.. result.ReadRows().Select(r => string.Join('|', r.Select(v => v ?? "NULL")))];
    }
}
