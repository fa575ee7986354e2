using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;
using DuckDB.NET.Data;

namespace AllocReplay.Analyzer.Fleet;

/// <summary>The tables of several datasets as one, to be written into files. The engine reads these datasets and writes one directory.</summary>
internal sealed class DatasetCopy : IDisposable
{
    private readonly DuckDBConnection _connection = new("DataSource=:memory:");
    private readonly IReadOnlyList<DatasetFiles> _sources;
    private readonly string _destination;
    private readonly string _spill = Directory.CreateTempSubdirectory("allocreplay-compact-").FullName;

    private DatasetCopy(IReadOnlyList<DatasetFiles> sources, string destination) => (_sources, _destination) = (sources, destination);

    /// <summary>Process images in all of them.</summary>
    public long Images => (long)Scalar("SELECT count(*) FROM process")!;

    /// <summary>Files that they are in.</summary>
    public long Files => _sources.Sum(s => DatasetTables.All.Sum(s.CountOf));

    /// <param name="directories">The datasets.</param>
    /// <param name="output">The directory to write into.</param>
    /// <exception cref="DatasetException">One of them is no dataset.</exception>
    public static DatasetCopy Open(IReadOnlyList<string> directories, string output)
    {
        var copy = new DatasetCopy([.. directories.Select(DatasetFiles.Find)], Path.GetDirectoryName(output)!);
        try
        {
            copy._connection.Open();
            foreach (string statement in Sandbox.Statements(copy._spill, copy._sources.SelectMany(s => s.Allowed).Append(output + "/")))
                copy.Execute(statement);
            foreach (Table table in DatasetTables.All)
                copy.Execute(Sql.TableView(table, copy._sources.Where(s => s.CountOf(table) > 0).Select(s => s.RowsOf(table))));
            return copy;
        }
        catch (DuckDBException e)
        {
            copy.Dispose();
            throw Explain(e, directories);
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    /// <exception cref="DatasetException">Two process images have the same host and process: their blocks could not be told apart.</exception>
    public void RequireDistinct()
    {
        const string Twice = "SELECT host || ' ' || process FROM process GROUP BY host, process HAVING count(*) > 1 ORDER BY 1 LIMIT 1";
        if (Reading(() => Scalar(Twice)) is string twice)
            throw new DatasetException(Names, $"{twice} is there twice: leave one of them out");
    }

    /// <summary>Writes a table into a file.</summary>
    /// <param name="table">The table.</param>
    /// <param name="file">The file, in the directory that was opened for it.</param>
    /// <param name="metadata">What the file says of itself.</param>
    /// <param name="token">Interrupts it.</param>
    /// <returns>The rows.</returns>
    /// <exception cref="DatasetException">A dataset is damaged.</exception>
    /// <exception cref="DatasetNotWritableException">The disk is full.</exception>
    public long Write(Table table, string file, IReadOnlyDictionary<string, string> metadata, CancellationToken token)
    {
        string said = string.Join(", ", metadata.Select(m => $"{Sql.Literal(m.Key)}: {Sql.Literal(m.Value)}"));
        // Version 2 has the encodings of which ours are: differences for what rises, which is most of it.
        string sql = $"COPY (SELECT {Sql.TypedColumns(table)} FROM {table.Name}) TO {Sql.Literal(file)} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, "
            + $"ROW_GROUP_SIZE {RowGroup}, KV_METADATA {{{said}}})";
        using DuckDBCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        using var interrupt = new RepeatedInterrupt(command, token);
        token.ThrowIfCancellationRequested();
        try
        {
            return command.ExecuteNonQuery();
        }
        catch (DuckDBException e)
        {
            token.ThrowIfCancellationRequested();
            if (e.Message.Contains("No space left", StringComparison.Ordinal))
                throw new DatasetNotWritableException(_destination, new IOException("No space left on device"));
            throw Explain(e, [.. _sources.Select(s => s.Directory)]);
        }
    }

    public void Dispose()
    {
        _connection.Dispose();
        if (Directory.Exists(_spill))
            Directory.Delete(_spill, recursive: true);
    }

    /// <summary>Rows of a row group: engines parallelise and prune by it.</summary>
    private const int RowGroup = 1 << 17;

    private string Names => string.Join(", ", _sources.Select(s => s.Directory));

    private object? Scalar(string sql)
    {
        using DuckDBCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }

    private T Reading<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (DuckDBException e)
        {
            throw Explain(e, [.. _sources.Select(s => s.Directory)]);
        }
    }

    private void Execute(string sql)
    {
        using DuckDBCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static DatasetException Explain(DuckDBException e, IReadOnlyList<string> directories) =>
        new(string.Join(", ", directories), e.Message.Split('\n')[0]);
}
