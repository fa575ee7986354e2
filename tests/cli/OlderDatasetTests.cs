using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Cli;
using AllocReplay.Tests.Support;
using DuckDB.NET.Data;

namespace AllocReplay.Tests.Cli;

/// <summary>A dataset as each older version wrote it: what a later version knows more of it is missing, and nothing else breaks.</summary>
public sealed class OlderDatasetTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void It_is_queried_compared_checked_and_compacted(int version)
    {
        string dataset = Write(version);
        using (DatasetQuery query = DatasetQuery.Open(dataset))
        {
            foreach (NamedView view in NamedView.All)
            {
                using QueryResult result = query.RunView(view.Name);
                int rows = result.ReadRows().Count();
                // Of sites nothing was known before there were stacks.
                Assert.True(rows > 0 || version < 3 || view.Name is "leak_suspects" or "cross_thread_frees" or "temporary" or "realloc_chains"
                    or "between_times" or "temporary_by_site" || version < 5 && view.Name == "fragmentation", $"{view.Name} of version {version} has no rows");
            }
            Assert.Equal([0L], query.Run("SELECT count(*) FROM anomalies").ReadRow()!);
        }
        int report = _runner.Run(["report", dataset, "--json"]);
        Assert.True(report == ExitCode.Ok || version < 3 && !_runner.Error.Contains("   at ", StringComparison.Ordinal), $"{version}: {_runner.Error}");
        int check = _runner.Run(["check", dataset, "--max-outstanding", "1T"]);
        Assert.True(check == ExitCode.Ok, $"check of version {version}: {check}: {_runner.Error}");
        Assert.Equal(ExitCode.Ok, _runner.Run(["compact", dataset, "-o", _directory[$"compact-{version}"]]));
        int diff = _runner.Run(["diff", dataset, _directory[$"compact-{version}"]]);
        Assert.True(diff == ExitCode.Ok || version < 3 && _runner.Error.Contains("stacks", StringComparison.Ordinal), $"{version}: {diff}: {_runner.Error}");
    }

    public static TheoryData<int> Versions { get; } = [.. Enumerable.Range(1, DatasetTables.Version - 1)];

    /// <summary>Writes a dataset without what is later than a version.</summary>
    private string Write(int version)
    {
        ReportSample.Write(_directory["shop.allocrec"], seed: 21);
        string dataset = _directory["shop.dataset"];
        SampleTrace.Analyze(_directory["shop.allocrec"], dataset);
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        foreach (Table table in DatasetTables.All)
        {
            string directory = Path.Combine(dataset, table.Name);
            if (table.Since > version && Directory.Exists(directory))
                Directory.Delete(directory, recursive: true);
            if (table.Since > version)
                continue;
            string columns = string.Join(", ", table.Columns.Where(c => c.Since <= version).Select(c => c.Name));
            foreach (string file in Directory.GetFiles(directory, "*.parquet", SearchOption.AllDirectories))
            {
                using DuckDBCommand command = connection.CreateCommand();
                command.CommandText = $"COPY (SELECT {columns} FROM read_parquet('{file}', hive_partitioning = false)) TO '{file}.old' (FORMAT parquet)";
                command.ExecuteNonQuery();
                File.Move(file + ".old", file, overwrite: true);
            }
        }
        return dataset;
    }
}
