using AllocReplay.Analyzer.Fleet;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>What an engine has to be told of a dataset follows from the tables.</summary>
public sealed class EnginePreludeTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Each_is_what_the_tables_say()
    {
        GoldenText.Check("analyzer/engines/duckdb.sql", EnginePrelude.DuckDb());
        GoldenText.Check("analyzer/engines/clickhouse.sql", EnginePrelude.ClickHouse());
        GoldenText.Check("analyzer/engines/spark.sql", EnginePrelude.Spark());
    }

    [Fact]
    public void The_tables_of_the_duckdb_command_are_those_of_query()
    {
        StackSample.Write(_directory["trace"]);
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
        Compaction.Run([_directory["data"]], _directory["compacted"]);
        foreach (string dataset in new[] { _directory["data"], _directory["compacted"] })
        {
            string[] statements =
                [.. DatasetTables.All.Where(t => Directory.Exists(Path.Combine(dataset, t.Name))).Select(t => $"SELECT * FROM {t.Name} ORDER BY ALL")];
            using DatasetQuery query = DatasetQuery.Open(dataset);
            foreach ((string statement, EngineResult found) in statements.Zip(Engines.DuckDb(dataset, statements)))
            {
                using QueryResult expected = query.Run(statement);
                Assert.Null(EngineResult.Of(expected.Columns.Select(c => c.Name), expected.ReadRows()).DifferenceTo(found));
            }
        }
    }
}
