using System.Text.Json;
using System.Text.RegularExpressions;
using AllocReplay.Analyzer.Query;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>The notebooks run, name what is planted in their program, and show what SQL says.</summary>
[StartsProcesses]
public sealed class NotebookTests : IDisposable
{
    private static readonly string[] Modules = ["nbconvert", "ipykernel", "pandas", "matplotlib"];

    /// <summary>An empty plot of that size has less.</summary>
    private const int LeastImageBytes = 8000;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Find_a_leak_records_its_program_and_names_the_leak()
    {
        string shown = Run("find-a-leak", images: 1);

        Assert.Matches(@"Look at log_in, line \d+ of shop\.c: log_in < main", shown);
        string dataset = Assert.Single(Directory.GetDirectories(_directory.Path, "shop.parquet", SearchOption.AllDirectories));
        AssertShown(shown, dataset, "SELECT function, line, why, live_bytes, live_blocks, growth_bytes FROM leak_suspects");
        AssertShown(shown, dataset, """
            SELECT end_kind, count(*), sum(size) FROM allocations JOIN leak_suspects USING (host, process, site)
            WHERE function = 'log_in' GROUP BY end_kind ORDER BY end_kind
            """);
    }

    [Fact]
    public void Who_fragments_the_heap_names_who_keeps_pages_open()
    {
        string shown = Run("who-fragments-the-heap", images: 2, ("DATASET", RecordedShop.First));

        Assert.Matches(@"index_row keeps 120,000 bytes, and [\d,]+ bytes of holes with them", shown);
        string script = File.ReadAllText(Path.Combine(RecordedShop.Notebooks, "who-fragments-the-heap.sql")).TrimEnd().TrimEnd(';');
        AssertShown(shown, RecordedShop.First, $"SELECT function, line, held_open_bytes, sparse_pages, pages, live_bytes FROM ({script}\n)");
    }

    [Fact]
    public void Did_the_release_get_worse_records_both_and_names_what_changed()
    {
        string shown = Run("did-the-release-get-worse", images: 1);

        Assert.Matches(@"more memory: price_of < format_answer < main", shown);
        Assert.Matches(@"more calls: +parse_request < main", shown);
        foreach (string release in new[] { "1", "2" })
        {
            string dataset = Assert.Single(Directory.GetDirectories(_directory.Path, release + ".parquet", SearchOption.AllDirectories));
            AssertShown(shown, dataset, "SELECT acquisitions, bytes_acquired, peak_live_bytes FROM process");
        }
    }

    /// <summary>Runs a notebook, with all its outputs in the directory of the test.</summary>
    /// <returns>The text that it shows.</returns>
    private string Run(string name, int images, params (string Name, string Value)[] environment)
    {
        ProgramResult result = RecordedShop.RunPython(_directory.Path, environment, Modules,
            "-m", "nbconvert", "--to", "notebook", "--execute", "--output-dir", _directory.Path, Path.Combine(RecordedShop.Notebooks, name + ".ipynb"));
        Assert.True(result.ExitCode == 0, result.Error);

        using JsonDocument notebook = JsonDocument.Parse(File.ReadAllText(_directory[name + ".ipynb"]));
        JsonElement[] outputs =
        [
            .. notebook.RootElement.GetProperty("cells").EnumerateArray()
                .Where(c => c.GetProperty("cell_type").GetString() == "code").SelectMany(c => c.GetProperty("outputs").EnumerateArray()),
        ];
        JsonElement[] data = [.. outputs.Where(o => o.TryGetProperty("data", out _)).Select(o => o.GetProperty("data"))];
        JsonElement[] drawn = [.. data.Where(d => d.TryGetProperty("image/png", out _)).Select(d => d.GetProperty("image/png"))];
        Assert.Equal(images, drawn.Length);
        Assert.All(drawn, d => Assert.True(Convert.FromBase64String(Text(d)).Length > LeastImageBytes));
        return string.Join('\n', data.Where(d => d.TryGetProperty("text/plain", out _)).Select(d => Text(d.GetProperty("text/plain")))
            .Concat(outputs.Where(o => o.TryGetProperty("text", out _)).Select(o => Text(o.GetProperty("text")))));
    }

    private static string Text(JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? string.Concat(element.EnumerateArray().Select(e => e.GetString())) : element.GetString()!;

    /// <summary>Each row of the answer is a line of what is shown, its values in their order.</summary>
    private static void AssertShown(string shown, string dataset, string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(dataset);
        using QueryResult result = query.Run(sql);
        object?[][] rows = [.. result.ReadRows()];
        Assert.NotEmpty(rows);
        Assert.All(rows, row => Assert.Matches(@"(?m)^\w+ .*?" + string.Join(@" +", row.Select(v => Regex.Escape($"{v}"))), shown));
    }
}
