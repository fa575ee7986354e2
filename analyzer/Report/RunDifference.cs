using AllocReplay.Analyzer.Diff;

namespace AllocReplay.Analyzer.Report;

/// <summary>What differs from another run: the figures are those of <see cref="DiffReport"/>.</summary>
public sealed record RunDifference
{
    /// <summary>Sites of each figure that differ most.</summary>
    private const int Shown = 60;

    private static readonly Func<SiteFigures, long>[] Figures =
        [f => f.OutstandingBytes, f => f.PeakLiveBytes, f => f.Bytes, f => f.Blocks, f => f.OutstandingBlocks];

    private readonly DiffTree? _tree;

    private RunDifference(DiffTree? tree) => _tree = tree;

    /// <summary>The other run.</summary>
    public required DiffSide A { get; init; }
    /// <summary>The run that the page is of.</summary>
    public required DiffSide B { get; init; }
    /// <summary>The sites that differ most in any figure, those with more bytes live at the end than in the other run first. Long texts are cut.</summary>
    public required IReadOnlyList<SiteDiff> Sites { get; init; }
    /// <summary>Sites that differ less.</summary>
    public required long OtherSites { get; init; }
    /// <summary>Sites that do not differ in any of these figures; they may in how long their blocks live.</summary>
    public required long SameSites { get; init; }
    /// <summary>Their functions; null where either side has no stacks.</summary>
    public required DiffFlame? Flame { get; init; }

    /// <summary>Compares two runs.</summary>
    /// <param name="pathA">The other run, as it was given.</param>
    /// <param name="a">The other run.</param>
    /// <param name="pathB">The run that the page is of, likewise.</param>
    /// <param name="b">The run that the page is of.</param>
    /// <exception cref="DatasetException">A dataset is damaged.</exception>
    public static RunDifference Read(string pathA, DatasetSide a, string pathB, DatasetSide b)
    {
        DiffReport report = DiffReport.Of(pathA, a, pathB, b, "outstanding");
        // In a million blocks hardly a site's median lifetime is the same to the nanosecond: it alone makes no difference here.
        SiteDiff[] differ = [.. report.Sites.Where(s => Figures.Any(f => f(s.A) != f(s.B)))];
        HashSet<SiteDiff> shown =
            [.. Figures.SelectMany(f => differ.Where(s => f(s.A) != f(s.B)).OrderByDescending(s => Math.Abs((double)f(s.B) - f(s.A))).Take(Shown))];
        DiffTree? tree = a.Process.HasStacks && b.Process.HasStacks ? DiffTree.Of(a, b, report.Sites) : null;
        return new RunDifference(tree)
        {
            A = report.A,
            B = report.B,
            Sites = [.. differ.Where(shown.Contains).Select(s => s with { Site = Cut(s.Site) })],
            OtherSites = differ.Length - shown.Count,
            SameSites = report.Sites.Count - differ.Length,
            Flame = tree?.Flame(TraceReport.MergedBelow),
        };
    }

    /// <summary>The same with functions below a greater share put together.</summary>
    /// <param name="share">From 0 to 1.</param>
    public RunDifference Merged(double share) => this with { Flame = _tree?.Flame(share) };

    private static SiteIdentity Cut(SiteIdentity site) => site with
    {
        Function = ReportText.Cut(site.Function),
        File = ReportText.Cut(site.File),
        Text = ReportText.Cut(site.Text, SiteTable.TextMax),
    };
}
