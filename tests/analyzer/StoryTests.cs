using AllocReplay.Analyzer.Query;
using AllocReplay.Tests.Support;
using DuckDB.NET.Data;

namespace AllocReplay.Tests.Analyzer;

/// <summary>The questions of the notebooks as plain SQL, by our command and as the duckdb command has them.</summary>
[StartsProcesses]
public sealed class StoryTests
{
    private const long PageBytes = 4096;

    [Fact]
    public void The_leak_is_found_and_its_figures_are_those_of_its_blocks()
    {
        object?[][] rows = Ask(RecordedShop.First, "find-a-leak");
        object?[] leak = Assert.Single(rows);
        Assert.Equal("log_in", leak[0]);

        long site = (long)leak[^1]!;
        object?[][] blocks = Rows(RecordedShop.First, $"SELECT size, alloc_ns, end_ns, end_kind FROM allocations WHERE site = {site}");
        object?[] span = Rows(RecordedShop.First, "SELECT min(alloc_ns), max(end_ns) FROM allocations")[0];
        double from = (long)span[0]!, length = (long)span[1]! - from;
        long LiveAt(double part) => blocks
            .Where(b => ((long)b[1]! - from) / length <= part && ((string)b[3]! == "alive_at_end" || ((long)b[2]! - from) / length > part))
            .Sum(b => (long)b[0]!);
        Assert.Equal([LiveAt(0.3), LiveAt(0.6), LiveAt(0.9)], leak[4..7].Select(Whole));
        Assert.Equal(LiveAt(0.9) - LiveAt(0.3), Whole(leak[3]));
    }

    [Fact]
    public void What_keeps_pages_open_is_counted_page_by_page()
    {
        object?[][] rows = Ask(RecordedShop.First, "who-fragments-the-heap");
        Assert.Equal("index_row", rows[0][0]);
        Assert.Equal(120_000L, Whole(rows[0][6]));

        var pages = new Dictionary<long, Dictionary<long, long>>(); // page, site: bytes
        foreach (object?[] block in Rows(RecordedShop.First, "SELECT address, size, site FROM allocations WHERE end_kind = 'alive_at_end'"))
        {
            (long address, long size, long site) = ((long)block[0]!, Math.Max((long)block[1]!, 1), (long)block[2]!);
            for (long at = address; at < address + size; at++)
            {
                Dictionary<long, long> page = pages.TryGetValue(at / PageBytes, out Dictionary<long, long>? known) ? known : pages[at / PageBytes] = [];
                page[site] = page.GetValueOrDefault(site) + 1;
            }
        }
        foreach (object?[] row in rows)
        {
            Dictionary<long, long>[] own = [.. pages.Values.Where(p => p.ContainsKey((long)row[^1]!))];
            Dictionary<long, long>[] sparse = [.. own.Where(p => p.Values.Sum() < PageBytes / 4)];
            long open = (long)Math.Round(sparse.Sum(p => (double)(PageBytes - p.Values.Sum()) / p.Count), MidpointRounding.ToEven);
            Assert.InRange(Whole(row[3]), open - 1, open + 1); // the engine adds in another order
            Assert.Equal([sparse.Length, own.Length, own.Sum(p => p[(long)row[^1]!])], row[4..7].Select(Whole));
        }
    }

    [Fact]
    public void The_second_release_has_its_changes_and_no_others()
    {
        object?[][] changed = [.. Ask(RecordedShop.Both, "did-the-release-get-worse").Where(r => r[1..5].Any(v => Whole(v) != 0))];
        Assert.Equal(["price_of", "parse_request"], changed.Select(r => (string)r[0]!));
        Assert.Equal([4096 * (640L - 64), 4096 * (640L - 64), 0], changed[0][1..4].Select(Whole));
        Assert.Equal([0, 8 * 60_000L], changed[1][2..4].Select(Whole));
    }

    [Theory]
    [InlineData("find-a-leak")]
    [InlineData("who-fragments-the-heap")]
    [InlineData("did-the-release-get-worse")]
    public void The_tables_that_the_duckdb_command_is_given_answer_the_same(string name)
    {
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using DuckDBCommand command = connection.CreateCommand();
        // As if it ran in the dataset's directory.
        string tables = File.ReadAllText(Path.Combine(SourceTree.Root, "analyzer/engines/duckdb.sql"));
        command.CommandText = $"SET file_search_path = '{RecordedShop.Both}';\n{tables}";
        command.ExecuteNonQuery();
        command.CommandText = Script(name);
        using DuckDBDataReader reader = command.ExecuteReader();
        var rows = new List<object?[]>();
        while (reader.Read())
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? null : reader.GetValue(i))]);
        Assert.NotEmpty(rows);
        Assert.Equal(Ask(RecordedShop.Both, name), rows);
    }

    private static long Whole(object? value) => long.Parse(value!.ToString()!, System.Globalization.CultureInfo.InvariantCulture);

    private static string Script(string name) => File.ReadAllText(Path.Combine(RecordedShop.Notebooks, name + ".sql"));

    private static object?[][] Ask(string dataset, string name) => Rows(dataset, Script(name));

    private static object?[][] Rows(string dataset, string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(dataset);
        using QueryResult result = query.Run(sql);
        return [.. result.ReadRows()];
    }
}
