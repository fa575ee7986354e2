using System.Runtime.InteropServices;
using DuckDB.NET.Data;
using DuckDB.NET.Native;

namespace AllocReplay.Analyzer.Query;

/// <summary>Small helpers around the engine's SQL.</summary>
internal static partial class Sql
{
    /// <summary>A string literal.</summary>
    public static string Literal(string value) => "'" + value.Replace("'", "''", StringComparison.Ordinal) + "'";

    /// <summary>A path as a glob pattern that matches it alone.</summary>
    public static string EscapeGlob(string path) =>
        string.Concat(path.Select(c => c is '*' or '?' or '[' ? $"[{c}]" : c.ToString()));

    /// <summary>The engine's message as one line: it adds the place in the query below.</summary>
    public static string OneLine(DuckDBException e) => e.Message.ReplaceLineEndings("\n").Split('\n')[0].TrimEnd();

    /// <summary>Refuses what is not one statement that reads. The engine's own sandbox lets a statement write into the dataset.</summary>
    /// <exception cref="QueryException">It does not parse, or is not one SELECT.</exception>
    public static void RequireOneSelect(DuckDBConnection connection, string sql)
    {
        int count = NativeMethods.ExtractStatements.DuckDBExtractStatements(
            connection.NativeConnection, sql, out DuckDBExtractedStatements statements);
        using (statements)
        {
            // Zero statements and no error: nothing but white space and comments.
            string? error = count == 0 ? NativeMethods.ExtractStatements.DuckDBExtractStatementsError(statements) : null;
            if (error is { Length: > 0 })
                throw new QueryException(error.Split('\n')[0]);
            if (count != 1)
                throw new QueryException($"expected one SQL statement, found {count}");
            DuckDBState state = NativeMethods.ExtractStatements.DuckDBPrepareExtractedStatement(
                connection.NativeConnection, statements, 0, out DuckDBPreparedStatement prepared);
            using (prepared)
            {
                if (state != DuckDBState.Success)
                    throw new QueryException(NativeMethods.PreparedStatements.DuckDBPrepareError(prepared).Split('\n')[0]);
                if (StatementType(prepared) != DuckDBStatementType.Select)
                    throw new QueryException("a query can only read: expected SELECT, WITH, FROM, DESCRIBE, SUMMARIZE or SHOW");
            }
        }
    }

    // Part of the engine's C interface that the package does not declare.
    [LibraryImport("duckdb", EntryPoint = "duckdb_prepared_statement_type")]
    private static partial DuckDBStatementType StatementType(DuckDBPreparedStatement statement);
}
