using DuckDB.NET.Data;

namespace AllocReplay.Analyzer.Query;

/// <summary>Rows of our own statements as the types that they have: a report reads many, which need no text between.</summary>
public sealed partial class DatasetQuery
{
    /// <summary>Runs a statement of ours, that is known to read alone, and makes something of each row.</summary>
    /// <param name="sql">The statement. What comes from a dataset or a command line is in it as <see cref="Sql.Literal"/>.</param>
    /// <param name="make">Makes it of the reader, which stands on the row.</param>
    /// <param name="token">Ends it.</param>
    /// <exception cref="DatasetException">The dataset is damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal IEnumerable<T> Rows<T>(string sql, Func<DuckDBDataReader, T> make, CancellationToken token = default)
    {
        MakeViews(sql);
        using DuckDBCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        command.UseStreamingMode = true;
        using var interrupt = new RepeatedInterrupt(command, token);
        using DuckDBDataReader reader = Reading(() => command.ExecuteReader(), token);
        while (Reading(reader.Read, token))
            yield return make(reader);
    }

    private T Reading<T>(Func<T> read, CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        try
        {
            return read();
        }
        catch (DuckDBException e)
        {
            token.ThrowIfCancellationRequested();
            throw new DatasetException(_directory, e.Message.Split('\n')[0]);
        }
    }
}
