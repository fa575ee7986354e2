using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Tests.Analyzer;

/// <summary>The rules of the view <c>leak_suspects</c>, of all blocks in memory and without SQL: moment by moment, age by age, pair by pair.</summary>
internal static class LeakSuspectModel
{
    /// <summary>What <see cref="Of"/> gives of each suspect.</summary>
    public const string Columns = "site, why, overdue_bytes, overdue_blocks, overdue_tenths, outlived_ns, ended_later, live_bytes, live_blocks, growth_bytes, "
        + "steps_up, round(growth_per_min)::BIGINT, round(growth_per_min_low)::BIGINT, round(growth_per_min_high)::BIGINT, first_ns, last_ns";

    public static IEnumerable<string> Of(List<AllocationRow> rows, double tolerance)
    {
        long from = rows.Min(r => r.AllocNs);
        double step = Math.Max(rows.Max(r => r.EndNs) - from, 10) / 10.0;
        double cut = from + 9 * step;
        // A block that begins or ends on the moment between two tenths is rounded as the view rounds it.
        int TenthOf(AllocationRow r) => Math.Max(1, (int)Math.Ceiling((r.AllocNs - from) / step));
        bool IsLive(AllocationRow r, int k) => TenthOf(r) <= k && (r.EndKind == EndKind.AliveAtEnd || Math.Ceiling((r.EndNs - from) / step) > k);

        long PerMinute(double slope) => (long)Math.Round(slope / step * 60e9, MidpointRounding.AwayFromZero);

        foreach (IGrouping<long, AllocationRow> site in rows.Where(r => r.EndKind != EndKind.LostFree).GroupBy(r => r.Site))
        {
            AllocationRow[] seen = [.. site.Where(r => TenthOf(r) <= 9)], live = [.. seen.Where(r => IsLive(r, 9))];
            long[] held = [.. Enumerable.Range(1, 9).Select(k => site.Where(r => IsLive(r, k)).Sum(r => r.Size))];

            (AllocationRow[] Blocks, int Later, double Age) overdue = ([], 0, 0);
            for (int j = 16; j >= 3 && overdue.Blocks.Length == 0; j--)
            {
                double age = step * 10 / Math.Pow(2, j);
                AllocationRow[] old = [.. live.Where(r => cut - r.AllocNs > 2 * age)];
                int later = seen.Count(r => !IsLive(r, 9) && r.LifetimeNs > age);
                int[] tenths = [.. old.Select(TenthOf)];
                if (later <= tolerance * (later + old.Length) && tenths.Distinct().Count() >= 3 && tenths.Max() >= 6
                    && tenths.Count(k => k >= 5) > old.Length / 4.0)
                {
                    overdue = (old, later, age);
                }
            }

            double[] slopes = [.. from a in Enumerable.Range(0, 9) from b in Enumerable.Range(a + 1, 8 - a)
                                  let slope = (held[b] - held[a]) / (double)(b - a) orderby slope select slope];
            int up = Enumerable.Range(0, 8).Count(k => held[k + 1] > held[k]);
            bool growing = slopes[8] > 0 && up >= 6 && held[8] * 4 >= held[0] * 5 && (held[8] - held[5]) * 100 >= (held[8] - held[0]) * 15;
            if (overdue.Blocks.Length == 0 && !growing)
                continue;
            string why = overdue.Blocks.Length == 0 ? "growing" : growing ? "overdue, growing" : "overdue";
            yield return $"{site.Key}|{why}|{overdue.Blocks.Sum(r => r.Size)}|{overdue.Blocks.Length}|{overdue.Blocks.Select(TenthOf).Distinct().Count()}|"
                + $"{Math.Round(overdue.Age, MidpointRounding.ToEven)}|{overdue.Later}|{held[8]}|{live.Length}|{held[8] - held[0]}|{up}|"
                + $"{PerMinute((slopes[17] + slopes[18]) / 2)}|{PerMinute(slopes[8])}|{PerMinute(slopes[27])}|"
                + $"{seen.Min(r => r.AllocNs)}|{seen.Max(r => r.AllocNs)}";
        }
    }
}
