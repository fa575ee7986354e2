namespace AllocReplay.Analyzer.Report;

/// <summary>By how much what is live has changed from one moment to another, by what a column of <c>allocations</c> tells apart; only where it has.</summary>
/// <param name="Keys">Values of the column.</param>
/// <param name="Starts">Where the changes of each key begin in the others; one more, which is their number.</param>
/// <param name="At">Places of moments, rising for each key.</param>
/// <param name="Bytes">By how many bytes.</param>
internal sealed record LiveChanges(IReadOnlyList<int> Keys, IReadOnlyList<int> Starts, IReadOnlyList<int> At, IReadOnlyList<long> Bytes)
{
    /// <summary>Reads them: blocks that are live at no moment, which most are, do not leave the engine.</summary>
    /// <param name="scope">Whose.</param>
    /// <param name="moments">When.</param>
    /// <param name="column">An INTEGER; NULL reads as 0.</param>
    public static LiveChanges Read(ReportScope scope, ReportMoments moments, string column)
    {
        string sql = $"""
            WITH live AS MATERIALIZED (
                SELECT key, from_k, to_k, sum(size) AS bytes
                FROM (SELECT coalesce({column}, 0) AS key, size, {moments.IndexOf("alloc_ns")} AS from_k,
                             CASE WHEN end_kind = 'alive_at_end' THEN {moments.Ns.Count} ELSE {moments.IndexOf("end_ns")} END AS to_k
                      FROM allocations WHERE {scope.Where}) AS spans
                WHERE from_k < to_k
                GROUP BY key, from_k, to_k
            )
            SELECT key, k, {ReportScope.Sum("bytes")} AS change
            FROM (SELECT key, from_k AS k, bytes FROM live UNION ALL SELECT key, to_k AS k, -bytes FROM live WHERE to_k < {moments.Ns.Count}) AS changes
            GROUP BY key, k HAVING sum(bytes) <> 0
            ORDER BY key, k
            """;
        List<int> keys = [], starts = [], at = [];
        List<long> bytes = [];
        foreach ((int key, int k, long change) in scope.Rows(sql, r => (r.GetInt32(0), r.GetInt32(1), r.GetInt64(2))))
        {
            if (keys.Count == 0 || keys[^1] != key)
            {
                keys.Add(key);
                starts.Add(at.Count);
            }
            at.Add(k);
            bytes.Add(change);
        }
        starts.Add(at.Count);
        return new LiveChanges(keys, starts, at, bytes);
    }

    /// <summary>Adds the changes of one key to those of others.</summary>
    /// <param name="place">Its place among <see cref="Keys"/>.</param>
    /// <param name="changes">A change for each moment.</param>
    public void AddTo(int place, Span<long> changes)
    {
        for (int i = Starts[place]; i < Starts[place + 1]; i++)
            changes[At[i]] += Bytes[i];
    }

    /// <summary>What is live at each moment, of the changes.</summary>
    public static long[] Sums(ReadOnlySpan<long> changes)
    {
        var sums = new long[changes.Length];
        long live = 0;
        for (int i = 0; i < changes.Length; i++)
            sums[i] = live += changes[i];
        return sums;
    }
}
