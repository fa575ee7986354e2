using DuckDB.NET.Data;
using DuckDB.NET.Native;

namespace AllocReplay.Analyzer.Query;

/// <summary>The rows of a query, read once, in order.</summary>
public sealed class QueryResult : IDisposable
{
    private readonly ReadStatement _statement;
    private readonly QueryForm _form;
    private readonly Func<DatasetException?> _findDamage;
    private readonly DuckDBCommand _command;
    private readonly DuckDBDataReader _reader;

    internal QueryResult(DuckDBConnection connection, ReadStatement statement, QueryForm form, Func<DatasetException?> findDamage)
    {
        (_statement, _form, _findDamage) = (statement, form, findDamage);
        _command = connection.CreateCommand();
        _command.CommandText = statement.In(form);
        _command.UseStreamingMode = true;
        try
        {
            _reader = _command.ExecuteReader();
        }
        catch (DuckDBException e)
        {
            _command.Dispose();
            throw Explain(e);
        }
    }

    /// <summary>The columns.</summary>
    public IReadOnlyList<QueryColumn> Columns => _statement.Columns;

    /// <summary>Whether it is a plan, as EXPLAIN draws it over several lines.</summary>
    public bool IsPlan => _statement.IsPlan;

    /// <summary>Reads the next row: a value for each column, null for SQL's NULL; strings, unless <see cref="QueryForm.Values"/> were asked for.</summary>
    /// <exception cref="QueryException">The query failed while it ran.</exception>
    /// <exception cref="DatasetException">It failed, as the dataset is damaged.</exception>
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
            _reader.Dispose();
            throw Explain(e);
        }
    }

    /// <summary>Reads the rows that are left.</summary>
    public IEnumerable<object?[]> ReadRows()
    {
        while (ReadRow() is { } row)
            yield return row;
    }

    /// <summary>The engine's kinds of errors do not tell a wrong query from damaged data. Some, the query alone can make.</summary>
    private Exception Explain(DuckDBException e) =>
        e.ErrorType is not (DuckDBErrorType.Conversion or DuckDBErrorType.OutOfRange or DuckDBErrorType.OutOfMemory) && _findDamage() is { } damage
            ? damage
            : new QueryException(_statement.MessageOf(e, _form));

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader.Dispose();
        _command.Dispose();
    }
}
