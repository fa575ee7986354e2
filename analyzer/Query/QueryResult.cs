using DuckDB.NET.Data;

namespace AllocReplay.Analyzer.Query;

/// <summary>The rows of a query, read once, in order.</summary>
public sealed class QueryResult : IDisposable
{
    private readonly ReadStatement _statement;
    private readonly QueryForm _form;
    private readonly DuckDBCommand _command;
    private readonly DuckDBDataReader _reader;

    internal QueryResult(DuckDBConnection connection, ReadStatement statement, QueryForm form)
    {
        (_statement, _form) = (statement, form);
        _command = connection.CreateCommand();
        _command.UseStreamingMode = true;
        try
        {
            _command.CommandText = statement.In(form);
            _reader = _command.ExecuteReader();
        }
        catch (DuckDBException e)
        {
            _command.Dispose();
            throw new QueryException(statement.MessageOf(e, form));
        }
    }

    /// <summary>The columns.</summary>
    public IReadOnlyList<QueryColumn> Columns => _statement.Columns;

    /// <summary>Whether it is a plan, as EXPLAIN draws it over several lines.</summary>
    public bool IsPlan => _statement.IsPlan;

    /// <summary>Reads the next row: a value for each column, null for SQL's NULL; strings, unless <see cref="QueryForm.Values"/> were asked for.</summary>
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
            throw new QueryException(_statement.MessageOf(e, _form));
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
