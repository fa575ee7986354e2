using AllocReplay.Analyzer.Query;

namespace AllocReplay.Analyzer.Check;

/// <summary>Blocks and their bytes.</summary>
/// <param name="Blocks">How many.</param>
/// <param name="Bytes">Bytes requested for them.</param>
public readonly record struct BlockCount(long Blocks, long Bytes)
{
    /// <summary>Both together; bytes saturate.</summary>
    public static BlockCount operator +(BlockCount a, BlockCount b) =>
        new(a.Blocks + b.Blocks, (long)Math.Min(long.MaxValue, (ulong)a.Bytes + (ulong)b.Bytes));
}

/// <summary>What of a process image was not freed at the end of the trace, by site, and what of it is suppressed.</summary>
internal sealed class OutstandingBlocks
{
    /// <summary>All that is not suppressed.</summary>
    public BlockCount Total { get; private set; }

    /// <summary>Those of them that may have been freed unseen.</summary>
    public BlockCount Uncertain { get; private set; }

    /// <summary>The same, by site; only those that have any.</summary>
    public Dictionary<long, BlockCount> UncertainBySite { get; } = [];

    /// <summary>All that is not suppressed, by site.</summary>
    public Dictionary<long, BlockCount> BySite { get; } = [];

    /// <summary>What is suppressed, by the place of the suppression in the list.</summary>
    public Dictionary<int, BlockCount> Suppressed { get; } = [];

    public static OutstandingBlocks Of(DatasetQuery query, DatasetProcess process, SuppressedStacks suppressed)
    {
        var outstanding = new OutstandingBlocks();
        // A column that an older version did not write is NULL: as where there are no stacks.
        foreach ((long site, int stack, bool isUncertain, BlockCount blocks) in query.Rows($"""
            SELECT coalesce(site, 0), coalesce(alloc_stack, 0), coalesce(uncertain, false), count(*), {Sql.Saturated("sum(size)")}
            FROM allocations a WHERE end_kind = 'alive_at_end' AND {process.Where("a")} GROUP BY ALL
            """, r => (r.GetInt64(0), r.GetInt32(1), r.GetBoolean(2), new BlockCount(r.GetInt64(3), r.GetInt64(4)))))
        {
            if (suppressed.Of(process, stack) is { } suppression)
            {
                outstanding.Suppressed[suppression] = outstanding.Suppressed.GetValueOrDefault(suppression) + blocks;
                continue;
            }
            outstanding.Total += blocks;
            outstanding.BySite[site] = outstanding.BySite.GetValueOrDefault(site) + blocks;
            if (!isUncertain)
                continue;
            outstanding.Uncertain += blocks;
            outstanding.UncertainBySite[site] = outstanding.UncertainBySite.GetValueOrDefault(site) + blocks;
        }
        return outstanding;
    }
}
