using System.Numerics;
using DuckDB.NET.Data;

namespace AllocReplay.Analyzer.Query;

/// <summary>A column of a result.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsNumber">Whether its values are numbers.</param>
public sealed record QueryColumn(string Name, bool IsNumber);

/// <summary>The rows of a query, read once, in order.</summary>
public sealed class QueryResult : IDisposable
{
    private static readonly HashSet<Type> Numbers =
    [
        typeof(sbyte), typeof(short), typeof(int), typeof(long), typeof(byte), typeof(ushort), typeof(uint), typeof(ulong),
        typeof(float), typeof(double), typeof(decimal), typeof(BigInteger),
    ];

    private readonly DuckDBCommand _command;
    private readonly DuckDBDataReader _reader;

    internal QueryResult(DuckDBCommand command, DuckDBDataReader reader)
    {
        _command = command;
        _reader = reader;
        Columns = Enumerable.Range(0, reader.FieldCount)
            .Select(i => new QueryColumn(reader.GetName(i), Numbers.Contains(reader.GetFieldType(i))))
            .ToList();
    }

    /// <summary>The columns.</summary>
    public IReadOnlyList<QueryColumn> Columns { get; }

    /// <summary>Reads the next row: a value for each column, null for SQL's NULL.</summary>
    /// <exception cref="QueryException">The query failed while it ran.</exception>
    public object?[]? ReadRow()
    {
        try
        {
            if (!_reader.Read())
                return null;
            var row = new object?[Columns.Count];
            for (int i = 0; i < row.Length; i++)
                row[i] = _reader.IsDBNull(i) ? null : _reader.GetValue(i);
            return row;
        }
        catch (DuckDBException e)
        {
            throw new QueryException(Sql.OneLine(e));
        }
    }

    /// <summary>Reads the rows that are left.</summary>
    public IEnumerable<object?[]> ReadRows()
    {
        while (ReadRow() is { } row)
            yield return row;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader.Dispose();
        _command.Dispose();
    }
}
