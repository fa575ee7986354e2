namespace AllocReplay.Analyzer.Report;

/// <summary>A stretch of time of which calls are not in the trace.</summary>
/// <param name="FromNs">Its beginning, ns since start.</param>
/// <param name="ToNs">Its end.</param>
/// <param name="LostCalls">Calls that were made and could not be recorded; null where recording was stopped, so that nobody counted.</param>
public sealed record Unrecorded(long FromNs, long ToNs, long? LostCalls)
{
    /// <summary>The stretches of a process image, by time.</summary>
    /// <param name="scope">Whose.</param>
    /// <param name="moments">Calls that were lost are told between two of them.</param>
    internal static IReadOnlyList<Unrecorded> Read(ReportScope scope, ReportMoments moments)
    {
        var found = new List<Unrecorded>();
        long first = moments.Ns[0], end = moments.Ns[^1], from = 0;
        foreach ((long start, long stop, bool isStopped) in scope.Rows(
            $"SELECT start_ns, end_ns, is_stopped FROM intervals WHERE {scope.Where} ORDER BY start_ns, interval",
            r => (r.GetInt64(0), r.GetInt64(1), r.GetBoolean(2))))
        {
            if (start > from)
                found.Add(new Unrecorded(from, Math.Min(start, end), null));
            from = isStopped ? stop : end;
        }
        if (from > 0 && from < end)
            found.Add(new Unrecorded(from, end, null));
        foreach ((int at, long calls) in scope.Rows($"""
            SELECT greatest({moments.IndexOf("ns")}, 1) AS k, {ReportScope.Sum("calls")} FROM anomalies
            WHERE {scope.Where} AND anomaly = 'gap' GROUP BY k ORDER BY k
            """, r => (Math.Min(r.GetInt32(0), moments.Ns.Count - 1), r.GetInt64(1))))
            found.Add(new Unrecorded(moments.Ns[at - 1], moments.Ns[at], calls));
        // What was stopped before the window of a kept recording is not in the picture.
        return [.. found.Select(u => u with { FromNs = Math.Max(u.FromNs, first) })
            .Where(u => u.FromNs < u.ToNs).OrderBy(u => u.FromNs).ThenBy(u => u.LostCalls)];
    }
}
