using AllocReplay.Analyzer;
using AllocReplay.Analyzer.Fleet;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

public sealed class CompactionTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly string _fleet, _compact;

    public CompactionTests()
    {
        (_fleet, _compact) = (_directory["a [fle]*et's"], _directory["com'pact"]);
        foreach (int process in (int[])[1, 2, 3])
            Add(_fleet, process);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Every_table_has_the_same_rows_in_the_same_order_in_one_file()
    {
        CompactionResult result = Compaction.Run([_fleet], _compact);

        Assert.Equal((3, DatasetTables.All.Count), (result.Images, result.Tables.Count));
        foreach (Table table in DatasetTables.All)
        {
            string sql = $"SELECT * FROM {table.Name} ORDER BY ALL";
            (string[] names, object?[][] rows) = Read(_fleet, sql);
            Assert.Equal(rows.Length, result.Tables.Single(t => t.Name == table.Name).Rows);
            (string[] compactNames, object?[][] compactRows) = Read(_compact, sql);
            Assert.Equal(names, compactNames);
            Assert.Equal(rows, compactRows);
            Assert.Single(Directory.GetFiles(Path.Combine(_compact, table.Name), "*", SearchOption.AllDirectories));
        }
        Assert.Equal(
            Read(_fleet, "SELECT process, object FROM allocations WHERE process = 'p2.0'").Rows,
            Read(_compact, "SELECT process, object FROM allocations WHERE process = 'p2.0'").Rows);
    }

    [Fact]
    public void Views_answer_the_same_and_several_datasets_become_one()
    {
        string other = _directory["other"];
        Add(other, 4);
        Compaction.Run([_fleet, other], _compact);
        string again = _directory["again"];
        Compaction.Run([_compact], again);
        Add(_fleet, 4);
        foreach (NamedView view in NamedView.All)
        {
            object?[][] expected = Read(_fleet, $"SELECT * FROM {view.Name} ORDER BY ALL").Rows;
            Assert.Equal(expected, Read(_compact, $"SELECT * FROM {view.Name} ORDER BY ALL").Rows);
            Assert.Equal(expected, Read(again, $"SELECT * FROM {view.Name} ORDER BY ALL").Rows);
        }
    }

    [Fact]
    public void What_could_not_be_told_apart_is_refused_and_nothing_is_left()
    {
        string same = _directory["same"];
        Add(same, 2);
        var e = Assert.Throws<DatasetException>(() => Compaction.Run([_fleet, same], _compact));
        Assert.Matches(@"\S+ p\S+ is there twice: leave one of them out", e.Message);
        Assert.False(Directory.Exists(_compact));
        Assert.Throws<DatasetException>(() => Compaction.Run([_directory["none"]], _compact));
        Assert.False(Directory.Exists(_compact));
    }

    [Fact]
    public void Damage_is_told_and_nothing_is_left()
    {
        string file = Directory.GetFiles(Path.Combine(_fleet, "allocations"), "*", SearchOption.AllDirectories)[0];
        byte[] bytes = File.ReadAllBytes(file);
        File.WriteAllBytes(file, bytes[..(bytes.Length / 2)]);
        var e = Assert.Throws<DatasetException>(() => Compaction.Run([_fleet], _compact));
        Assert.StartsWith($"{_fleet}: ", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_compact));
    }

    [Theory]
    [InlineData("CAST(size AS VARCHAR)", true)]
    [InlineData("CASE WHEN object > 0 THEN CAST(size AS VARCHAR) ELSE 'many' END", false)]
    public void A_column_of_another_type_becomes_ours_or_is_told(string size, bool isOurs)
    {
        string file = Directory.GetFiles(Path.Combine(_fleet, "allocations"), "*", SearchOption.AllDirectories)[0], other = _directory["other.parquet"];
        using (DatasetQuery query = DatasetQuery.Open(_fleet))
        using (FileStream written = File.Create(other))
            query.WriteParquet($"SELECT * EXCLUDE (host, process) REPLACE ({size} AS size) FROM allocations", long.MaxValue, written);
        File.Move(other, file, overwrite: true);
        if (isOurs)
        {
            Compaction.Run([_fleet], _compact);
            Assert.IsType<long>(Read(_compact, "SELECT size FROM allocations LIMIT 1").Rows[0][0]);
            return;
        }
        var e = Assert.Throws<DatasetException>(() => Compaction.Run([_fleet], _compact));
        Assert.StartsWith($"{_fleet}: ", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_compact));
    }

    [Fact]
    public void An_interruption_leaves_nothing()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => Compaction.Run([_fleet], _compact, token: source.Token));
        Assert.False(Directory.Exists(_compact));
    }

    [Fact]
    public void Nothing_is_added_to_a_compacted_dataset_nor_to_what_is_there()
    {
        Compaction.Run([_fleet], _compact);
        Assert.Throws<DatasetExistsException>(() => Compaction.Run([_fleet], _compact));
        Assert.Throws<DatasetExistsException>(() => Compaction.Run([_fleet], _fleet));
        var e = Assert.Throws<DatasetExistsException>(() => Add(_compact, 5));
        Assert.Contains("is a compacted dataset: nothing is added to it", e.Message, StringComparison.Ordinal);
        Assert.Equal(3, Read(_compact, "SELECT * FROM process").Rows.Length);
    }

    private void Add(string dataset, int process)
    {
        string trace = _directory[$"t{process}-{Guid.NewGuid():N}.allocrec"];
        TraceGenerator.Write(trace, seed: process, threads: 2, calls: 500, image: $"p{process}.0");
        SampleTrace.Analyze(trace, dataset, force: true);
    }

    private static (string[] Names, object?[][] Rows) Read(string dataset, string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(dataset);
        using QueryResult result = query.Run(sql);
        return ([.. result.Columns.Select(c => c.Name)], [.. result.ReadRows()]);
    }
}
