namespace AllocReplay.Analyzer.Diff;

/// <summary>
/// Finds the sites of one side on the other. Most have the same hash. Of the others, which another compilation, version or inlining has changed, each is
/// paired once, by the strictest rule that finds one: the order of <see cref="SiteMatch"/>. Larger sites choose first.
/// </summary>
internal static class SiteMatcher
{
    /// <summary>Sites of either side, the largest, that are looked at beyond what is equal: each is held against each.</summary>
    public const int Most = 2000;

    /// <summary>A site, with what it is known by and the functions of its stack.</summary>
    public sealed record Candidate(SiteIdentity Identity, IReadOnlyList<string> Functions);

    /// <summary>Pairs what has no equal hash on the other side.</summary>
    /// <param name="a">Of the first side, the largest first.</param>
    /// <param name="b">Of the second, the largest first.</param>
    public static List<(Candidate A, Candidate B, SiteMatch Match)> Pair(IReadOnlyList<Candidate> a, IReadOnlyList<Candidate> b)
    {
        var pairs = new List<(Candidate, Candidate, SiteMatch)>();
        List<Candidate> left = [.. a], right = [.. b];
        Take(SiteMatch.Inlined, (x, y) => x.Functions.Count > 0 && x.Functions.SequenceEqual(y.Functions) ? 1 : 0);
        left.RemoveRange(Math.Min(Most, left.Count), Math.Max(0, left.Count - Most));
        right.RemoveRange(Math.Min(Most, right.Count), Math.Max(0, right.Count - Most));
        Take(SiteMatch.Contained, (x, y) => Contained(x.Functions, y.Functions));
        Take(SiteMatch.Function, (x, y) => x.Identity.Function == y.Identity.Function ? 1 + CommonOutermost(x.Functions, y.Functions) : 0);
        return pairs;

        // Each takes what fits best of what is left; 0 does not fit.
        void Take(SiteMatch match, Func<Candidate, Candidate, int> fit)
        {
            // What can be equal is found by its key: a side may have very many sites.
            if (match == SiteMatch.Inlined)
            {
                var byFunctions = right.GroupBy(r => string.Join('\0', r.Functions)).ToDictionary(g => g.Key, g => new Queue<Candidate>(g));
                foreach (Candidate x in left.ToList())
                    if (byFunctions.GetValueOrDefault(string.Join('\0', x.Functions)) is { Count: > 0 } equal && fit(x, equal.Peek()) > 0)
                        Add(x, equal.Dequeue());
                Remove();
                return;
            }
            var taken = new HashSet<Candidate>(ReferenceEqualityComparer.Instance);
            foreach (Candidate x in left)
            {
                Candidate? best = null;
                int most = 0;
                foreach (Candidate y in right)
                    if (!taken.Contains(y) && fit(x, y) is var f && f > most)
                        (best, most) = (y, f);
                if (best is null)
                    continue;
                taken.Add(best);
                Add(x, best);
            }
            Remove();

            void Add(Candidate x, Candidate y) => pairs.Add((x, y, match));

            void Remove()
            {
                var paired = pairs.SelectMany(p => new[] { p.Item1, p.Item2 }).ToHashSet(ReferenceEqualityComparer.Instance);
                left.RemoveAll(paired.Contains);
                right.RemoveAll(paired.Contains);
            }
        }
    }

    /// <summary>How many functions two stacks share, where one has all those of the other in their order and the outermost is the same; else 0.</summary>
    internal static int Contained(IReadOnlyList<string> a, IReadOnlyList<string> b)
    {
        (IReadOnlyList<string> few, IReadOnlyList<string> many) = a.Count <= b.Count ? (a, b) : (b, a);
        // One function alone, such as main, is on every stack.
        if (few.Count < 2 || few[^1] != many[^1])
            return 0;
        int found = 0;
        for (int i = 0; i < many.Count && found < few.Count; i++)
            if (many[i] == few[found])
                found++;
        return found == few.Count ? found : 0;
    }

    /// <summary>How many functions two stacks share from the outermost inwards.</summary>
    internal static int CommonOutermost(IReadOnlyList<string> a, IReadOnlyList<string> b)
    {
        int common = 0;
        while (common < a.Count && common < b.Count && a[^(common + 1)] == b[^(common + 1)])
            common++;
        return common;
    }
}
