namespace AllocReplay.Analyzer.Report;

/// <summary>Blocks by how long they lived and how large they are: a row for each pair that has any.</summary>
/// <param name="Cells">The pairs: by lifetime, then size.</param>
/// <param name="LostFreeBlocks">Blocks that are in none, since when they ended is not known: their release is not in the trace.</param>
/// <param name="CarriedBlocks">Blocks that are in none, since they were acquired before the window of a kept recording: of those that were acquired beside
/// them the long-lived ones alone are there.</param>
public sealed record LifetimeMap(IReadOnlyList<LifetimeCell> Cells, long LostFreeBlocks, long CarriedBlocks)
{
    /// <summary>Of <see cref="LifetimeCell.FromNs"/>: live at the end, so that the lifetime is not known.</summary>
    internal const long StillLive = -1;

    private const int FirstPower = 2, LastPower = 13; // of ten: 100 ns, and two hours and more

    private static string Decades => string.Concat(Enumerable.Range(FirstPower, LastPower - FirstPower).Select(p =>
        FormattableString.Invariant($" WHEN lifetime_ns < 1{new string('0', p + 1)} THEN 1{new string('0', p)}"))) + $" ELSE 1{new string('0', LastPower)}";

    internal static LifetimeMap Read(ReportScope scope) => new(
        [.. scope.Rows($"""
            SELECT from_ns, class_bytes, count(*), {ReportScope.Sum("size")}
            FROM (
                SELECT size,
                       CASE WHEN end_kind = 'alive_at_end' THEN {StillLive}
                            WHEN lifetime_ns < 100 THEN 0 {Decades} END AS from_ns,
                       CASE WHEN size = 0 THEN 0 ELSE CAST(1 AS BIGINT) << (least(guess, 62) - CASE WHEN size < CAST(1 AS BIGINT) << least(guess, 62)
                            THEN 1 ELSE 0 END) END AS class_bytes
                FROM (SELECT size, end_kind, lifetime_ns, CAST(floor(log2(greatest(size, 1))) AS INTEGER) AS guess
                      FROM allocations WHERE {scope.Where} AND end_kind <> 'lost_free' AND {ReportScope.Acquired}) AS guesses
            ) AS classes
            GROUP BY from_ns, class_bytes ORDER BY from_ns, class_bytes
            """, r => new LifetimeCell(r.GetInt64(0), r.GetInt64(1), r.GetInt64(2), r.GetInt64(3)))],
        scope.Rows($"SELECT count(*) FROM allocations WHERE {scope.Where} AND end_kind = 'lost_free' AND {ReportScope.Acquired}", r => r.GetInt64(0)).Single(),
        scope.Rows($"SELECT count(*) FROM allocations WHERE {scope.Where} AND NOT ({ReportScope.Acquired})", r => r.GetInt64(0)).Single());
}

/// <summary>Blocks of about one lifetime and size.</summary>
/// <param name="FromNs">The power of ten that the lifetime reaches, ns; 0 for below 100 ns, -1 for blocks that are live at the end.</param>
/// <param name="ClassBytes">The power of two that the size reaches; 0 is a class of its own.</param>
/// <param name="Blocks">Blocks.</param>
/// <param name="Bytes">Their bytes.</param>
public sealed record LifetimeCell(long FromNs, long ClassBytes, long Blocks, long Bytes);
