using AllocReplay.Analyzer.Query;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Analyzer.Diff;

/// <summary>What a site is known by.</summary>
/// <param name="Site">Its hash, <c>sites.site</c>.</param>
/// <param name="Function">Its function.</param>
/// <param name="File">The source file there; empty where it is not known.</param>
/// <param name="Line">Its line; 0 where it is not known.</param>
/// <param name="Text">Its functions on one line, the lowest first.</param>
public sealed record SiteIdentity(long Site, string Function, string File, int Line, string Text)
{
    /// <summary>Of the blocks whose stack is not known, of which a dataset without stacks has no row.</summary>
    private static readonly SiteIdentity NotKnown = new(0, "(not known)", "", 0, "(not known)");

    /// <summary>The sites of a process image, by their hash.</summary>
    internal static Dictionary<long, SiteIdentity> AllOf(DatasetQuery query, DatasetProcess process)
    {
        Dictionary<long, SiteIdentity> sites = query
            .Rows($"SELECT site, function, file, line, text FROM sites s WHERE {process.Where("s")}",
                r => new SiteIdentity(r.GetInt64(0), r.GetString(1), r.GetString(2), r.GetInt32(3), r.GetString(4)))
            .DistinctBy(s => s.Site).ToDictionary(s => s.Site);
        sites.TryAdd(0, NotKnown);
        return sites;
    }

    /// <summary>The functions of sites, inlined ones too, the lowest first and without what runs before main: of one stack of each, for others of the site
    /// have the same but for what was inlined.</summary>
    internal static Dictionary<long, List<string>> FunctionsOf(DatasetQuery query, DatasetProcess process, IReadOnlyCollection<long> sites)
    {
        var functions = new Dictionary<long, List<string>>();
        if (sites.Count == 0)
            return functions;
        var starts = new Dictionary<long, int>(); // how many of the outermost are of the C library
        foreach ((long site, string function, string module) in query.Rows($"""
            WITH one AS (
                SELECT s.site AS site, min(s.stack) AS stack FROM stacks s WHERE {process.Where("s")} AND s.site IN ({string.Join(',', sites)}) GROUP BY s.site
            )
            SELECT one.site, f.function, coalesce(m.path, '')
            FROM one
            JOIN stack_frames sf ON sf.stack = one.stack AND {process.Where("sf")}
            JOIN frames f ON f.frame = sf.frame AND {process.Where("f")}
            LEFT JOIN modules m ON m.module = f.module AND {process.Where("m")}
            ORDER BY one.site, sf.position
            """, r => (r.GetInt64(0), r.GetString(1), r.GetString(2))))
        {
            if (!functions.TryGetValue(site, out List<string>? list))
                functions.Add(site, list = []);
            list.Add(function);
            starts[site] = function == "_start" || SiteHash.IsCLibrary(Path.GetFileName(module)) ? starts.GetValueOrDefault(site) + 1 : 0;
        }
        foreach ((long site, int count) in starts)
            functions[site].RemoveRange(Math.Max(1, functions[site].Count - count), Math.Min(count, functions[site].Count - 1));
        return functions;
    }
}
