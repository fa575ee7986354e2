namespace AllocReplay.Analyzer.Diff;

/// <summary>Two sides, and the sites of either: what <c>diff</c> prints, and a report shows.</summary>
/// <param name="A">The first side.</param>
/// <param name="B">The second side.</param>
/// <param name="Sites">The sites of either, by what grew most.</param>
public sealed record DiffReport(DiffSide A, DiffSide B, IReadOnlyList<SiteDiff> Sites)
{
    /// <summary>Figures by which sites are sorted, by their names.</summary>
    public static IReadOnlyDictionary<string, Func<SiteFigures, double>> Keys { get; } = new Dictionary<string, Func<SiteFigures, double>>
    {
        ["outstanding"] = f => f.OutstandingBytes,
        ["peak"] = f => f.PeakLiveBytes,
        ["bytes"] = f => f.Bytes,
        ["blocks"] = f => f.Blocks,
        ["lifetime"] = f => f.MedianLifetimeNs ?? (f.Blocks > 0 ? double.MaxValue : 0),
    };

    /// <summary>Compares two sides. Sites come by what grew most, by one figure and then by the others in their order.</summary>
    /// <param name="pathA">The first side's dataset or trace, as it was given.</param>
    /// <param name="a">The first side.</param>
    /// <param name="pathB">The second side's.</param>
    /// <param name="b">The second side.</param>
    /// <param name="key">The figure: one of <see cref="Keys"/>.</param>
    /// <exception cref="DatasetException">A dataset is damaged.</exception>
    public static DiffReport Of(string pathA, DatasetSide a, string pathB, DatasetSide b, string key)
    {
        IReadOnlyList<SiteDiff> sites = DatasetDiff.Of(a, b);
        IOrderedEnumerable<SiteDiff> sorted = sites.OrderByDescending(s => Grown(s, Keys[key]));
        foreach (Func<SiteFigures, double> other in Keys.Values)
            sorted = sorted.ThenByDescending(s => Grown(s, other));
        return new DiffReport(
            DiffSide.Of(pathA, a, sites.Select(s => s.A)), DiffSide.Of(pathB, b, sites.Select(s => s.B)),
            [.. sorted.ThenBy(s => s.Site.Site).ThenBy(s => s.Match)]);
    }

    private static double Grown(SiteDiff site, Func<SiteFigures, double> key) => key(site.B) - key(site.A);
}
