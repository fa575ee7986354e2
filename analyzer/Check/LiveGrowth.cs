using AllocReplay.Analyzer.Query;

namespace AllocReplay.Analyzer.Check;

/// <summary>
/// How fast live bytes grew over the middle of a trace: the median of the slopes between any two of 17 moments, at 10 %, 15 %, … 90 % of the time from the
/// first acquisition to the last end of a block (Theil and Sen's estimate). What a program sets up and what it gives back at its end lie outside, and one
/// peak between does not bend it. Blocks of which the release is not in the trace (<c>lost_free</c>) are left out: when they ended is not known.
/// </summary>
internal static class LiveGrowth
{
    private const int Steps = 20, First = 2, Last = 18;

    /// <summary>Bytes per minute, negative where they shrank, and the time from the first to the last of those moments, ns; null where there is none.</summary>
    public static (double BytesPerMinute, long OverNs)? Of(DatasetQuery query, DatasetProcess process, SuppressedStacks suppressed)
    {
        var live = new Int128[Steps + 1];
        long span = 0;
        // A block is live at the moments from the first that is not before its acquisition to the last that is before its end. Whole numbers: no rounding.
        foreach ((long first, long last, double bytes, long length) in query.Rows($"""
            WITH span AS ({Span(process)})
            SELECT {FirstOf} AS first_k, {LastOf} AS last_k, sum(a.size)::DOUBLE, any_value(s.span)
            FROM allocations a, span s
            WHERE {process.Where("a")} AND a.end_kind <> 'lost_free' AND {suppressed.NotIn(process, "a")}
            GROUP BY first_k, last_k
            """, r => (r.GetInt64(0), r.GetInt64(1), r.GetDouble(2), r.GetInt64(3))))
        {
            span = length;
            for (long k = first; k <= Math.Min(last, Steps); k++)
                live[k] += (Int128)bytes;
        }
        if (span < Steps)
            return null;
        double minutes = (double)span / Steps / 60e9; // of a step
        return (Slope(live.AsSpan(First, Last - First + 1)) / minutes, span / Steps * (Last - First));
    }

    /// <summary>The site that grew most between the first and the last of those moments; null when none did.</summary>
    public static (long Site, long Bytes)? MostGrown(DatasetQuery query, DatasetProcess process, SuppressedStacks suppressed)
    {
        (long, long)[] most = [.. query.Rows($"""
            WITH span AS ({Span(process)}), b AS (
                SELECT a.site AS site, a.size AS size, {FirstOf} AS first_k, {LastOf} AS last_k
                FROM allocations a, span s
                WHERE {process.Where("a")} AND a.end_kind <> 'lost_free' AND {suppressed.NotIn(process, "a")}
            )
            SELECT coalesce(site, 0), {Sql.Saturated("grown")}
            FROM (
                SELECT site, coalesce(sum(size) FILTER (first_k <= {Last} AND last_k >= {Last}), 0)
                    - coalesce(sum(size) FILTER (first_k <= {First} AND last_k >= {First}), 0) AS grown
                FROM b GROUP BY site
            )
            WHERE grown > 0 ORDER BY grown DESC, site LIMIT 1
            """, r => (r.GetInt64(0), r.GetInt64(1)))];
        return most.Length > 0 ? most[0] : null;
    }

    /// <summary>The median of the slopes between any two of values that are one step apart, in their unit per step.</summary>
    internal static double Slope(ReadOnlySpan<Int128> values)
    {
        var slopes = new List<double>();
        for (int i = 0; i < values.Length; i++)
            for (int j = i + 1; j < values.Length; j++)
                slopes.Add((double)(values[j] - values[i]) / (j - i));
        slopes.Sort();
        int middle = slopes.Count / 2;
        return slopes.Count % 2 == 1 ? slopes[middle] : (slopes[middle - 1] + slopes[middle]) / 2;
    }

    private static string Span(DatasetProcess process) =>
        $"""
        SELECT from_ns, greatest(to_ns - from_ns, 1) AS span
        FROM (SELECT coalesce(min(alloc_ns) FILTER (NOT coalesce(carried, false)), max(alloc_ns)) AS from_ns, max(end_ns) AS to_ns
              FROM allocations a WHERE {process.Where("a")})
        """;

    private static string FirstOf => $"(greatest(a.alloc_ns - s.from_ns, 0) * {Steps} + s.span - 1) // s.span";

    private static string LastOf =>
        $"CASE WHEN a.end_kind = 'alive_at_end' THEN {Steps} ELSE ((a.end_ns - s.from_ns) * {Steps} + s.span - 1) // s.span - 1 END";
}
