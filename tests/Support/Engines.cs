using System.Text.Json;
using DuckDB.NET.Data;

namespace AllocReplay.Tests.Support;

/// <summary>Engines that read a dataset by the texts of <c>analyzer/engines</c>, and by nothing else of ours.</summary>
internal static class Engines
{
    public static string PreludeOf(string engine) => Path.Combine(SourceTree.Root, "analyzer", "engines", engine + ".sql");

    /// <summary>DuckDB, as its command would run.</summary>
    public static List<EngineResult> DuckDb(string dataset, IEnumerable<string> statements)
    {
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using DuckDBCommand command = connection.CreateCommand();
        string tables = File.ReadAllText(PreludeOf("duckdb"));
        if (Directory.Exists(Path.Combine(dataset, "events")))
            tables = tables.Replace("\n" + EnginePrelude.OnRequest, "\n", StringComparison.Ordinal);
        // In the place of starting it in the directory, which all tests of this process would share.
        command.CommandText = $"SET file_search_path = '{dataset.Replace("'", "''", StringComparison.Ordinal)}';\n{tables}";
        command.ExecuteNonQuery();
        return [.. statements.Select(s => Read(command, s))];
    }

    /// <summary>ClickHouse's engine in a process of Node.js; the test is skipped where it is not installed.</summary>
    public static List<EngineResult> ClickHouse(string dataset, IEnumerable<string> statements) =>
        Run("chdb", dataset, [PreludeOf("clickhouse")], [.. statements]);

    /// <summary>Whole tables by Polars; the test is skipped where it is not installed.</summary>
    public static List<EngineResult> Polars(string dataset, IEnumerable<string> tables) => Run("nodejs-polars", dataset, [], [.. tables]);

    private static List<EngineResult> Run(string package, string dataset, string[] arguments, string[] texts)
    {
        Programs.Need("node");
        string folder = Path.Combine(SourceTree.Root, "tests", "engines");
        Assert.SkipUnless(Directory.Exists(Path.Combine(folder, "node_modules", package)), $"{package} is not installed: npm ci in tests/engines");
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory["texts.json"], JsonSerializer.Serialize(texts));
        string script = Path.Combine(folder, package == "chdb" ? "chdb.mjs" : "polars.mjs");
        ProgramResult result = Programs.Run("node", [script, dataset, .. arguments, directory["texts.json"]], start => start.WorkingDirectory = directory.Path);
        Assert.True(result.ExitCode == 0, result.Error);
        using JsonDocument results = JsonDocument.Parse(result.Output);
        return [.. results.RootElement.EnumerateArray().Select(EngineResult.Of)];
    }

    private static EngineResult Read(DuckDBCommand command, string statement)
    {
        command.CommandText = statement;
        using DuckDBDataReader reader = command.ExecuteReader();
        var rows = new List<object?[]>();
        while (reader.Read())
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? null : reader.GetValue(i))]);
        return EngineResult.Of(Enumerable.Range(0, reader.FieldCount).Select(reader.GetName), rows);
    }
}
