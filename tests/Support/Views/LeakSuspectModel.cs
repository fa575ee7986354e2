using System.Numerics;

namespace AllocReplay.Tests.Support.Views;

/// <summary>The rules of the view <c>leak_suspects</c>, of the blocks of a site in memory, without SQL: moment by moment, age by age, pair by pair.</summary>
/// <param name="Live">Its blocks that were live at the cut.</param>
/// <param name="Overdue">Those of them that are overdue.</param>
/// <param name="Evidence">The columns of the view from <c>why</c> to <c>grew_between</c>.</param>
/// <param name="LiveBytes">Bytes at the cut.</param>
/// <param name="GrowthBytes">By how much these are more than after the first tenth.</param>
internal sealed record LeakSuspectModel(ModelBlock[] Live, ModelBlock[] Overdue, object[] Evidence, BigInteger LiveBytes, BigInteger GrowthBytes)
{
    /// <returns>Null where a site is not suspect.</returns>
    public static LeakSuspectModel? Of(ModelSite site, decimal tolerance)
    {
        var tenths = new ModelTenths(site.Image);
        ModelBlock[] blocks = [.. site.Blocks.Where(b => !b.IsLost)];
        ModelBlock[] seen = [.. blocks.Where(b => tenths.TenthOf(b) <= ModelTenths.Count)], live = [.. seen.Where(b => tenths.IsLive(b, ModelTenths.Count))];
        BigInteger[] held = tenths.Held(blocks);

        // An age is the span divided by 2^j.
        (ModelBlock[] Blocks, int Later, double Age) overdue = ([], 0, 0);
        for (int j = 16; j >= 3 && overdue.Blocks.Length == 0; j--)
        {
            ModelBlock[] old = [.. live.Acquired().Where(b => tenths.TenfoldAge(b) << j > 20 * (BigInteger)tenths.SpanNs)];
            int later = seen.Acquired().Count(b => !live.Contains(b) && (BigInteger)b.LifetimeNs << j > tenths.SpanNs);
            int[] acquired = [.. old.Select(tenths.TenthOf)];
            if (later <= tolerance * (later + old.Length) && acquired.Distinct().Count() >= 3 && acquired.Max() >= 6
                && acquired.Count(k => k >= 5) * 4 > old.Length)
            {
                overdue = (old, later, tenths.SpanNs / Math.Pow(2, j));
            }
        }

        double[] slopes = [.. from a in Enumerable.Range(1, 9) from b in Enumerable.Range(a + 1, 9 - a)
                              let slope = (double)(held[b] - held[a]) / (b - a) orderby slope select slope];
        int up = ModelTenths.StepsUp(held);
        BigInteger growth = held[9] - held[1];
        bool isGrowing = slopes[8] > 0 && up >= 6 && held[9] * 4 >= held[1] * 5 && (held[9] - held[6]) * 100 >= growth * 15;
        BigInteger[] halved = [.. Enumerable.Range(0, 5).Select(j => tenths.HeldAtCutBy(blocks, 1 << j))];
        int octaves = Enumerable.Range(0, 4).Count(j => halved[j + 1] > 0 && halved[j] * 2 >= halved[j + 1] * 3);
        isGrowing |= octaves == 4;
        if (overdue.Blocks.Length == 0 && !isGrowing)
            return null;
        double PerMinute(double slope) => slope / tenths.StepNs * 60e9;
        return new LeakSuspectModel(live, overdue.Blocks,
        [
            overdue.Blocks.Length == 0 ? "growing" : isGrowing ? "overdue, growing" : "overdue", overdue.Blocks.Bytes(), overdue.Blocks.Length,
            overdue.Blocks.DistinctBy(tenths.TenthOf).Count(), (BigInteger)Math.Round(overdue.Age, MidpointRounding.AwayFromZero), overdue.Later,
            blocks.Where(tenths.IsOver).Select(b => b.LifetimeNs).DefaultIfEmpty().Max(), held[9], live.Length,
            live.Select(b => tenths.TenfoldAge(b) / 10).DefaultIfEmpty().Max(), growth, up, octaves,
            PerMinute((slopes[17] + slopes[18]) / 2), PerMinute(slopes[8]), PerMinute(slopes[27]), blocks.Min(b => b.Ns), seen.Max(b => b.Ns),
            GrewBetween(live, site.Image.Marks),
        ], held[9], growth);
    }

    /// <summary>Of the stretches between marks the one in which most bytes were acquired, the earliest of equal ones.</summary>
    private static string GrewBetween(ModelBlock[] live, IReadOnlyList<(long Ns, string Name)> marks)
    {
        if (marks.Count == 0)
            return "";
        string[] bounds = ["(start)", .. marks.Select(m => m.Name), "(end)"];
        int most = live.GroupBy(b => marks.Count(m => m.Ns < b.Ns)).OrderByDescending(g => g.Bytes()).ThenBy(g => g.Key).First().Key;
        return $"{bounds[most]} -> {bounds[most + 1]}";
    }
}
