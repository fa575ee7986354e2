using System.Text.Json;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli;
using AllocReplay.Formats.Stacks;
using AllocReplay.Tests.Support;
using PuppeteerSharp;
using PuppeteerSharp.Media;

namespace AllocReplay.Tests.Cli;

/// <summary>Leak suspects on the page of <c>report</c>: what is read first, what the columns mean, and what fits paper; names of C++ are short there.</summary>
[StartsProcesses]
public sealed class ReportSuspectTests : IDisposable
{
    private const long Ms = 1_000_000;
    private const int Blocks = 100;

    /// <summary>Room on A4 between the margins that Chromium leaves, CSS pixels.</summary>
    private const int PaperWidth = 717;

    private const string Kept = "void shop::Cache<std::pair<int, char>, shop::Less<int> >::put(std::pair<int, char> const&)";
    private const string Given = "shop::Cache<int>::put(int (*)(char)) const";
    private const string Short = "shop::Cache<…>::put";

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task What_was_live_at_the_end_stands_behind_why_and_each_column_says_what_it_means()
    {
        string page = Page();
        using DatasetQuery query = DatasetQuery.Open(_directory["trace.dataset"]);
        await using PageBrowser browser = await PageBrowser.OpenAsync(page);
        JsonElement heads = await browser.EvaluateAsync("return [...document.querySelectorAll('#suspects th[scope=col]')].map(e => e.textContent)");
        string[] names = [.. heads.EnumerateArray().Select(e => e.GetString()!)];
        Assert.Equal(["site, and who called it", "why", "live at end"], names.Take(3));
        Assert.Equal("blocks", names[^1]);

        JsonElement rows = await browser.EvaluateAsync("""
            return [...document.querySelectorAll("#suspects tbody tr")].map(row => [...row.cells].map(cell => cell.textContent));
            """);
        Assert.Equal(["97.7 KiB", "0 Bfreed by the end"], rows.EnumerateArray().Select(r => r[2].GetString()!).Order(StringComparer.Ordinal).Reverse());
        foreach (string figure in new[] { "growth per min", "growth per min low", "growth per min high" })
            Assert.All(rows.EnumerateArray(), r => Assert.Matches(@"^[\d.]+ [KM]iB/min$", r[Array.IndexOf(names, figure)].GetString()));

        JsonElement untold = await browser.EvaluateAsync("""
            document.querySelector("#suspects div > details > summary").click();
            return new Promise(done => requestAnimationFrame(() => setTimeout(() => {
                const told = new Map([...document.querySelectorAll("#suspects dt")].map(e => [e.textContent, e.nextElementSibling.textContent]));
                done([...document.querySelectorAll("#suspects th[scope=col] span")].filter(e => e.title === "" || told.get(e.textContent) !== e.title)
                    .map(e => e.textContent));
            })));
            """);
        Assert.Empty(untold.EnumerateArray());

        // Opened where somebody asks: a row is no taller than its site and who called it.
        Assert.Equal(["SQL", "SQL"], rows.EnumerateArray().Select(r => r[names.Length - 1].GetString()!));
        const string Height = "return document.querySelector('#suspects tbody tr').offsetHeight";
        int closed = (await browser.EvaluateAsync(Height)).GetInt32();
        await browser.EvaluateAsync("document.querySelector('#suspects td summary').click(); return 0");
        await browser.Page.WaitForSelectorAsync("#suspects td code");
        string sql = (await browser.EvaluateAsync("return document.querySelector('#suspects td code').textContent")).GetString()!;
        Assert.Equal(
            ReportHtmlTests.Scalar(query, "SELECT CASE WHEN overdue_blocks > 0 THEN overdue_blocks ELSE live_blocks END FROM leak_suspects LIMIT 1"),
            ReportHtmlTests.Scalar(query, $"SELECT count(*) FROM ({sql})"));
        Assert.True((await browser.EvaluateAsync(Height)).GetInt32() > closed); // the control
        ReportHtmlTests.AssertQuiet(browser, page);
    }

    [Fact]
    public async Task On_paper_the_table_has_what_fits()
    {
        string page = Page();
        await using PageBrowser browser = await PageBrowser.OpenAsync(page);
        await browser.Page.SetViewportAsync(new ViewPortOptions { Width = PaperWidth, Height = 1000 });
        await browser.Page.EmulateMediaTypeAsync(MediaType.Print);
        await browser.Page.WaitForFunctionAsync($"() => document.documentElement.scrollWidth <= {PaperWidth}");
        JsonElement hidden = await browser.EvaluateAsync("""
            return [...document.querySelectorAll("#suspects th[scope=col]")].filter(e => e.offsetWidth === 0).map(e => e.textContent);
            """);
        Assert.Equal(
            ["overdue tenths", "ended later", "steps up", "octaves up", "growth per min low", "growth per min high", "first", "last", "blocks"],
            hidden.EnumerateArray().Select(e => e.GetString()!));
        // The control: with them it is wider.
        Assert.True((await browser.EvaluateAsync("""
            document.querySelectorAll("#suspects .detail").forEach(e => e.style.display = "table-cell");
            return document.documentElement.scrollWidth;
            """)).GetInt32() > PaperWidth);
    }

    [Fact]
    public async Task On_paper_the_chart_is_no_wider_than_it_and_on_the_screen_it_is_as_before()
    {
        await using PageBrowser browser = await PageBrowser.OpenAsync(Page());
        await browser.Page.SetViewportAsync(new ViewPortOptions { Width = 1280, Height = 1000 });
        await browser.Page.WaitForFunctionAsync("() => document.querySelector('#timeline .canvas canvas').offsetWidth > 900");
        JsonElement widths = await browser.EvaluateAsync("""
            const width = () => new Promise(done => setTimeout(() => done(document.querySelector("#timeline .canvas canvas").offsetWidth)));
            return (async () => {
                const found = [await width()];
                for (const kind of ["beforeprint", "afterprint"]) {
                    dispatchEvent(new Event(kind));
                    found.push(await width());
                }
                return found;
            })();
            """);
        int[] found = [.. widths.EnumerateArray().Select(e => e.GetInt32())];
        Assert.InRange(found[1], 500, PaperWidth);
        Assert.Equal(found[0], found[2]);
    }

    [Fact]
    public async Task Names_of_templates_are_short_and_told_apart_by_their_callers()
    {
        await using PageBrowser browser = await PageBrowser.OpenAsync(Page());
        JsonElement legend = await browser.EvaluateAsync("""
            return [...document.querySelectorAll("#timeline .legend li")].map(e => [...e.querySelectorAll("bdi")].map(part => [part.textContent, part.title]));
            """);
        Assert.Equal([$"{Short} cache.h:7 < load", $"{Short} cache.h:7 < serve"],
            legend.EnumerateArray().Select(e => string.Join(' ', e.EnumerateArray().Select(part => part[0].GetString()))).Order(StringComparer.Ordinal));
        Assert.Equal([$"{Given} < load(int) < main", $"{Kept} < serve(int) < main"],
            legend.EnumerateArray().Select(e => e[0][1].GetString()!).Order(StringComparer.Ordinal));

        JsonElement sites = await browser.EvaluateAsync("""
            return [...document.querySelectorAll("#suspects tbody th span > bdi")].map(e => [e.textContent, e.title]);
            """);
        Assert.All(sites.EnumerateArray(), e => Assert.Equal(Short, e[0].GetString()));
        Assert.Contains(sites.EnumerateArray(), e => e[1].GetString() == Kept);
    }

    /// <summary>Two sites that grow from beginning to end: the one keeps its blocks, the other frees all as the program ends.</summary>
    private string Page()
    {
        ReportHtmlTests.NeedPage();
        var recording = new StackRecording(_directory["trace.allocrec"]);
        int program = recording.Module(0x10000, 0x20000, "/bin/test", "c0ffee");
        int main = recording.Frame(program, 0x100, StackRecording.Start, new FunctionLine("main", "", "/src/main.cc", 10));
        int serve = recording.Frame(program, 0x200, main, new FunctionLine("serve(int)", "", "/src/main.cc", 20));
        int load = recording.Frame(program, 0x300, main, new FunctionLine("load(int)", "", "/src/main.cc", 30));
        int kept = recording.Frame(program, 0x400, serve, new FunctionLine(Kept, "", "/src/cache.h", 7));
        int given = recording.Frame(program, 0x500, load, new FunctionLine(Given, "", "/src/cache.h", 7));
        for (int i = 1; i <= Blocks; i++)
            recording.Malloc(10 * i * Ms, Address(i), 1000, kept).Malloc((10 * i + 1) * Ms, Address(i + Blocks), 900, given);
        for (int i = 1; i <= Blocks; i++)
            recording.Free(10 * Blocks * Ms + (i + 10) * Ms / 10, Address(i + Blocks));
        recording.Save();
        string page = _directory["trace.html"];
        int code = _runner.Run("report", _directory["trace.allocrec"], "-o", page);
        Assert.True(code == ExitCode.Ok, _runner.Error);
        return page;

        static ulong Address(int i) => 0x1_0000ul + (ulong)i * 0x1000;
    }
}
