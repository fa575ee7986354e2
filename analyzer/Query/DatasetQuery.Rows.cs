using DuckDB.NET.Data;

namespace AllocReplay.Analyzer.Query;

/// <summary>Rows of our own statements as the types that they have: a report reads many, which need no text between.</summary>
public sealed partial class DatasetQuery
{
    /// <summary>Runs a statement of ours, that is known to read alone, and makes something of each row.</summary>
    /// <param name="sql">The statement. What comes from a dataset or a command line is in it as <see cref="Sql.Literal"/>.</param>
    /// <param name="make">Makes it of the reader, which stands on the row.</param>
    /// <param name="token">Ends it.</param>
    /// <exception cref="DatasetException">The dataset is damaged, or has other columns than it should.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal IEnumerable<T> Rows<T>(string sql, Func<DuckDBDataReader, T> make, CancellationToken token = default)
    {
        MakeViews(sql);
        using DuckDBCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        command.UseStreamingMode = true;
        if (!token.CanBeCanceled)
            token = Ending;
        using var interrupt = new RepeatedInterrupt(command, token);
        using DuckDBDataReader reader = Reading(() => command.ExecuteReader(), token);
        while (Reading(reader.Read, token))
            yield return Made(make, reader);
    }

    /// <summary>A stranger's dataset may have other types than ours, or nothing where ours has a value.</summary>
    private T Made<T>(Func<DuckDBDataReader, T> make, DuckDBDataReader reader)
    {
        try
        {
            return make(reader);
        }
        catch (InvalidCastException e)
        {
            throw new DatasetException(_directory, e.Message.Split('\n')[0]);
        }
    }

    /// <summary>A value of a row, or null for SQL's NULL: what an older dataset does not have.</summary>
    internal static T? Optional<T>(DuckDBDataReader row, int column) where T : struct => row.IsDBNull(column) ? null : row.GetFieldValue<T>(column);

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
