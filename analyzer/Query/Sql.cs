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

    /// <summary>The rows of files. Host and process are text, also where they look like a number, and where the names of directories hold them.</summary>
    /// <param name="pattern">Which files, as a pattern.</param>
    /// <param name="areAlike">Whether all are known to have the same columns: the engine then looks at one of them, else it opens all to know.</param>
    public static string RowsOf(string pattern, bool areAlike = false) =>
        $"SELECT * FROM read_parquet({Literal(pattern)}, hive_partitioning = true, hive_types_autocast = false{(areAlike ? "" : ", union_by_name = true")})";

    /// <summary>A statement that tells how many lists of columns files have: one where they are alike. It opens each file once.</summary>
    /// <param name="pattern">Which files, as a pattern.</param>
    public static string CountOfSchemas(string pattern) => "SELECT count(DISTINCT columns) FROM (SELECT sum(hash(name, type, column_id)) AS columns "
        + $"FROM parquet_schema({Literal(pattern)}) GROUP BY file_name)";

    /// <summary>A statement that makes a view of a table. It has every column of this version, whatever version wrote the files.</summary>
    /// <param name="table">The table.</param>
    /// <param name="rows">What selects its rows; none for a table without files.</param>
    public static string TableView(Table table, IEnumerable<string> rows) =>
        $"CREATE VIEW {table.Name} AS {EmptyTable(table)}{string.Concat(rows.Select(r => $" UNION ALL BY NAME {r}"))}";

    /// <summary>A table without rows that has every column of this version: what a dataset lacks of it reads as NULL.</summary>
    private static string EmptyTable(Table table) =>
        $"SELECT {string.Concat(table.Columns.Select(c => $"NULL::{TypeName(c.Type)} AS \"{c.Name}\", "))}"
        + "NULL::VARCHAR AS host, NULL::VARCHAR AS process WHERE false";

    /// <summary>
    /// All columns of a table's view, ours as the types that they have: a stranger's file may have others, which then must be ours in other words.
    /// </summary>
    public static string TypedColumns(Table table) =>
        $"* REPLACE ({string.Join(", ", table.Columns.Select(c => $"CAST(\"{c.Name}\" AS {TypeName(c.Type)}) AS \"{c.Name}\""))})";

    private static string TypeName(ColumnType type) => type switch
    {
        ColumnType.Int64 => "BIGINT",
        ColumnType.Int32 => "INTEGER",
        ColumnType.Double => "DOUBLE",
        ColumnType.Boolean => "BOOLEAN",
        _ => "VARCHAR",
    };
}
