namespace AllocReplay.Analyzer.Query;

/// <summary>A named moment of a process image: a row of the table <c>markers</c>.</summary>
/// <param name="Ns">When it was left, ns since the start.</param>
/// <param name="Name">Its name; several may have the same.</param>
public sealed record DatasetMark(long Ns, string Name)
{
    /// <summary>The marks of a process image, by time.</summary>
    /// <param name="query">The dataset. An older one has none.</param>
    /// <param name="host">Partition column.</param>
    /// <param name="process">Partition column.</param>
    /// <param name="token">Ends it.</param>
    public static IReadOnlyList<DatasetMark> AllOf(DatasetQuery query, string host, string process, CancellationToken token = default) =>
    [
        .. query.Rows(
            $"SELECT ns, name FROM markers WHERE host = {Sql.Literal(host)} AND process = {Sql.Literal(process)} ORDER BY ns, name",
            r => new DatasetMark(r.GetInt64(0), r.GetString(1)), token),
    ];
}
