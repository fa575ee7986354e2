using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>report --against</c>: its numbers are those of <c>diff</c>.</summary>
[StartsProcesses]
public sealed class ReportAgainstTests : IDisposable
{
    private static readonly string[] Totals = ["peak_live_bytes", "outstanding_bytes", "outstanding_blocks", "bytes", "blocks"];
    private static readonly string[] Figures = ["outstanding_bytes", "peak_live_bytes", "bytes"];

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Totals_sites_and_the_flame_graph_have_the_numbers_of_diff()
    {
        (string other, string trace) = (Write("other", 41, i => $"f{i}"), Write("trace", 42, i => $"f{i}"));
        string page = Page(trace, other);
        await using PageBrowser browser = await PageBrowser.OpenAsync(page);
        JsonElement shown = await ShownAsync(browser);
        Assert.Equal(Expected(other, trace), Told(shown));
        Assert.NotEqual(Expected(trace, other), Told(shown)); // the control: the other way round it is another

        for (int i = 0; i < Figures.Length; i++)
        {
            await browser.Page.SelectAsync("#difference select", i.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Assert.Equal(Flame(other, trace, Figures[i]), await RootAsync(browser));
            JsonElement sorted = await browser.EvaluateAsync(
                "return [...document.querySelectorAll('#difference .sortable thead th')].findIndex(e => e.ariaSort === 'descending')");
            Assert.Equal(i + 1, sorted.GetInt32()); // after the site
            if (i == 0)
                continue;
            await browser.Page.ClickAsync("#difference input[type=checkbox]");
            Assert.Equal(Flame(other, trace, Figures[i]), await RootAsync(browser)); // turned round it is as much
        }
        Assert.Equal(0, (await browser.EvaluateAsync("return document.querySelectorAll('#flame .bar:is(.grown, .shrunk)').length")).GetInt32());
        Assert.NotEqual(0, (await browser.EvaluateAsync("return document.querySelectorAll('#difference .bar.shrunk').length")).GetInt32());
        ReportHtmlTests.AssertQuiet(browser, page);
    }

    [Fact]
    public async Task A_dataset_is_compared_by_keyboard_and_names_are_text()
    {
        const string Hostile = "</script><img src=x onerror=\"document.title='owned'\">\u202e";
        (string other, string trace) = (Write("other", 43, i => $"g{i}{Hostile}"), Write("trace", 44, i => $"f{i}{Hostile}"));
        foreach (string path in new[] { other, trace })
            Assert.Equal(ExitCode.Ok, _runner.Run("analyze", path, "-o", path + ".data"));
        string page = Page(trace + ".data", other + ".data");
        await using PageBrowser browser = await PageBrowser.OpenAsync(page);
        Assert.Equal(Expected(other + ".data", trace + ".data"), Told(await ShownAsync(browser)));
        await browser.Page.FocusAsync("#difference .bar");
        await browser.Page.Keyboard.PressAsync("ArrowDown");
        Assert.Equal("2", (await browser.EvaluateAsync("return document.activeElement.ariaLevel")).GetString());
        string told = (await browser.EvaluateAsync("return document.querySelector('#difference .told').textContent")).GetString()!;
        Assert.Matches(@"[+−]\d.* (K|M)?i?B.*, from .* to .*, .* % of all", told);
        Assert.Equal(0, (await browser.EvaluateAsync("return document.images.length")).GetInt32());
        Assert.DoesNotContain('\u202e', (await browser.EvaluateAsync("return document.body.innerText")).GetString()!);
        ReportHtmlTests.AssertQuiet(browser, page);
    }

    [Fact]
    public async Task Without_stacks_the_totals_are_there_and_equal_runs_do_not_differ()
    {
        string trace = Write("trace", 45, i => $"f{i}"), bare = _directory["bare.allocrec"];
        ReportSample.Write(bare, 46, stacks: false);
        string page = Page(trace, bare);
        await using (PageBrowser browser = await PageBrowser.OpenAsync(page))
        {
            Assert.Contains("record both with", (await browser.EvaluateAsync("return document.querySelector('#difference').textContent")).GetString(),
                StringComparison.Ordinal);
            Assert.Equal(Expected(bare, trace)[..Totals.Length], Told(await ShownAsync(browser))[..Totals.Length]);
            ReportHtmlTests.AssertQuiet(browser, page);
        }
        page = Page(trace, trace);
        await using (PageBrowser browser = await PageBrowser.OpenAsync(page))
        {
            Assert.Contains("No site differs.", (await browser.EvaluateAsync("return document.querySelector('#difference').textContent")).GetString(),
                StringComparison.Ordinal);
            ReportHtmlTests.AssertQuiet(browser, page);
        }
    }

    [Fact]
    public void What_makes_no_sense_is_said_and_json_has_the_difference()
    {
        (string other, string trace) = (Write("other", 47, i => $"f{i}"), Write("trace", 48, i => $"f{i}"));
        Assert.Equal(ExitCode.Usage, _runner.Run("report", trace, "--json", "--against-process", "p1.0"));
        Assert.Contains("--against-process: expected --against", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, _runner.Run("report", trace, "--json", "--against", other, "--against-process", "p1.0"));
        Assert.Contains("p1.0", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.BadInput, _runner.Run("report", trace, "--json", "--against", _directory["nowhere"]));
        Assert.Equal(ExitCode.Ok, _runner.Run("analyze", other, "-o", _directory["data"]));
        Assert.Equal(ExitCode.Usage, _runner.Run("report", trace, "--json", "--against", _directory["data"], "--to", "5us"));
        Assert.Contains($"{_directory["data"]}: is a dataset", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, _runner.Run("report", trace, "--json", "--against", _directory["data"], "--against-process", "p1.0"));
        Assert.Contains("--against-process p1.0: ", _runner.Error, StringComparison.Ordinal);

        Assert.Equal(ExitCode.Ok, _runner.Run("report", trace, "--json"));
        using (JsonDocument json = JsonDocument.Parse(_runner.Output))
            Assert.Equal(JsonValueKind.Null, json.RootElement.GetProperty("against").ValueKind);
        Assert.Equal(ExitCode.Ok, _runner.Run("report", trace, "--json", "--against", other, "--to", "5us"));
        using (JsonDocument json = JsonDocument.Parse(_runner.Output))
        {
            JsonElement a = json.RootElement.GetProperty("against").GetProperty("a");
            Assert.Equal(other, a.GetProperty("path").GetString());
            Assert.True(a.GetProperty("blocks").GetInt64() is > 0 and < 400); // the same part of both
        }
    }

    private string Write(string name, int seed, Func<int, string> function)
    {
        ReportSample.Write(_directory[$"{name}.allocrec"], seed, name: function);
        return _directory[$"{name}.allocrec"];
    }

    private string Page(string trace, string other)
    {
        ReportHtmlTests.NeedPage();
        string page = _directory["page.html"];
        int code = _runner.Run("report", trace, "--against", other, "-o", page, "--force");
        Assert.True(code == ExitCode.Ok, _runner.Error);
        return page;
    }

    /// <summary>What <c>diff</c> says: the totals of both, and of each site that differs both sides of each figure.</summary>
    private string[] Expected(string other, string trace)
    {
        JsonElement diff = Diff(other, trace);
        return
        [
            .. Totals.Select(t => $"{t} {diff.GetProperty("a").GetProperty(t)} {diff.GetProperty("b").GetProperty(t)}"),
            .. diff.GetProperty("sites").EnumerateArray().Where(Differs)
                .SelectMany(s => Figures.Append("blocks").Select(f => $"{f} {s.GetProperty("a").GetProperty(f)} {s.GetProperty("b").GetProperty(f)}")),
        ];
    }

    /// <summary>Whether a site differs in more than how long its blocks live.</summary>
    private static bool Differs(JsonElement site) =>
        Totals.Any(f => site.GetProperty("a").GetProperty(f).GetInt64() != site.GetProperty("b").GetProperty(f).GetInt64());

    /// <summary>Of a figure by how much sites differ, grown or shrunk, and by how much in all.</summary>
    private (long Differs, long Net) Flame(string other, string trace, string figure)
    {
        long[] changes = [.. Diff(other, trace).GetProperty("sites").EnumerateArray()
            .Select(s => s.GetProperty("b").GetProperty(figure).GetInt64() - s.GetProperty("a").GetProperty(figure).GetInt64())];
        return (changes.Sum(Math.Abs), changes.Sum());
    }

    private JsonElement Diff(string other, string trace)
    {
        Assert.Equal(ExitCode.Ok, _runner.Run("diff", other, trace, "--json"));
        using JsonDocument json = JsonDocument.Parse(_runner.Output);
        return json.RootElement.Clone();
    }

    private static Task<JsonElement> ShownAsync(PageBrowser browser) => browser.EvaluateAsync("""
        const part = document.querySelector("#difference");
        part.querySelectorAll(".more").forEach(e => e.click());
        const totals = [...part.querySelectorAll("[data-side='0']")].map(e => [e.dataset.figure, e.dataset.value,
            e.closest("tr").querySelector("[data-side='1']").dataset.value]);
        return [...totals, ...[...part.querySelectorAll("[data-a]")].map(e => [e.dataset.figure, e.dataset.a, e.dataset.b])];
        """);

    private static string[] Told(JsonElement shown) => [.. shown.EnumerateArray().Select(r => string.Join(' ', r.EnumerateArray().Select(e => e.GetString())))];

    private static async Task<(long Differs, long Net)> RootAsync(PageBrowser browser)
    {
        JsonElement root = await browser.EvaluateAsync("""
            const e = document.querySelector("#difference .bar[data-node='0']");
            return [Number(e.dataset.value), Number(e.dataset.net)];
            """);
        return (root[0].GetInt64(), root[1].GetInt64());
    }
}
