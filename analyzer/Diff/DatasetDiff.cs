namespace AllocReplay.Analyzer.Diff;

/// <summary>A site on both sides.</summary>
/// <param name="Match">How it was found on the second side.</param>
/// <param name="Site">What it is known by: on the second side, or the first where it is there alone.</param>
/// <param name="SiteOfA">Its hash on the first side; null where it is not there.</param>
/// <param name="A">Its figures on the first side.</param>
/// <param name="B">Its figures on the second side.</param>
public sealed record SiteDiff(SiteMatch Match, SiteIdentity Site, long? SiteOfA, SiteFigures A, SiteFigures B);

/// <summary>The sites of two sides beside each other.</summary>
public static class DatasetDiff
{
    /// <summary>Compares two sides site by site. Each site of either is in one row.</summary>
    /// <exception cref="DatasetException">A dataset is damaged.</exception>
    public static IReadOnlyList<SiteDiff> Of(DatasetSide a, DatasetSide b)
    {
        (Dictionary<long, SiteFigures> figuresA, Dictionary<long, SiteFigures> figuresB) = (SiteFigures.Of(a), SiteFigures.Of(b));
        Dictionary<long, SiteIdentity> sitesA = SiteIdentity.AllOf(a.Query, a.Process), sitesB = SiteIdentity.AllOf(b.Query, b.Process);
        var rows = new List<SiteDiff>();
        foreach ((long site, SiteFigures of) in figuresB)
            if (figuresA.TryGetValue(site, out SiteFigures? before))
                rows.Add(new SiteDiff(SiteMatch.Same, sitesB[site], site, before, of));
        long[] onlyA = LargestFirst(figuresA, figuresB), onlyB = LargestFirst(figuresB, figuresA);
        Dictionary<long, List<string>> functionsA = SiteIdentity.FunctionsOf(a.Query, a.Process, onlyA);
        Dictionary<long, List<string>> functionsB = SiteIdentity.FunctionsOf(b.Query, b.Process, onlyB);
        var left = onlyA.ToHashSet();
        var right = onlyB.ToHashSet();
        foreach ((SiteMatcher.Candidate x, SiteMatcher.Candidate y, SiteMatch match) in SiteMatcher.Pair(
            [.. onlyA.Where(s => s != 0).Select(s => new SiteMatcher.Candidate(sitesA[s], functionsA.GetValueOrDefault(s) ?? []))],
            [.. onlyB.Where(s => s != 0).Select(s => new SiteMatcher.Candidate(sitesB[s], functionsB.GetValueOrDefault(s) ?? []))]))
        {
            left.Remove(x.Identity.Site);
            right.Remove(y.Identity.Site);
            rows.Add(new SiteDiff(match, y.Identity, x.Identity.Site, figuresA[x.Identity.Site], figuresB[y.Identity.Site]));
        }
        rows.AddRange(left.Select(s => new SiteDiff(SiteMatch.OnlyA, sitesA[s], s, figuresA[s], SiteFigures.None)));
        rows.AddRange(right.Select(s => new SiteDiff(SiteMatch.OnlyB, sitesB[s], null, SiteFigures.None, figuresB[s])));
        return rows;
    }

    /// <summary>The sites that one has and the other has not, those with the most bytes first.</summary>
    private static long[] LargestFirst(Dictionary<long, SiteFigures> of, Dictionary<long, SiteFigures> other) =>
        [.. of.Where(f => !other.ContainsKey(f.Key)).OrderByDescending(f => f.Value.Bytes).ThenBy(f => f.Key).Select(f => f.Key)];
}
