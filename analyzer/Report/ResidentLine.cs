namespace AllocReplay.Analyzer.Report;

/// <summary>What the process had in memory in the course of the trace.</summary>
/// <param name="PeakRssBytes">The most bytes at a time, between looks and after the last event too.</param>
/// <param name="RssBytes">At each moment, the most that was found since the moment before; where nobody looked meanwhile, what was found last. Null before
/// anybody looked.</param>
public sealed record ResidentLine(long PeakRssBytes, IReadOnlyList<long?> RssBytes)
{
    /// <returns>Null where nobody looked up to the last moment.</returns>
    internal static ResidentLine? Read(ReportScope scope, ReportMoments moments)
    {
        var rss = new long?[moments.Ns.Count];
        long peak = 0;
        long? last = null;
        int moment = 0;
        foreach ((long ns, long bytes, long most) in scope.Rows(
            $"SELECT ns, rss_bytes, peak_rss_bytes FROM memory WHERE {scope.Where} ORDER BY ns", r => (r.GetInt64(0), r.GetInt64(1), r.GetInt64(2))))
        {
            peak = Math.Max(peak, most);
            for (; moment < rss.Length && moments.Ns[moment] < ns; moment++)
                rss[moment] ??= last;
            if (moment == rss.Length)
                continue; // later than all events
            rss[moment] = Math.Max(rss[moment] ?? 0, bytes);
            last = bytes;
        }
        for (; moment < rss.Length; moment++)
            rss[moment] ??= last;
        return last is null ? null : new ResidentLine(peak, rss);
    }
}
