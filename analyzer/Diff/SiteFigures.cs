using System.Globalization;
using AllocReplay.Analyzer.Query;

namespace AllocReplay.Analyzer.Diff;

/// <summary>What a site did on one side of a comparison.</summary>
/// <param name="Blocks">Blocks acquired; of a kept recording in its window, as of all figures but what is live.</param>
/// <param name="Bytes">Bytes requested for them.</param>
/// <param name="PeakLiveBytes">Most of their bytes live at a time.</param>
/// <param name="OutstandingBlocks">Those that were live at the end of the side.</param>
/// <param name="OutstandingBytes">Bytes of those.</param>
/// <param name="MedianLifetimeNs">The time in ns within which half of the blocks were released; null where less than half of them were.</param>
public sealed record SiteFigures(long Blocks, long Bytes, long PeakLiveBytes, long OutstandingBlocks, long OutstandingBytes, long? MedianLifetimeNs)
{
    /// <summary>Of a site that a side does not have.</summary>
    public static SiteFigures None { get; } = new(0, 0, 0, 0, 0, null);

    /// <summary>The figures of every site of a side that acquired a block. Without call stacks there is one site, 0.</summary>
    /// <remarks>
    /// The peak of the whole trace is the analyzer's, which saw the calls in their order. That of a stretch is made of times alone: where they are equal,
    /// releases come first.
    /// </remarks>
    internal static Dictionary<long, SiteFigures> Of(DatasetSide side)
    {
        string from = side.FromNs.ToString(CultureInfo.InvariantCulture), to = (side.ToNs ?? long.MaxValue).ToString(CultureInfo.InvariantCulture);
        string blocks = $"""
            SELECT coalesce(site, 0) AS site, size, alloc_ns, end_ns, lifetime_ns, end_kind = 'alive_at_end' OR end_ns >= {to} AS is_open,
                   NOT coalesce(carried, false) AS is_acquired
            FROM allocations a WHERE {side.Process.Where("a")} AND alloc_ns >= {from} AND alloc_ns < {to}
            """;
        string peaks = side.IsWhole
            ? $"SELECT site, peak_live_bytes AS peak FROM sites s WHERE {side.Process.Where("s")}"
            : $"""
                SELECT site, max(live) AS peak
                FROM (
                    SELECT site, sum(step) OVER (PARTITION BY site ORDER BY ns, step ROWS UNBOUNDED PRECEDING) AS live
                    FROM (SELECT site, alloc_ns AS ns, size AS step FROM b UNION ALL SELECT site, end_ns, -size FROM b WHERE NOT is_open)
                )
                GROUP BY site
                """;
        // Without stacks there are no sites to know a peak of: what is then one site is the process.
        return side.Query.Rows($"""
            WITH b AS ({blocks}), peaks AS ({peaks}), totals AS (
                SELECT site, count(*) FILTER (is_acquired) AS blocks,
                       CASE WHEN count(*) FILTER (is_acquired) = 0 THEN 0 ELSE sum(size) FILTER (is_acquired) END AS bytes,
                       count(*) FILTER (is_open) AS open_blocks,
                       coalesce(sum(size) FILTER (is_open), 0) AS open_bytes,
                       coalesce(quantile_disc(CASE WHEN is_open THEN {long.MaxValue} ELSE lifetime_ns END, 0.5) FILTER (is_acquired), {long.MaxValue}) AS median
                FROM b GROUP BY site
            )
            SELECT t.site, t.blocks, {Sql.Saturated("t.bytes")}, {Sql.Saturated("p.peak")}, t.open_blocks, {Sql.Saturated("t.open_bytes")}, t.median
            FROM totals t LEFT JOIN peaks p ON p.site = t.site
            """, r => (Site: r.GetInt64(0), Figures: new SiteFigures(
                r.GetInt64(1), r.GetInt64(2), DatasetQuery.Optional<long>(r, 3) ?? side.Process.PeakLiveBytes ?? 0, r.GetInt64(4), r.GetInt64(5),
                r.GetInt64(6) == long.MaxValue ? null : r.GetInt64(6)))).ToDictionary(s => s.Site, s => s.Figures);
    }
}
