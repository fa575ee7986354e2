using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Analyzer.Query;

/// <summary>Small pieces of the engine's SQL.</summary>
internal static class Sql
{
    /// <summary>A string literal.</summary>
    public static string Literal(string value) => "'" + value.Replace("'", "''", StringComparison.Ordinal) + "'";

    /// <summary>A path as a glob pattern that matches it alone.</summary>
    public static string EscapeGlob(string path) =>
        string.Concat(path.Select(c => c is '*' or '?' or '[' ? $"[{c}]" : c.ToString()));

    /// <summary>A sum of sizes, which may exceed 64 bits, as a number of 64 bits that saturates; NULL stays NULL, which <c>least</c> would pass over.</summary>
    public static string Saturated(string sum) => $"CASE WHEN {sum} IS NOT NULL THEN CAST(least({sum}, {long.MaxValue}) AS BIGINT) END";

    /// <summary>A table without rows that has every column of this version: what a dataset lacks of it reads as NULL.</summary>
    public static string EmptyTable(Table table) =>
        $"SELECT {string.Concat(table.Columns.Select(c => $"NULL::{TypeName(c.Type)} AS \"{c.Name}\", "))}"
        + "NULL::VARCHAR AS host, NULL::VARCHAR AS process WHERE false";

    private static string TypeName(ColumnType type) => type switch
    {
        ColumnType.Int64 => "BIGINT",
        ColumnType.Int32 => "INTEGER",
        ColumnType.Boolean => "BOOLEAN",
        _ => "VARCHAR",
    };
}
