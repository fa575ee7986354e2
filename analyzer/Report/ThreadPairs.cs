namespace AllocReplay.Analyzer.Report;

/// <summary>Blocks that another thread released than the one that acquired them.</summary>
/// <param name="Pairs">Those of most blocks, most first.</param>
/// <param name="OtherPairs">Pairs that are left out.</param>
/// <param name="OtherBlocks">Their blocks.</param>
public sealed record ThreadPairs(IReadOnlyList<ThreadPair> Pairs, long OtherPairs, long OtherBlocks)
{
    private const int Shown = 50;

    internal static ThreadPairs Read(ReportScope scope)
    {
        ThreadPair[] all = [.. scope.Rows($"""
            SELECT p.alloc_thread, coalesce(a.name, ''), p.free_thread, coalesce(f.name, ''), p.blocks, p.bytes
            FROM (
                SELECT alloc_thread, free_thread, count(*) AS blocks, {ReportScope.Sum("size")} AS bytes
                FROM allocations WHERE {scope.Where} AND free_thread >= 0 AND free_thread <> alloc_thread
                GROUP BY alloc_thread, free_thread
            ) AS p
            LEFT JOIN (SELECT * FROM threads WHERE {scope.Where}) AS a ON a.thread = p.alloc_thread
            LEFT JOIN (SELECT * FROM threads WHERE {scope.Where}) AS f ON f.thread = p.free_thread
            ORDER BY p.blocks DESC, p.alloc_thread, p.free_thread
            """, r => new ThreadPair(r.GetInt32(0), r.GetString(1), r.GetInt32(2), r.GetString(3), r.GetInt64(4), r.GetInt64(5)))];
        return new ThreadPairs([.. all.Take(Shown)], Math.Max(0, all.Length - Shown), all.Skip(Shown).Sum(p => p.Blocks));
    }
}

/// <summary>A thread that acquires blocks, and another that releases them.</summary>
/// <param name="AllocThread">Number of the first.</param>
/// <param name="AllocName">Its name.</param>
/// <param name="FreeThread">Number of the other.</param>
/// <param name="FreeName">Its name.</param>
/// <param name="Blocks">Blocks.</param>
/// <param name="Bytes">Their bytes.</param>
public sealed record ThreadPair(int AllocThread, string AllocName, int FreeThread, string FreeName, long Blocks, long Bytes);
