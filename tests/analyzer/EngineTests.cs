using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Tests.Support;
using DuckDB.NET.Data;

namespace AllocReplay.Tests.Analyzer;

/// <summary>Other engines read a dataset and answer the named views as DuckDB does.</summary>
[StartsProcesses]
public sealed class EngineTests : IDisposable
{
    /// <summary>For each parameter of a view a value that is not its default, and that changes what the view answers here.</summary>
    private static readonly Dictionary<string, string[]> Settings = new()
    {
        ["between_times"] = ["from=20ms", "to=2ms"],
        ["cross_thread_frees"] = ["min_blocks=200"],
        ["leak_suspects"] = ["min_bytes=64K", "tolerance=50%"],
        ["live_at"] = ["t=1ms", "min_bytes=128K"],
        ["realloc_chains"] = ["min_steps=3", "min_bytes=512"],
        ["temporary"] = ["n=20"],
    };

    private readonly TemporaryDirectory _directory = new();

    private static string[] Tables => [.. DatasetTables.All.Select(t => t.Name)];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_value_of_every_table_is_the_same_in_each_engine(bool compacted)
    {
        string dataset = compacted ? EngineDatasets.Compacted : EngineDatasets.Partitioned;
        EngineResult[] expected = [.. Engines.DuckDb(dataset, Whole).Select(r => r.AsSortedTexts())];

        Assert.All(expected, r => Assert.NotEmpty(r.Rows));
        Assert.All(Differences(expected, ByQuery(dataset, Whole)), Assert.Null);
        Assert.All(Differences(expected, Engines.ClickHouse(dataset, Whole)), Assert.Null);
        Assert.All(Differences(expected, Engines.Polars(dataset, Tables)), Assert.Null);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_view_answers_the_same_with_its_defaults_and_with_other_values(bool compacted)
    {
        string dataset = compacted ? EngineDatasets.Compacted : EngineDatasets.Partitioned;
        (string Name, string Sql)[] asked = [.. NamedView.All.SelectMany(Asked)];
        string[] statements = [.. asked.Select(a => a.Sql)];
        List<EngineResult> expected = Engines.DuckDb(dataset, statements), other = Engines.ClickHouse(dataset, statements);

        Assert.All(asked.Zip(expected, ByQuery(dataset, statements)), a => Assert.Null(a.Second.DifferenceTo(a.Third)));
        Assert.Equal([], asked.Zip(expected, other).Select(a => (a.First.Name, a.Second.DifferenceTo(a.Third))).Where(a => a.Item2 is not null));
        // What is asked has an answer, and a value that is not the default another.
        foreach ((string name, EngineResult result) in asked.Zip(expected, (a, r) => (a.Name, r)).Where(a => !a.Name.Contains('=', StringComparison.Ordinal)))
        {
            Assert.True(result.Rows.Length > 0, name);
            Assert.All(asked.Zip(expected).Where(a => a.First.Name.StartsWith(name + " ", StringComparison.Ordinal)),
                a => Assert.True(result.DifferenceTo(a.Second) is not null, a.First.Name));
        }
    }

    [Fact]
    public void Sums_leave_64_bits_in_both()
    {
        const string Sql = "SELECT sum(size) AS bytes FROM allocations";
        object? bytes = Assert.Single(Engines.ClickHouse(EngineDatasets.Partitioned, [Sql])[0].Rows)[0];
        Assert.True((System.Numerics.BigInteger)bytes! > ulong.MaxValue);
    }

    /// <summary>The control: one value of one row is another, in a file that is right otherwise.</summary>
    [Fact]
    public void One_row_that_is_changed_is_noticed()
    {
        foreach (string file in Directory.GetFiles(EngineDatasets.Compacted, "*.parquet", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(_directory["changed"], Path.GetRelativePath(EngineDatasets.Compacted, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        string blocks = Assert.Single(Directory.GetFiles(_directory["changed/allocations"]));
        using (var connection = new DuckDBConnection("DataSource=:memory:"))
        {
            connection.Open();
            using DuckDBCommand command = connection.CreateCommand();
            command.CommandText = $"""
                COPY (SELECT * REPLACE (CASE WHEN process = 'p300.0' AND object = 17 THEN size + 1 ELSE size END AS size) FROM read_parquet('{blocks}'))
                TO '{blocks}.new' (FORMAT parquet)
                """;
            command.ExecuteNonQuery();
        }
        File.Move(blocks + ".new", blocks, overwrite: true);
        string[] statements = [.. Whole, NamedView.Find("thread_summary").Sql];
        EngineResult[] expected = [.. Engines.DuckDb(EngineDatasets.Compacted, statements).Select(r => r.AsSortedTexts())];

        string[] names = [.. Tables, "thread_summary"];
        Assert.Equal(["allocations", "thread_summary"],
            names.Zip(Differences(expected, Engines.ClickHouse(_directory["changed"], statements))).Where(d => d.Second is not null).Select(d => d.First));
        Assert.Single(Differences(expected[..^1], Engines.Polars(_directory["changed"], Tables)), d => d is not null);
    }

    private static IEnumerable<string> Whole => Tables.Select(t => $"SELECT * FROM {t}");

    private static IEnumerable<(string Name, string Sql)> Asked(NamedView view)
    {
        string[] settings = Settings.GetValueOrDefault(view.Name, []);
        Assert.Equal(view.Parameters.Select(p => p.Name), settings.Select(s => s.Split('=')[0]));
        return [(view.Name, view.Sql), .. settings.Select(s => ($"{view.Name} {s}", view.With([s]))), .. All()];

        IEnumerable<(string, string)> All() => settings.Length > 1 ? [($"{view.Name} {string.Join(' ', settings)}", view.With(settings))] : [];
    }

    private static List<EngineResult> ByQuery(string dataset, IEnumerable<string> statements)
    {
        using DatasetQuery query = DatasetQuery.Open(dataset);
        return [.. statements.Select(s =>
        {
            using QueryResult result = query.Run(s);
            return EngineResult.Of(result.Columns.Select(c => c.Name), result.ReadRows());
        })];
    }

    private static IEnumerable<string?> Differences(EngineResult[] expected, List<EngineResult> found)
    {
        Assert.Equal(expected.Length, found.Count);
        return expected.Zip(found, (e, f) => e.Names.Except(f.Names).Any() ? $"no column {e.Names.Except(f.Names).First()}"
            : e.DifferenceTo(f.Take(e.Names).AsSortedTexts()));
    }
}
