using DuckDB.NET.Data;
using DuckDB.NET.Native;

namespace AllocReplay.Analyzer.Query;

/// <summary>The rows of a query, read once, in order.</summary>
public sealed class QueryResult : IDisposable
{
    private readonly ReadStatement _statement;
    private readonly QueryForm _form;
    private readonly Func<DatasetException?> _findDamage;
    private readonly CancellationToken _token;
    private readonly RepeatedInterrupt _interrupt;
    private readonly DuckDBCommand _command;
    private readonly DuckDBDataReader _reader;

    internal QueryResult(
        DuckDBConnection connection, ReadStatement statement, QueryForm form, Func<DatasetException?> findDamage, CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        (_statement, _form, _findDamage, _token) = (statement, form, findDamage, token);
        _command = connection.CreateCommand();
        _command.UseStreamingMode = true;
        _interrupt = new RepeatedInterrupt(_command, token);
        try
        {
            _command.CommandText = statement.In(form);
            _reader = _command.ExecuteReader();
        }
        catch (DuckDBException e)
        {
            Exception explained = Explain(e);
            _interrupt.Dispose();
            _command.Dispose();
            throw explained;
        }
        catch
        {
            // As where it was cancelled before it began: nothing may interrupt a connection that is gone.
            _interrupt.Dispose();
            _command.Dispose();
            throw;
        }
    }

    /// <summary>The columns.</summary>
    public IReadOnlyList<QueryColumn> Columns => _statement.Columns;

    /// <summary>Whether it is a plan, as EXPLAIN draws it over several lines.</summary>
    public bool IsPlan => _statement.IsPlan;

    /// <summary>Reads the next row: a value for each column, null for SQL's NULL; strings, unless <see cref="QueryForm.Values"/> were asked for.</summary>
    /// <exception cref="QueryException">The query failed while it ran.</exception>
    /// <exception cref="DatasetException">It failed, as the dataset is damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public object?[]? ReadRow()
    {
        _token.ThrowIfCancellationRequested();
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

    private Exception Explain(DuckDBException e)
    {
        Exception? damage = MayBeDamage(e.ErrorType) && !_token.IsCancellationRequested ? _findDamage() : null;
        // The look for damage is interrupted too, and then says so.
        return _token.IsCancellationRequested ? new OperationCanceledException(_token) : damage ?? new QueryException(_statement.MessageOf(e, _form));
    }

    /// <summary>
    /// Of the engine's kinds of errors, those that damaged data makes. A wrong query makes them too, so the data is then read; for those that
    /// the query alone makes it is not, as it may be large.
    /// </summary>
    private static bool MayBeDamage(DuckDBErrorType kind) => kind is not (DuckDBErrorType.Parser or DuckDBErrorType.Syntax or DuckDBErrorType.Binder
        or DuckDBErrorType.Catalog or DuckDBErrorType.Permission or DuckDBErrorType.NotImplemented or DuckDBErrorType.MissingExtension
        or DuckDBErrorType.Conversion or DuckDBErrorType.OutOfRange or DuckDBErrorType.OutOfMemory);

    /// <inheritdoc/>
    public void Dispose()
    {
        _interrupt.Dispose();
        _reader.Dispose();
        _command.Dispose();
    }
}
