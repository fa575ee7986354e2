using System.Text;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Tests.Support;

/// <summary>
/// The texts of <c>analyzer/engines</c>, made of the tables: what an engine has to be told so that the named views, which are the same for all, run in it.
/// </summary>
internal static class EnginePrelude
{
    /// <summary>What stands before each line of a table that only some datasets have; such an engine refuses a table without files.</summary>
    public const string OnRequest = "--events ";

    private const int Width = 150;

    /// <summary>Of DuckDB: the views that <c>query</c> makes for itself, over files where it is started.</summary>
    public static string DuckDb() => Text(
        """
        The tables of a dataset for the duckdb command, started in the directory of the dataset. 'allocreplay query' has them by itself.
            cd fleet && cat ENGINES/duckdb.sql VIEWS/outstanding_by_site.sql | duckdb
        Of a dataset that has the table events, take "--events " away from the lines that begin with it.
        """,
        "",
        table => IfPresent(table, Wrap(Sql.TableView(table, [Sql.RowsOf($"{table.Name}/**/*.parquet")])
            .Replace(" AS SELECT ", " AS\nSELECT ", StringComparison.Ordinal)
            .Replace(" WHERE false UNION", " WHERE false\nUNION", StringComparison.Ordinal)) + ";\n"));

    /// <summary>Of ClickHouse: host and process are taken from the names of directories where the files have no such columns.</summary>
    public static string ClickHouse() => Text(
        """
        The tables of a dataset for clickhouse local, started in the directory of the dataset.
            cd fleet && cat ENGINES/clickhouse.sql VIEWS/outstanding_by_site.sql | clickhouse local
        Sums are as wide as what is added up: bytes are Int128, so that sums of sizes near 2^63 do not wrap. What older datasets lack is NULL.
        """,
        """
        SET use_hive_partitioning = 0; -- it would take a host 007 for a number, and %20 for what it says
        SET join_use_nulls = 1; -- as SQL has it: what a LEFT JOIN does not find is NULL
        SET cast_keep_nullable = 1;

        """,
        table => $"CREATE VIEW {table.Name} AS\nSELECT * EXCEPT (host, process), {InClickHouse("host")},\n       {InClickHouse("process")}\n"
            + Wrap($"FROM file('{table.Name}/**/*.parquet', Parquet, "
                + $"'{Columns(table, c => ClickHouseType(table, c))}host Nullable(String), process Nullable(String)')") + ";\n");

    /// <summary>Of Spark SQL: host and process are columns of the files, or Spark finds them in the names of directories.</summary>
    public static string Spark() => Text(
        """
        The tables of a dataset for spark-sql, started in the directory of the dataset. NOT RUN: there was no Spark to try it in.
            cd week48 && cat ENGINES/spark.sql VIEWS/outstanding_by_site.sql | spark-sql
        Of a dataset that has the table events, take "--events " away from the lines that begin with it.
        Bytes are decimals, so that sums of sizes near 2^63 do not overflow. What older datasets lack is NULL.
        """,
        "SET spark.sql.sources.partitionColumnTypeInference.enabled = false;\n",
        table => IfPresent(table, Wrap($"CREATE TEMPORARY VIEW {table.Name}_files ({Columns(table, SparkType)}host STRING, process STRING)")
            + $"\nUSING parquet OPTIONS (path '{table.Name}');\n"
            + Wrap($"CREATE TEMPORARY VIEW {table.Name} AS SELECT {string.Concat(table.Columns.Select(c => $"{InSpark(c)}, "))}host, process")
            + $"\nFROM {table.Name}_files;\n"));

    private static string Text(string head, string settings, Func<Table, string> statement)
    {
        var text = new StringBuilder();
        foreach (string line in head.ReplaceLineEndings("\n").Split('\n'))
            text.Append("-- ").Append(line).Append('\n');
        text.Append("-- Made from the tables in analyzer/Tables.\n").Append(settings.ReplaceLineEndings("\n"));
        foreach (Table table in DatasetTables.All)
            text.Append('\n').Append(statement(table));
        return text.ToString();
    }

    private static string IfPresent(Table table, string statement) => table.Name != DatasetTables.Events.Name
        ? statement
        : string.Concat(statement.TrimEnd('\n').Split('\n').Select(line => $"{OnRequest}{line}\n"));

    private static string Columns(Table table, Func<ColumnInfo, string> type) => string.Concat(table.Columns.Select(c => $"{c.Name} {type(c)}, "));

    private static string InClickHouse(string column) => $"ifNull({column}, decodeURLComponent(extract(_path, '/{column}=([^/]*)/'))) AS {column}";

    private static string InSpark(ColumnInfo column) =>
        IsBytes(column) ? $"CAST({column.Name} AS DECIMAL(20, 0)) AS {column.Name}" : column.Name;

    private static string ClickHouseType(Table table, ColumnInfo column)
    {
        string type = column.Type switch
        {
            ColumnType.Int64 => IsBytes(column) ? "Int128" : "Int64",
            ColumnType.Int32 => "Int32",
            ColumnType.Double => "Float64",
            ColumnType.Boolean => "Bool",
            _ => "String",
        };
        return column.Since > table.Since ? $"Nullable({type})" : type;
    }

    private static string SparkType(ColumnInfo column) => column.Type switch
    {
        ColumnType.Int64 => "BIGINT",
        ColumnType.Int32 => "INT",
        ColumnType.Double => "DOUBLE",
        ColumnType.Boolean => "BOOLEAN",
        _ => "STRING",
    };

    /// <summary>Sums of these may exceed 64 bits.</summary>
    private static bool IsBytes(ColumnInfo column) => column is { Type: ColumnType.Int64, Unit: "bytes" };

    /// <summary>Breaks lines behind commas.</summary>
    private static string Wrap(string statement)
    {
        var text = new StringBuilder();
        foreach (string line in statement.Split('\n'))
        {
            int column = 0;
            string[] parts = line.Split(", ");
            for (int i = 0; i < parts.Length; i++)
            {
                string part = i + 1 < parts.Length ? parts[i] + "," : parts[i];
                if (column + part.Length > Width)
                    (column, _) = (4, text.Append("\n    "));
                else if (i > 0)
                    (column, _) = (column + 1, text.Append(' '));
                text.Append(part);
                column += part.Length;
            }
            text.Append('\n');
        }
        return text.ToString().TrimEnd('\n');
    }
}
