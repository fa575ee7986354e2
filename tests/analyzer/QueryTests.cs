using AllocReplay.Analyzer;
using AllocReplay.Analyzer.Query;
using AllocReplay.Tests.Support;
using DuckDB.NET.Data;

namespace AllocReplay.Tests.Analyzer;

public sealed class QueryTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly string _dataset;

    public QueryTests()
    {
        _dataset = _directory["it's a [data]*set"];
        SampleTrace.Write(_directory["trace"]);
        SampleTrace.Analyze(_directory["trace"], _dataset);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Outstanding_lists_what_was_not_freed_largest_first() =>
        Assert.Equal(
            [[3L, 127L, "realloc", "thread-0", 1], [2L, 100L, "aligned_alloc", "thread-0", 0]],
            All("SELECT object, size, kind, alloc_thread_name, chain_position FROM outstanding"));

    [Fact]
    public void Size_histogram_puts_each_size_into_its_power_of_two() =>
        Assert.Equal(
            [
                [0L, 1L, 0L, 0L, 0L], [1L, 1L, 1L, 0L, 0L], [16L, 1L, 16L, 0L, 0L], [64L, 3L, 291L, 2L, 227L], [128L, 2L, 256L, 0L, 0L],
            ],
            All("SELECT class_bytes, blocks::BIGINT, bytes::BIGINT, live_blocks::BIGINT, live_bytes::BIGINT FROM size_histogram"));

    [Fact]
    public void Size_classes_are_exact_on_both_sides_of_every_power_of_two()
    {
        var writer = new RecordingWriter(_directory["sizes"]);
        var expected = new SortedDictionary<long, long>();
        ulong address = 0;
        void Take(ulong size, long sizeClass)
        {
            writer.Thread(0).Malloc(800, address += 16, size);
            expected[sizeClass] = expected.GetValueOrDefault(sizeClass) + 1;
        }
        for (int power = 1; power <= 52; power++)
        {
            Take((1UL << power) - 1, 1L << power - 1);
            Take(1UL << power, 1L << power);
            Take((1UL << power) + 1, 1L << power);
        }
        Take(ulong.MaxValue, 1L << 62);
        writer.Save();
        SampleTrace.Analyze(_directory["sizes"], _directory["sizes.data"]);

        using DatasetQuery query = DatasetQuery.Open(_directory["sizes.data"]);
        using QueryResult result = query.Run("SELECT class_bytes, blocks::BIGINT FROM size_histogram");
        Assert.Equal(expected.Select(c => new object?[] { c.Key, c.Value }), result.ReadRows());
    }

    [Fact]
    public void Lifetime_histogram_counts_censored_blocks_apart() =>
        Assert.Equal(
            [
                [100L, 1L, 0L, 0L, 1L],         // object 4 for 800 ns; object 5 was lost after 800 ns at most
                [1000L, 2L, 80L, 0L, 0L],       // objects 0 and 1
                [10_000L, 1L, 1L, 0L, 0L],      // object 7
                [1_000_000L, 1L, 128L, 2L, 0L], // object 6; objects 2 and 3 were still live
            ],
            All("SELECT from_ns::BIGINT, blocks::BIGINT, bytes::BIGINT, still_live_blocks::BIGINT, lost_free_blocks::BIGINT FROM lifetime_histogram"));

    [Fact]
    public void Every_view_has_a_description_and_runs()
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        Assert.Equal(["lifetime_histogram", "outstanding", "size_histogram"], NamedView.All.Select(v => v.Name));
        foreach (NamedView view in NamedView.All)
        {
            Assert.Matches("^[A-Z].{20,}", view.Description);
            using QueryResult result = query.RunView(view.Name);
            Assert.NotNull(result.ReadRow());
        }
    }

    [Theory]
    [InlineData("SELECT * FROM read_csv('/etc/passwd')")]
    [InlineData("SELECT * FROM read_text('/etc/passwd')")]
    [InlineData("SELECT * FROM glob('/etc/*')")]
    [InlineData("SELECT * FROM '/etc/passwd'")]
    [InlineData("SELECT * FROM read_parquet('https://example.org/x.parquet')")]
    [InlineData("SET enable_external_access = true")]
    [InlineData("LOAD httpfs")]
    [InlineData("ATTACH 'x.db'")]
    [InlineData("CREATE TABLE t(a INT)")]
    [InlineData("DROP VIEW outstanding")]
    [InlineData("PRAGMA enable_profiling")]
    [InlineData("EXPLAIN ANALYZE SELECT 1")]
    [InlineData("SELECT 1; SELECT 2")]
    public void A_query_that_does_more_than_read_the_dataset_is_refused(string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        Assert.Throws<QueryException>(() => Drain(query, sql));
    }

    [Fact]
    public void The_same_engine_without_the_lock_down_would_have_read_any_file()
    {
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using DuckDBCommand command = connection.CreateCommand();
        command.CommandText = "SELECT content FROM read_text('/etc/passwd')";
        Assert.Contains("root", (string)command.ExecuteScalar()!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_query_cannot_write_into_the_dataset()
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        string target = Path.Combine(_dataset, "x.csv");
        foreach (string prefix in new[] { "", "EXPLAIN ANALYZE " })
            Assert.Throws<QueryException>(() => Drain(query, $"{prefix}COPY (SELECT 1) TO '{target.Replace("'", "''", StringComparison.Ordinal)}'"));
        Assert.False(File.Exists(target));
    }

    [Theory]
    [InlineData("SELECT count(*) FROM allocations")]
    [InlineData("WITH a AS (SELECT 1) SELECT * FROM a")]
    [InlineData("FROM threads")]
    [InlineData("DESCRIBE allocations")]
    [InlineData("SUMMARIZE threads")]
    [InlineData("SHOW TABLES")]
    [InlineData("VALUES (1);")]
    public void A_query_that_reads_the_dataset_runs(string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        Assert.NotEqual(0, Drain(query, sql));
    }

    [Theory]
    [InlineData("SELEC")]
    [InlineData("")]
    [InlineData("-- nothing")]
    [InlineData("SELECT nonsense FROM allocations")]
    [InlineData("SELECT CAST(kind AS INTEGER) FROM allocations")]
    public void A_wrong_query_gives_one_clear_line(string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        var error = Assert.Throws<QueryException>(() => Drain(query, sql));
        Assert.Matches("^[^\n]{10,}$", error.Message);
    }

    [Fact]
    public void An_unknown_view_names_those_that_exist()
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        Assert.Contains("size_histogram", Assert.Throws<QueryException>(() => query.RunView("x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_that_is_no_dataset_is_refused_in_one_line()
    {
        Assert.EndsWith("no such dataset", Refusal(_directory["nothing"]), StringComparison.Ordinal);
        Assert.EndsWith("found no table allocations", Refusal(_directory["trace"]), StringComparison.Ordinal);
        string part = Path.Combine(_dataset, "threads/host=unknown/process=p100.0/part-00000.parquet");
        File.WriteAllText(part, "not Parquet at all");
        Assert.Contains("part-00000.parquet", Refusal(_dataset), StringComparison.Ordinal);
        File.Delete(part);
        Assert.EndsWith("found no table threads", Refusal(_dataset), StringComparison.Ordinal);
    }

    private static string Refusal(string directory)
    {
        string message = Assert.Throws<DatasetException>(() => DatasetQuery.Open(directory)).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }

    private static int Drain(DatasetQuery query, string sql)
    {
        using QueryResult result = query.Run(sql);
        return result.ReadRows().Count();
    }

    private List<object?[]> All(string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        using QueryResult result = query.Run(sql);
        return result.ReadRows().ToList();
    }
}
