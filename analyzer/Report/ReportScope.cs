using AllocReplay.Analyzer.Query;
using DuckDB.NET.Data;

namespace AllocReplay.Analyzer.Report;

/// <summary>The process image of a dataset that a report is of, and how its rows are asked for.</summary>
/// <param name="Query">The dataset.</param>
/// <param name="Host">Partition column.</param>
/// <param name="Process">Partition column.</param>
/// <param name="Token">Ends the work.</param>
internal sealed record ReportScope(DatasetQuery Query, string Host, string Process, CancellationToken Token)
{
    /// <summary>The largest INT64: sums are wider, and saturate there.</summary>
    private const string Most = "9223372036854775807";

    /// <summary>A condition that rows of <c>allocations</c> are of blocks that were acquired in the window of a kept recording; in another all are.</summary>
    public const string Acquired = "NOT coalesce(carried, false)";

    /// <summary>The condition that its rows meet.</summary>
    public string Where { get; } = $"host = {Sql.Literal(Host)} AND process = {Sql.Literal(Process)}";

    /// <summary>All rows of a statement.</summary>
    public IEnumerable<T> Rows<T>(string sql, Func<DuckDBDataReader, T> make) => Query.Rows(sql, make, Token);

    /// <summary>A sum as an INT64, 0 where there is nothing to add.</summary>
    /// <param name="value">What is added.</param>
    /// <param name="condition">Which rows count; empty for all.</param>
    public static string Sum(string value, string condition = "")
    {
        string sum = $"coalesce(sum({value}){(condition.Length > 0 ? $" FILTER ({condition})" : "")}, 0)";
        return $"CAST(greatest(least({sum}, {Most}), -{Most}) AS BIGINT)";
    }

    /// <summary>A text of a row; empty for SQL's NULL.</summary>
    public static string Text(DuckDBDataReader row, int column) => row.IsDBNull(column) ? "" : row.GetString(column);
}
