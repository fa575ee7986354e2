using System.Text.RegularExpressions;
using AllocReplay.Analyzer.Tables;
using DuckDB.NET.Data;

namespace AllocReplay.Analyzer.Query;

/// <summary>
/// SQL over a dataset, by an embedded DuckDB. Datasets and queries may come from strangers: the engine can read the files of
/// the dataset and nothing else, writes nothing, and loads no extension.
/// </summary>
public sealed partial class DatasetQuery : IDisposable
{
    /// <summary>The tables and columns of stacks, and the views over them. Better a word too many, in a text or as another's name, than a puzzle.</summary>
    private static readonly Lazy<Regex> StackNames = new(() =>
    {
        Regex tables = Words([.. DatasetTables.OfStacks.Select(t => t.Name), "site", "alloc_stack", "free_stack"]);
        return Words([.. NamedView.All.Where(v => tables.IsMatch(Comments().Replace(v.Sql, ""))).Select(v => v.Name), tables.ToString()]);
    });

    private readonly DuckDBConnection _connection;
    private readonly string _directory;
    private readonly DatasetFiles _files;
    private readonly IReadOnlyList<Table> _tables;
    private readonly SourceViews _views;
    private readonly string _spill;

    private DatasetQuery(DuckDBConnection connection, string directory, DatasetFiles files, IReadOnlyList<Table> tables)
    {
        (_connection, _directory, _files, _tables) = (connection, directory, files, tables);
        _views = new SourceViews(files, tables, Execute, Scalar);
        // For what does not fit in memory. Not for others to read, so it is made by us: the engine would make it as umask(2) has it.
        _spill = Directory.CreateTempSubdirectory("allocreplay-query-").FullName;
    }

    /// <summary>Ends statements that are given no token of their own.</summary>
    public CancellationToken Ending { private get; set; }

    /// <summary>Opens a dataset: its tables and all <see cref="NamedView"/>s can be selected from.</summary>
    /// <exception cref="DatasetException">There is no dataset at the path, or it cannot be read.</exception>
    public static DatasetQuery Open(string directory) => Open(directory, DatasetTables.All);

    internal static DatasetQuery Open(string directory, IReadOnlyList<Table> tables)
    {
        DatasetFiles files = DatasetFiles.Find(directory, tables);
        var query = new DatasetQuery(new DuckDBConnection("DataSource=:memory:"), directory, files, tables);
        try
        {
            query._connection.Open();
            query.Confine();
            return query;
        }
        catch (DuckDBException e)
        {
            query.Dispose();
            throw new DatasetException(directory, e.Message.Split('\n')[0]);
        }
        catch
        {
            query.Dispose();
            throw;
        }
    }

    /// <summary>Runs one statement that reads. Rows are streamed: a result may be larger than memory.</summary>
    /// <exception cref="QueryException">The statement is wrong, or does more than read.</exception>
    /// <exception cref="DatasetException">The dataset is damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public QueryResult Run(string sql, QueryForm form = QueryForm.Values, CancellationToken token = default)
    {
        try
        {
            MakeViews(sql);
            return new(_connection, ReadStatement.Parse(_connection, sql), form, FindDamage, token.CanBeCanceled ? token : Ending);
        }
        catch (QueryException e) when (MissingTable().IsMatch(e.Message))
        {
            throw new QueryException(MissingTable().Replace(e.Message, m => $"{m.Groups[1].Value} {Sources}", 1));
        }
    }

    /// <summary>Runs a named view.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="form">How values are given.</param>
    /// <param name="settings">Parameters that are not to have their defaults, as <c>name=value</c>.</param>
    /// <param name="token">Ends it.</param>
    /// <exception cref="QueryException">There is no such view or parameter, or a value is none.</exception>
    public QueryResult RunView(string name, QueryForm form = QueryForm.Values, IReadOnlyList<string>? settings = null, CancellationToken token = default) =>
        Run(StatementOf(name, settings ?? []), form, token);

    /// <summary>The statement that a named view is: its text, as what selects from a view of the engine would open all files of its tables once more.</summary>
    /// <exception cref="QueryException">There is no such view or parameter, or a value is none.</exception>
    public static string StatementOf(string view, IReadOnlyList<string> settings) =>
        NamedView.Find(view).With(settings);

    /// <summary>Writes the result of one statement that reads as a Parquet file, compressed by Zstandard.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="limit">Rows at the most.</param>
    /// <param name="output">Where to.</param>
    /// <param name="token">Ends it.</param>
    /// <exception cref="QueryException">The statement is wrong, or does more than read, or is EXPLAIN, which has no rows.</exception>
    /// <exception cref="DatasetException">The dataset is damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void WriteParquet(string sql, long limit, Stream output, CancellationToken token = default)
    {
        MakeViews(sql);
        ReadStatement statement = ReadStatement.Parse(_connection, sql);
        if (statement.IsPlan)
            throw new QueryException("EXPLAIN draws a plan, which is no table: expected another format than parquet");
        // The engine writes where it may spill, and nowhere else; it is handed on from there.
        string file = Path.Combine(_spill, "result.parquet");
        using DuckDBCommand command = _connection.CreateCommand();
        command.CommandText = $"COPY (SELECT * FROM (\n{statement.Text}\n) LIMIT {limit}) TO {Sql.Literal(file)} (FORMAT parquet, COMPRESSION zstd)";
        using (new RepeatedInterrupt(command, token))
        {
            try
            {
                command.ExecuteNonQuery();
            }
            catch (DuckDBException e)
            {
                token.ThrowIfCancellationRequested();
                throw (Exception?)FindDamage() ?? new QueryException(e.Message.TrimEnd());
            }
        }
        using (FileStream written = File.OpenRead(file))
            written.CopyTo(output);
        File.Delete(file);
    }

    /// <summary>Whether a statement asks for call stacks that were not recorded: its answer is then empty, or 0, and looks like a puzzle.</summary>
    /// <param name="sql">The statement, or the name of a view.</param>
    /// <returns>What is missing; null when nothing is.</returns>
    public MissingStacks? StacksMissingFor(string sql)
    {
        if (!StackNames.Value.IsMatch(sql))
            return null;
        try
        {
            _views.MakeFor("process");
            using DuckDBCommand command = _connection.CreateCommand();
            command.CommandText = "SELECT count(*), count(*) FILTER (stacks) FROM process"; // of an older dataset, stacks is NULL
            using DuckDBDataReader reader = command.ExecuteReader();
            reader.Read();
            (long images, long with) = (reader.GetInt64(0), reader.GetInt64(1));
            return with < images ? new MissingStacks(images, images - with) : null;
        }
        catch (DuckDBException)
        {
            return null; // damage of a table that the statement may not read: it tells of what it meets
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _connection.Dispose();
        if (Directory.Exists(_spill)) // the engine may have taken it away
            Directory.Delete(_spill, recursive: true);
    }

    /// <summary>Reads every value of the dataset. The hash keeps the engine from answering by the statistics of the files.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    private DatasetException? FindDamage()
    {
        try
        {
            _views.MakeAll();
            foreach (Table table in _tables)
                Execute($"SELECT max(hash(COLUMNS(*))) FROM {table.Name}");
            return null;
        }
        catch (DuckDBException e)
        {
            return new DatasetException(_directory, e.Message.Split('\n')[0]);
        }
    }

    /// <summary>What can be selected from. The engine would suggest a table of its own.</summary>
    private static string Sources =>
        $"There are the tables {string.Join(", ", DatasetTables.All.Select(t => t.Name))}, the views {string.Join(", ", NamedView.All.Select(v => v.Name))}";

    private void MakeViews(string sql)
    {
        try
        {
            _views.MakeFor(sql);
        }
        catch (DuckDBException e)
        {
            throw new DatasetException(_directory, e.Message.Split('\n')[0]);
        }
    }

    /// <summary>Lets the engine read the dataset's files and use its own directory, and nothing else.</summary>
    private void Confine()
    {
        foreach (string statement in Sandbox.Statements(_spill, _files.Allowed.Append(_spill + "/")))
            Execute(statement);
    }

    private void Execute(string sql)
    {
        using DuckDBCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private object? Scalar(string sql)
    {
        using DuckDBCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }

    private static Regex Words(string[] words) => new($@"\b(?:{string.Join('|', words)})\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    [GeneratedRegex(@"--[^\n]*")]
    private static partial Regex Comments();

    [GeneratedRegex(@"^(Catalog Error: Table with name .* does not exist!)(?:\nDid you mean .*)?")]
    private static partial Regex MissingTable();
}
