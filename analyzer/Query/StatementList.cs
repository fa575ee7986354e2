using System.Runtime.InteropServices;
using DuckDB.NET.Data;
using DuckDB.NET.Native;

namespace AllocReplay.Analyzer.Query;

/// <summary>Statements as the engine's parser takes them apart. Nothing runs.</summary>
internal sealed partial class StatementList : IDisposable
{
    private readonly DuckDBConnection _connection;
    private readonly DuckDBExtractedStatements _statements;

    private StatementList(DuckDBConnection connection, DuckDBExtractedStatements statements, int count)
    {
        (_connection, _statements, Count) = (connection, statements, count);
        // None, and no error: nothing but white space and comments.
        string? error = count == 0 ? NativeMethods.ExtractStatements.DuckDBExtractStatementsError(statements) : null;
        Error = error is { Length: > 0 } ? error : null;
    }

    public int Count { get; }

    /// <summary>Why it does not parse, or null when it does.</summary>
    public string? Error { get; }

    public static StatementList Parse(DuckDBConnection connection, string sql)
    {
        int count = NativeMethods.ExtractStatements.DuckDBExtractStatements(connection.NativeConnection, sql, out DuckDBExtractedStatements statements);
        return new StatementList(connection, statements, count);
    }

    /// <summary>Binds the first statement.</summary>
    /// <exception cref="QueryException">It names what is not there, or is wrong otherwise.</exception>
    public (DuckDBStatementType Type, IReadOnlyList<QueryColumn> Columns) Describe()
    {
        DuckDBState state = NativeMethods.ExtractStatements.DuckDBPrepareExtractedStatement(
            _connection.NativeConnection, _statements, 0, out DuckDBPreparedStatement prepared);
        using (prepared)
        {
            // Asked anything but its error, a statement that failed ends the process.
            if (state != DuckDBState.Success)
                throw new QueryException(NativeMethods.PreparedStatements.DuckDBPrepareError(prepared).TrimEnd());
            if (NativeMethods.PreparedStatements.DuckDBParams(prepared) > 0)
                throw new QueryException("expected values in place of parameters, which ? and $ are: a text that holds them stands in quotes");
            var columns = new List<QueryColumn>();
            for (ulong i = 0; i < ColumnCount(prepared); i++)
                columns.Add(new QueryColumn(NameOf(prepared, i), QueryColumn.KindOf(ColumnType(prepared, i))));
            return (StatementType(prepared), columns);
        }
    }

    public void Dispose() => _statements.Dispose();

    private static string NameOf(DuckDBPreparedStatement prepared, ulong column)
    {
        IntPtr name = ColumnName(prepared, column);
        string text = Marshal.PtrToStringUTF8(name) ?? "";
        Free(name);
        return text;
    }

    // Parts of the engine's C interface that the package does not declare.
    [LibraryImport("duckdb", EntryPoint = "duckdb_prepared_statement_type")]
    private static partial DuckDBStatementType StatementType(DuckDBPreparedStatement statement);

    [LibraryImport("duckdb", EntryPoint = "duckdb_prepared_statement_column_count")]
    private static partial ulong ColumnCount(DuckDBPreparedStatement statement);

    [LibraryImport("duckdb", EntryPoint = "duckdb_prepared_statement_column_type")]
    private static partial DuckDBType ColumnType(DuckDBPreparedStatement statement, ulong column);

    [LibraryImport("duckdb", EntryPoint = "duckdb_prepared_statement_column_name")]
    private static partial IntPtr ColumnName(DuckDBPreparedStatement statement, ulong column);

    [LibraryImport("duckdb", EntryPoint = "duckdb_free")]
    private static partial void Free(IntPtr memory);
}
