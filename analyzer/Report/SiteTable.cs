namespace AllocReplay.Analyzer.Report;

/// <summary>The sites that have the most of anything.</summary>
/// <param name="Rows">Sites, those that acquired most bytes first.</param>
/// <param name="Others">Sites that are left out.</param>
public sealed record SiteTable(IReadOnlyList<SiteFigure> Rows, long Others)
{
    /// <summary>Of each figure.</summary>
    private const int Shown = 60;

    internal const int TextMax = 600;

    private static readonly string[] Figures = ["bytes", "blocks", "live_bytes", "peak_live_bytes", "temporary_blocks", "cross_thread_frees"];

    internal static SiteTable Read(ReportScope scope)
    {
        string ranks = string.Join(", ", Figures.Select(f => $"row_number() OVER (ORDER BY {f} DESC, site) AS by_{f}"));
        string chosen = string.Join(" OR ", Figures.Select(f => $"(by_{f} <= {Shown} AND {f} > 0)"));
        SiteFigure[] rows = [.. scope.Rows($"""
            SELECT function, file, line, left(text, {TextMax + 1}), blocks, bytes, peak_live_bytes, live_blocks, live_bytes, temporary_blocks,
                   cross_thread_frees
            FROM (SELECT *, {ranks} FROM sites WHERE {scope.Where} AND blocks > 0) AS ranked
            WHERE {chosen}
            ORDER BY bytes DESC, blocks DESC, site
            """, r => new SiteFigure(
                ReportText.Cut(r.GetString(0)), ReportText.Cut(r.GetString(1)), r.GetInt32(2), ReportText.Cut(r.GetString(3), TextMax), r.GetInt64(4),
                r.GetInt64(5), r.GetInt64(6), r.GetInt64(7), r.GetInt64(8), r.GetInt64(9), r.GetInt64(10)))];
        long all = scope.Rows($"SELECT count(*) FROM sites WHERE {scope.Where} AND blocks > 0", r => r.GetInt64(0)).Single();
        return new SiteTable(rows, all - rows.Length);
    }
}

/// <summary>A site, as the table <c>sites</c> has it.</summary>
/// <param name="Function">The function that it is named after.</param>
/// <param name="File">Source file; empty where it is not known.</param>
/// <param name="Line">Line there; 0 where it is not known.</param>
/// <param name="Text">Its stack on one line, the lowest function first; cut where it is long.</param>
/// <param name="Blocks">Blocks acquired there.</param>
/// <param name="Bytes">Bytes asked for by these.</param>
/// <param name="PeakLiveBytes">Most bytes of the site live at a time.</param>
/// <param name="LiveBlocks">Blocks live at the end of the trace.</param>
/// <param name="LiveBytes">Their bytes.</param>
/// <param name="TemporaryBlocks">Blocks that their thread released before it acquired another.</param>
/// <param name="CrossThreadFrees">Blocks that another thread released.</param>
public sealed record SiteFigure(
    string Function, string File, int Line, string Text, long Blocks, long Bytes, long PeakLiveBytes, long LiveBlocks, long LiveBytes,
    long TemporaryBlocks, long CrossThreadFrees);
