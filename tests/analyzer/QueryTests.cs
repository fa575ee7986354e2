using System.Globalization;
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
        Assert.Equal(
            [
                "between_times", "cross_thread_frees", "fragmentation", "growth_by_site", "leak_suspects", "lifetime_histogram", "live_at", "live_at_peak",
                "outstanding", "outstanding_by_line", "outstanding_by_site", "peak", "realloc_chains", "size_histogram", "temporary", "temporary_by_site",
                "thread_summary", "top_sites",
            ],
            NamedView.All.Select(v => v.Name));
        foreach (NamedView view in NamedView.All)
        {
            Assert.Matches("^[A-Z].{20,}", view.Description);
            using QueryResult result = query.RunView(view.Name);
            // Without stacks there are no sites; who asks is told so.
            Assert.Equal(query.StacksMissingFor(view.Name) is null, result.ReadRow() is not null);
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
    [InlineData("EXPLAIN ANALYZE DELETE FROM process")]
    [InlineData("EXPLAIN ANALYZE CREATE TABLE t(a INT)")]
    [InlineData("EXPLAIN (ANALYZE, FORMAT json) INSERT INTO process SELECT * FROM process")]
    [InlineData("EXPLAIN ANALYZE SELECT 1; DROP VIEW outstanding")]
    [InlineData("SELECT 1; SELECT 2")]
    [InlineData("SELECT 1) ; CREATE TABLE t(a INT); SELECT * FROM (SELECT 1")]
    [InlineData("EXPLAIN COPY allocations TO 'x'")]
    [InlineData("EXPLAIN (FORMAT json) CREATE TABLE t(a INT)")]
    [InlineData("CREATE TABLE t AS PIVOT threads ON name USING sum(calls)")]
    [InlineData("INSTALL httpfs")]
    [InlineData("EXPORT DATABASE 'x'")]
    [InlineData("RESET threads")]
    [InlineData("SET VARIABLE x = 1")]
    [InlineData("USE memory")]
    [InlineData("CALL enable_logging()")]
    [InlineData("PREPARE x AS SELECT 1")]
    [InlineData("BEGIN")]
    [InlineData("CHECKPOINT")]
    [InlineData("VACUUM")]
    [InlineData("INSERT INTO process SELECT * FROM process")]
    [InlineData("WITH a AS (SELECT 1) DELETE FROM process")]
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
    [InlineData("SELECT * FROM {0}")]
    [InlineData("SELECT * FROM \"{0}\"/* */(")]
    [InlineData("SELECT '--', * FROM system.main.{0} -- \n ()")]
    [InlineData("PIVOT {0}() ON Success USING count(*)")]
    public void A_function_that_changes_the_engine_is_refused_however_it_is_called(string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        string[] changing = All("SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'table' AND "
            + "function_name SIMILAR TO '(enable|disable|set|reset|attach|detach|copy|truncate|write|load|install|force)_.*|query|query_table|json_execute_.*'")
            .Select(r => (string)r[0]!).ToArray();
        Assert.Contains("enable_logging", changing);
        foreach (string name in changing)
        {
            string call = sql.Contains('(', StringComparison.Ordinal) ? sql : sql + "('x')";
            var refusal = Assert.Throws<QueryException>(() => Drain(query, string.Format(CultureInfo.InvariantCulture, call, name)));
            Assert.Contains("can only read", refusal.Message, StringComparison.Ordinal);
        }
        // Words that are no calls may stand where they like.
        Assert.Equal(1, Drain(query, "SELECT 'query' AS query, 1 AS checkpoint"));
    }

    [Fact]
    public void The_same_function_unrefused_would_have_written_into_the_dataset()
    {
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        foreach (string sql in new[]
        {
            $"SET allowed_directories = ['{_directory.Path}/']", "SET enable_external_access = false", "SET lock_configuration = true",
            $"FROM enable_logging(storage='file', storage_path='{_directory["log"]}')", "SELECT write_log('x')",
        })
        {
            using DuckDBCommand command = connection.CreateCommand();
            command.CommandText = sql;
            command.ExecuteNonQuery();
        }
        Assert.True(Path.Exists(_directory["log"]));
    }

    [Theory]
    [InlineData("SELECT count(*) FROM allocations")]
    [InlineData("WITH a AS (SELECT 1) SELECT * FROM a")]
    [InlineData("FROM threads")]
    [InlineData("DESCRIBE allocations")]
    [InlineData("SUMMARIZE threads")]
    [InlineData("SHOW TABLES")]
    [InlineData("VALUES (1);")]
    [InlineData("SHOW ALL TABLES")]
    [InlineData("PIVOT allocations ON kind USING count(*) GROUP BY alloc_thread")]
    [InlineData("PIVOT allocations ON kind IN ('malloc') USING count(*);")]
    [InlineData("WITH p AS (PIVOT allocations ON kind USING sum(size)) FROM p -- ; done")]
    [InlineData("UNPIVOT threads ON calls, bytes_requested")]
    [InlineData("EXPLAIN SELECT * FROM allocations")]
    [InlineData("EXPLAIN ANALYZE SELECT count(*) FROM allocations")]
    [InlineData("explain (analyze) FROM threads")]
    [InlineData("EXPLAIN ( FORMAT json , ANALYZE ) FROM threads;")]
    [InlineData("/* why */ explain (format json) FROM allocations;")]
    [InlineData("SELECT 1 ;; -- ; /* */")]
    [InlineData("SELECT 1; /* done; */")]
    [InlineData("/* ; */ SELECT ';' ; ;; /* ; */ -- ;")]
    [InlineData("SELECT ';'")]
    [InlineData("FROM allocations ORDER BY object LIMIT 1 -- no semicolon")]
    public void A_query_that_reads_the_dataset_runs(string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        int rows = Drain(query, sql);
        Assert.NotEqual(0, rows);
        foreach (QueryForm form in new[] { QueryForm.Text, QueryForm.Json })
            Assert.Equal(rows, Drain(query, sql, form));
    }

    [Theory]
    [InlineData("SELEC", 1)]
    [InlineData("SELECT nonsense FROM allocations", 1)]
    [InlineData("SELECT object\nFROM allocations\nWHERE nonsense > 1", 3)]
    [InlineData("SELECT 1,\nCAST(kind AS INTEGER) FROM allocations", 2)]
    public void A_wrong_query_gives_the_engines_whole_message_with_the_place_in_the_query(string sql, int line)
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        foreach (QueryForm form in new[] { QueryForm.Values, QueryForm.Text, QueryForm.Json })
        {
            var error = Assert.Throws<QueryException>(() => Drain(query, sql, form));
            Assert.Matches(@"^[A-Z][a-z]+ Error: [^\n]{10,}\n", error.Message);
            Assert.Contains($"\nLINE {line}: {sql.Split('\n')[line - 1]}", error.Message, StringComparison.Ordinal);
            Assert.Matches(@"\n +\^$", error.Message);
        }
    }

    [Theory]
    [InlineData("SELECT $1")]
    [InlineData("SELECT ?")]
    [InlineData("SELECT [$x]")]
    [InlineData("EXPLAIN SELECT $1")]
    [InlineData("SELECT size FROM allocations WHERE size > $x")]
    public void Parameters_are_refused_as_there_are_no_values_for_them(string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        foreach (QueryForm form in Enum.GetValues<QueryForm>())
        {
            string told = Assert.Throws<QueryException>(() => Drain(query, sql, form)).Message;
            Assert.StartsWith("expected values in place of parameters", told, StringComparison.Ordinal);
        }
        Assert.Throws<QueryException>(() => query.WriteParquet(sql, 1, Stream.Null));
        Assert.Equal(1, Drain(query, "SELECT '$1 ?'"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-- nothing")]
    [InlineData(";")]
    public void A_query_of_nothing_is_told_in_one_line(string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        Assert.Equal("expected one SQL statement, found none", Assert.Throws<QueryException>(() => Drain(query, sql)).Message);
    }

    [Fact]
    public void Every_type_is_given_as_the_engine_casts_it_to_text()
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        using QueryResult all = query.Run("SELECT * FROM test_all_types()", QueryForm.Text);
        List<object?[]> rows = all.ReadRows().ToList();
        Assert.Equal(3, rows.Count);
        for (int i = 0; i < all.Columns.Count; i++)
        {
            string name = all.Columns[i].Name, cast = all.Columns[i].Kind == QueryColumnKind.Nested ? "to_json" : "";
            Assert.Equal(All($"SELECT CAST({cast}(\"{name}\") AS VARCHAR) FROM test_all_types()").Select(r => r[0]), rows.Select(r => r[i]));
        }
        string[] nested = all.Columns.Where(c => c.Kind == QueryColumnKind.Nested).Select(c => c.Name).ToArray();
        Assert.Contains("fixed_nested_int_array", nested);
        Assert.All(nested, n => Assert.Matches("array|list|struct|map", n));
    }

    [Theory]
    [InlineData("[0.1::FLOAT, NULL]", "[0.1,null]")]
    [InlineData("[[0.1::FLOAT], []]", "[[0.1],[]]")]
    [InlineData("array_value(0.1::FLOAT, 0.2::FLOAT)", "[0.1,0.2]")]
    [InlineData("{'FLOAT': 0.1::FLOAT, 'a\"b, FLOAT)': 0.3::FLOAT, 'd': 0.1::DOUBLE}", "{\"FLOAT\":0.1,\"a\\\"b, FLOAT)\":0.3,\"d\":0.1}")]
    [InlineData("MAP {0.1::FLOAT: {'x': [16777216::FLOAT]}}", "{\"0.1\":{\"x\":[16777216.0]}}")]
    [InlineData("{'e': 'FLOAT,'::ENUM('FLOAT,', 'x'), 'f': 3.4028235e38::FLOAT}", "{\"e\":\"FLOAT,\",\"f\":3.4028235e38}")]
    [InlineData("row(0.1::FLOAT, 1)", null)] // of no name, and so of a type that cannot be written: it is given all the same
    public void A_float_in_a_nested_value_has_the_digits_that_it_has_alone(string value, string? expected)
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        foreach (QueryForm form in new[] { QueryForm.Text, QueryForm.Json })
        {
            using QueryResult result = query.Run($"SELECT {value}, 0.1::FLOAT", form);
            object?[] row = result.ReadRow()!;
            Assert.Equal("0.1", row[1]);
            if (expected is not null)
                Assert.Equal(expected, row[0]);
        }
    }

    [Fact]
    public void Columns_keep_their_names_also_where_several_have_the_same()
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        using QueryResult result = query.Run("SELECT 1 AS a, 2 AS a, 3 AS \"b \"\"c\", 4", QueryForm.Text);
        Assert.Equal(["a", "a", "b \"c", "4"], result.Columns.Select(c => c.Name));
        Assert.Equal(["1", "2", "3", "4"], result.ReadRow()!);
    }

    [Fact]
    public void Rows_come_as_they_are_found_and_in_their_order()
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        using QueryResult endless = query.Run("SELECT range FROM range(1000000000000)", QueryForm.Text);
        for (int i = 0; i < 5000; i++)
            Assert.Equal([i.ToString(CultureInfo.InvariantCulture)], endless.ReadRow()!);
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
        using (DatasetQuery query = DatasetQuery.Open(_dataset))
        using (QueryResult other = query.Run("SELECT count(*) FROM allocations")) // what it does not name is not looked at
            Assert.Equal([8L], other.ReadRow()!);
        File.Delete(part);
        Assert.EndsWith("found no table threads", Refusal(_dataset), StringComparison.Ordinal);
    }

    private static string Refusal(string directory)
    {
        string message = Assert.Throws<DatasetException>(() =>
        {
            using DatasetQuery query = DatasetQuery.Open(directory);
            query.Run("SELECT * FROM threads");
        }).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }

    private static int Drain(DatasetQuery query, string sql, QueryForm form = QueryForm.Values)
    {
        using QueryResult result = query.Run(sql, form);
        return result.ReadRows().Count();
    }

    private List<object?[]> All(string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(_dataset);
        using QueryResult result = query.Run(sql);
        return result.ReadRows().ToList();
    }
}
