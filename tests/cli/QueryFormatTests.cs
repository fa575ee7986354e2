using System.Text.Json;
using AllocReplay.Analyzer.Query;
using AllocReplay.Tests.Support;
using DuckDB.NET.Data;

namespace AllocReplay.Tests.Cli;

/// <summary>Results of <c>query</c> in each format, on standard output and in files; and the parameters of views.</summary>
public sealed class QueryFormatTests : IDisposable
{
    private const string Sql = "SELECT 1 AS a, 'x|\"<b>\ny, \\' AS \"t|\", NULL AS n UNION ALL SELECT 2, '', 0.5 ORDER BY a";

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public QueryFormatTests()
    {
        SampleTrace.Write(_directory["trace"]);
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
    }

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Json_lines_are_an_object_each()
    {
        string[] lines = Query(Sql, "--format", "jsonl").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Equal("x|\"<b>\ny, \\", JsonDocument.Parse(lines[0]).RootElement.GetProperty("t|").GetString());
        Assert.Equal(JsonValueKind.Null, JsonDocument.Parse(lines[0]).RootElement.GetProperty("n").ValueKind);
        Assert.Equal(2, JsonDocument.Parse(lines[1]).RootElement.GetProperty("a").GetInt32());
    }

    [Fact]
    public void Markdown_is_a_table_in_which_nothing_is_markup() =>
        Assert.Equal("| a | t\\| | n |\n|---:|---|---:|\n| 1 | x\\|\"\\<b\\>⏎y, \\\\ |  |\n| 2 |  | 0.5 |\n", Query(Sql, "--format", "md"));

    /// <summary>What is measured or estimated has no sixteen digits; programs get all that the engine has.</summary>
    [Fact]
    public void People_are_shown_the_digits_that_matter()
    {
        const string sql = "SELECT 204976123.456789::DOUBLE AS a, 12345.6789::DOUBLE AS b, -0.0123456789::DOUBLE AS c, 3::DOUBLE AS d, 'nan'::DOUBLE AS e, "
            + "12345678901234567::BIGINT AS f";
        Assert.Equal("| 204976123 | 12345.7 | -0.0123457 | 3 | nan | 12345678901234567 |", Query(sql, "--format", "md").Split('\n')[2]);
        Assert.Equal("204976123 12345.7 -0.0123457 3 nan 12345678901234567",
            string.Join(' ', Query(sql).TrimEnd().Split('\n')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal("204976123.456789,12345.6789,-0.0123456789,3.0,nan,12345678901234567", Query(sql, "--csv").Split('\n')[1]);
    }

    [Fact]
    public void Short_options_and_format_give_the_same()
    {
        Assert.Equal(Query(Sql, "--csv"), Query(Sql, "--format", "csv"));
        Assert.Equal(Query(Sql, "--json"), Query(Sql, "--format", "json"));
        Assert.Equal(Query(Sql), Query(Sql, "--format", "table"));
    }

    [Fact]
    public void A_file_has_what_standard_output_would_have_and_its_ending_says_the_format()
    {
        foreach (string format in new[] { "csv", "json", "jsonl", "md" })
        {
            Assert.Equal("", Query(Sql, "-o", _directory[$"x.{format}"]));
            Assert.Equal(Query(Sql, "--format", format), File.ReadAllText(_directory[$"x.{format}"]));
        }
        Assert.Equal(2, Run(Sql, "-o", _directory["x.csv"]));
        Assert.Contains("--force", _runner.Error, StringComparison.Ordinal);
        Query(Sql, "-o", _directory["x.csv"], "--force", "--limit", "1");
        Assert.Equal(Query(Sql, "--csv", "--limit", "1"), File.ReadAllText(_directory["x.csv"]));
    }

    [Theory]
    [InlineData("SELECT object, kind FROM allocations ORDER BY object", 8, "malloc")]
    [InlineData("PIVOT allocations ON kind USING count(*) GROUP BY alloc_thread; -- done", 2, null)]
    public void Parquet_is_read_by_the_engine(string sql, int rows, string? kind)
    {
        Query(sql, "-o", _directory["x.parquet"]);
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using DuckDBCommand command = connection.CreateCommand();
        command.CommandText = $"SELECT count(*) FROM '{_directory["x.parquet"]}'";
        Assert.Equal((long)rows, command.ExecuteScalar());
        if (kind is not null)
        {
            command.CommandText = $"SELECT kind FROM '{_directory["x.parquet"]}' LIMIT 1";
            Assert.Equal(kind, command.ExecuteScalar());
        }
    }

    [Theory]
    [InlineData("--csv", "--json")]
    [InlineData("--csv", "--format", "json")]
    [InlineData("--format", "table", "-o", "x.csv")]
    [InlineData("-o", "x.txt")]
    [InlineData("--set", "min_bytes=1")]
    public void What_does_not_go_together_is_told_in_one_line(params string[] options)
    {
        Assert.Equal(2, Run(Sql, options));
        Assert.Equal("", _runner.Output);
        Assert.Single(_runner.Error.TrimEnd().Split('\n'));
        Assert.False(File.Exists("x.csv"));
    }

    [Theory]
    [InlineData("COPY (SELECT 1) TO 'x'")]
    [InlineData("SELECT 1) TO '/tmp/never-there' --")]
    [InlineData("EXPLAIN SELECT 1")]
    [InlineData("SELECT nothing FROM allocations")]
    public void Nothing_is_left_of_a_file_where_a_statement_is_refused(string sql)
    {
        Assert.Equal(2, Run(sql, "-o", _directory["x.parquet"]));
        Assert.Empty(Directory.GetFiles(_directory.Path));
        Assert.False(File.Exists("/tmp/never-there"));
    }

    [Fact]
    public void The_statement_of_a_view_is_printed_with_its_values_and_answers_as_the_view()
    {
        Assert.Equal(0, _runner.Run("query", "--print-view", "realloc_chains", "--set", "min_bytes=1K", "--set", "min_steps=2"));
        string printed = _runner.Output;
        Assert.Contains("c.steps >= /*:min_steps*/2 AND c.largest_size >= /*:min_bytes*/1024", printed, StringComparison.Ordinal);
        Assert.Equal(0, _runner.Run("query", "--print-view", "realloc_chains"));
        Assert.Equal(NamedView.Find("realloc_chains").Sql, _runner.Output);
        Assert.Equal(0, _runner.Run("query", _directory["data"], "--csv", "--view", "realloc_chains"));
        string expected = _runner.Output;
        Assert.Equal(0, _runner.Run("query", _directory["data"], "--csv", NamedView.Find("realloc_chains").Sql));
        Assert.Equal(expected, _runner.Output);
        Assert.Equal(2, _runner.Run("query", "--print-view", "nothing"));
        Assert.Equal(2, _runner.Run("query", _directory["data"], "--print-view", "realloc_chains"));
        Assert.Contains("takes no dataset", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_view_takes_its_parameters()
    {
        Assert.Equal(0, _runner.Run("query", _directory["data"], "--view", "realloc_chains", "--csv"));
        Assert.Equal(2, _runner.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Equal(0, _runner.Run("query", _directory["data"], "--view", "realloc_chains", "--csv", "--set", "min_steps=9"));
        Assert.Single(_runner.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(2, _runner.Run("query", _directory["data"], "--view", "realloc_chains", "--set", "steps=9"));
        Assert.Contains("realloc_chains has min_steps (count, default 1), min_bytes (bytes, default 0)", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(2, _runner.Run("query", _directory["data"], "--view", "realloc_chains", "--set", "min_bytes=1Q"));
        Assert.Contains("min_bytes=1Q: expected a size", _runner.Error, StringComparison.Ordinal);
    }

    private string Query(string sql, params string[] options)
    {
        Assert.True(Run(sql, options) == 0, _runner.Error);
        return _runner.Output;
    }

    private int Run(string sql, params string[] options) => _runner.Run(["query", _directory["data"], sql, .. options]);
}
