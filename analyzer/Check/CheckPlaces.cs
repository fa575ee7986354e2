using AllocReplay.Analyzer.Diff;
using AllocReplay.Analyzer.Query;

namespace AllocReplay.Analyzer.Check;

/// <summary>Where the sites of a process image are. Looked up when there is something to tell of one.</summary>
internal sealed class CheckPlaces(DatasetQuery query, DatasetProcess process)
{
    private readonly Lazy<Dictionary<long, SiteIdentity>> _sites = new(() => SiteIdentity.AllOf(query, process));

    /// <summary>The place of a site; null where stacks were not recorded.</summary>
    public CheckPlace? Of(long site, long bytes) => process.HasStacks && _sites.Value.TryGetValue(site, out SiteIdentity? s) ? Of(s, bytes) : null;

    public static CheckPlace Of(SiteIdentity site, long bytes) => new(site.Site, site.Function, site.File, site.Line, site.Text, bytes);

    /// <summary>The site that had most live when the process had most.</summary>
    public CheckPlace? AtPeak()
    {
        if (!process.HasStacks || process.PeakLiveNs is not { } ns)
            return null;
        return query.Rows($"""
            SELECT a.site, {Sql.Saturated("sum(a.size)")} AS bytes
            FROM allocations a
            WHERE {process.Where("a")} AND a.alloc_ns <= {ns} AND (a.end_ns > {ns} OR a.end_kind = 'alive_at_end')
            GROUP BY a.site ORDER BY bytes DESC, a.site LIMIT 1
            """, r => Of(r.GetInt64(0), r.GetInt64(1))).FirstOrDefault();
    }
}
