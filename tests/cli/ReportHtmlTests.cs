using System.Globalization;
using System.Text.Json;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats.Stacks;
using AllocReplay.Tests.Support;
using PuppeteerSharp;
using PuppeteerSharp.Input;

namespace AllocReplay.Tests.Cli;

/// <summary>The page of <c>report</c>, opened in a browser: what is drawn is what SQL says of the dataset, and nothing gets in or out.</summary>
[StartsProcesses]
public sealed class ReportHtmlTests : IDisposable
{
    private const string Hostile = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'&\u202e\u2028";

    private static readonly string[] Parts = ["summary", "suspects", "timeline", "flame", "sites", "lifetimes", "threads", "provenance"];

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_moment_that_is_clicked_the_peak_and_a_stretch_are_what_sql_says()
    {
        string page = Page(seed: 11);
        using DatasetQuery query = DatasetQuery.Open(_directory["trace.dataset"]);
        await using PageBrowser browser = await PageBrowser.OpenAsync(page);
        Assert.Equal(Scalar(query, "SELECT peak_live_bytes FROM process"), await FigureAsync(browser, "peak"));
        Assert.Equal(Scalar(query, "SELECT sum(size) FROM allocations WHERE end_kind = 'alive_at_end'"), await FigureAsync(browser, "outstanding"));
        const string Opened = "return [document.querySelector('#flame select').selectedIndex, document.querySelector('#flame .measure').textContent]";
        string opened = (await browser.EvaluateAsync(Opened)).GetRawText();

        await ClickAsync(browser, 0.4);
        long clicked = await MomentAsync(browser, 0.4);
        Assert.Equal(Live(query, clicked), await RootAsync(browser));
        Assert.NotEqual(Live(query, clicked + 8000), await RootAsync(browser)); // the control: another moment is another number
        Assert.Equal(Scalar(query, $"SELECT sum(size) FROM allocations JOIN stacks ON stack = alloc_stack WHERE {At(clicked)} AND text LIKE '%f1%'"),
            await SearchAsync(browser, "f1"));

        await PressAsync(browser, "Peak");
        Assert.Equal(Scalar(query, "SELECT peak_live_bytes FROM process"), await RootAsync(browser));
        await PressAsync(browser, "End");
        Assert.Equal(Scalar(query, "SELECT sum(size) FROM allocations WHERE end_kind = 'alive_at_end'"), await RootAsync(browser));

        await DragAsync(browser, 0.1, 0.6);
        (long from, long to) = (await MomentAsync(browser, 0.1), await MomentAsync(browser, 0.6));
        Assert.Equal(Grown(query, from, to), await RootAsync(browser));

        Assert.NotEqual(opened, (await browser.EvaluateAsync(Opened)).GetRawText());
        await PressAsync(browser, "Reset");
        Assert.Equal(opened, (await browser.EvaluateAsync(Opened)).GetRawText());
        Assert.Equal(Scalar(query, "SELECT sum(size) FROM allocations WHERE end_kind = 'alive_at_end'"), await RootAsync(browser));
        await browser.Page.SelectAsync("#flame select", "0");
        Assert.Equal(Scalar(query, "SELECT sum(size) FROM allocations"), await RootAsync(browser));
        await browser.Page.SelectAsync("#flame label:nth-of-type(2) select", "1");
        Assert.Equal(Scalar(query, "SELECT count(*) FROM allocations"), await RootAsync(browser));
        await browser.Page.SelectAsync("#flame select", "2");
        Assert.Equal(Scalar(query, "SELECT count(*) FROM allocations WHERE is_temporary"), await RootAsync(browser));
        await browser.Page.ClickAsync("#flame input[type=checkbox]"); // from the chart there by mouse: nothing moves on the way
        Assert.True((await browser.EvaluateAsync("return document.querySelector('#flame input[type=checkbox]').checked")).GetBoolean());
        Assert.Equal(Scalar(query, "SELECT count(*) FROM allocations WHERE is_temporary"), await RootAsync(browser));
        Assert.Equal(Scalar(query, """
            SELECT count(*) FROM allocations JOIN stack_frames ON stack = alloc_stack JOIN frames USING (frame)
            WHERE is_temporary AND position = 0 AND function = 'f1'
            """), (await browser.EvaluateAsync("""
            const bars = [...document.querySelectorAll("#flame .bar")].filter(e => e.ariaLevel === "2" && e.getAttribute("aria-label").startsWith("f1, "));
            return bars.reduce((sum, e) => sum + Number(e.dataset.value), 0);
            """)).GetInt64());
        AssertQuiet(browser, page);
    }

    [Fact]
    public async Task The_chart_the_flame_graph_and_tables_work_by_keyboard_in_the_dark_and_on_a_telephone()
    {
        string page = Page(seed: 12);
        using DatasetQuery query = DatasetQuery.Open(_directory["trace.dataset"]);
        await using PageBrowser browser = await PageBrowser.OpenAsync(page);
        await browser.Page.FocusAsync("#timeline .canvas");
        await browser.Page.Keyboard.PressAsync("Home");
        for (int i = 0; i < 3; i++)
            await browser.Page.Keyboard.PressAsync("PageDown");
        await browser.Page.Keyboard.PressAsync("Enter");
        JsonElement moments = await browser.EvaluateAsync("return document.querySelector('#timeline figure').chart.data[0]");
        Assert.Equal(Live(query, moments[30].GetInt64()), await RootAsync(browser));

        await browser.Page.FocusAsync("#flame .bar");
        await browser.Page.Keyboard.PressAsync("ArrowDown");
        JsonElement below = await browser.EvaluateAsync("const e = document.activeElement; return [e.ariaLevel, e.dataset.value, e.dataset.node]");
        Assert.Equal("2", below[0].GetString());
        Assert.Equal(below[1].GetString(), (await browser.EvaluateAsync(
            "return String(Math.max(...[...document.querySelectorAll('#flame .bar')].filter(e => e.ariaLevel === '2').map(e => Number(e.dataset.value))))"))
            .GetString());
        await browser.Page.Keyboard.PressAsync("Enter");
        Assert.Equal(below[2].GetString(), (await browser.EvaluateAsync("return document.activeElement.dataset.node")).GetString());
        Assert.Equal(1, (await browser.EvaluateAsync("return document.querySelectorAll('#flame .bar[aria-level=\"2\"]').length")).GetInt32());
        await browser.Page.Keyboard.PressAsync("Escape");

        await browser.Page.FocusAsync("#sites thead th:nth-child(3) button");
        await browser.Page.Keyboard.PressAsync("Enter");
        Assert.Equal("descending", (await browser.EvaluateAsync("return document.querySelector('#sites thead th:nth-child(3)').ariaSort")).GetString());
        JsonElement most = await browser.EvaluateAsync("return document.querySelector('#sites tbody td:nth-child(3)').textContent");
        Assert.Equal(Scalar(query, "SELECT max(blocks) FROM sites"), CountOf(most));

        await browser.Page.SetViewportAsync(new ViewPortOptions { Width = 400, Height = 800 });
        await browser.Page.WaitForFunctionAsync("() => document.documentElement.scrollWidth <= 400");
        const string Background = "return getComputedStyle(document.querySelector('#flame .bar')).backgroundColor";
        string? light = (await browser.EvaluateAsync(Background)).GetString();
        await browser.Page.EmulateMediaFeaturesAsync([new MediaFeatureValue { MediaFeature = MediaFeature.PrefersColorScheme, Value = "dark" }]);
        Assert.NotEqual(light, (await browser.EvaluateAsync(Background)).GetString());
        JsonElement unnamed = await browser.EvaluateAsync("""
            return [...document.querySelectorAll("[role=img], [role=region], [role=tree], [role=treeitem], select, input, button")]
                .filter(e => !e.getAttribute("aria-label") && !e.closest("label") && e.textContent.trim() === "").map(e => e.outerHTML.slice(0, 80));
            """);
        Assert.Empty(unnamed.EnumerateArray());
        AssertQuiet(browser, page);
    }

    [Fact]
    public async Task Tables_of_lifetimes_and_threads_are_those_of_the_json()
    {
        string page = Page(seed: 13);
        Assert.Equal(ExitCode.Ok, _runner.Run("report", _directory["trace.dataset"], "--json"));
        using JsonDocument json = JsonDocument.Parse(_runner.Output);
        JsonElement report = json.RootElement;
        await using PageBrowser browser = await PageBrowser.OpenAsync(page);

        JsonElement heat = await browser.EvaluateAsync(
            "return [...document.querySelectorAll('#lifetimes td[data-blocks]')].map(e => [Number(e.dataset.blocks), Number(e.dataset.bytes)])");
        Assert.Equal(
            report.GetProperty("lifetimes").GetProperty("cells").EnumerateArray()
                .Select(c => (c.GetProperty("blocks").GetInt64(), c.GetProperty("bytes").GetInt64())).Order(),
            heat.EnumerateArray().Select(c => (c[0].GetInt64(), c[1].GetInt64())).Order());
        JsonElement pairs = await browser.EvaluateAsync("return [...document.querySelectorAll('#threads tbody td:nth-child(3)')].map(e => e.textContent)");
        Assert.Equal(
            report.GetProperty("thread_pairs").GetProperty("pairs").EnumerateArray().Select(p => p.GetProperty("blocks").GetInt64()),
            pairs.EnumerateArray().Select(CountOf));
        JsonElement drawn = await browser.EvaluateAsync("return document.querySelector('#timeline figure').chart.data[1]"); // the highest: of all
        Assert.Equal(report.GetProperty("timeline").GetProperty("live_bytes").EnumerateArray().Select(v => v.GetInt64()),
            drawn.EnumerateArray().Select(v => v.GetInt64()));
    }

    [Fact]
    public async Task Names_are_text_whatever_is_in_them()
    {
        string page = Page(seed: 14, name: i => i == 3 ? new string('y', 1 << 20) : $"f{i}{Hostile}");
        string html = File.ReadAllText(page), data = html[(html.IndexOf("id=\"data\">", StringComparison.Ordinal) + 10)..];
        Assert.DoesNotContain(data[..data.IndexOf("</script>", StringComparison.Ordinal)], c => c is '<' or '>' or '&' or > '~');

        await using PageBrowser browser = await PageBrowser.OpenAsync(page);
        JsonElement seen = await browser.EvaluateAsync("""
            document.querySelectorAll("details").forEach(e => e.open = true);
            return {
                title: document.title, text: document.body.innerText, images: document.images.length, scripts: document.scripts.length,
                parts: [...document.querySelectorAll("main > section[id]")].map(e => e.id),
            };
            """);
        Assert.Equal(Parts, seen.GetProperty("parts").EnumerateArray().Select(e => e.GetString()));
        Assert.StartsWith("Memory of ", seen.GetProperty("title").GetString(), StringComparison.Ordinal);
        Assert.Equal((0, 2), (seen.GetProperty("images").GetInt32(), seen.GetProperty("scripts").GetInt32()));
        string text = seen.GetProperty("text").GetString()!;
        Assert.Contains("</script><script>document.title='owned'</script>", text, StringComparison.Ordinal);
        Assert.DoesNotContain(text, c => c is '\u202e' or '\u2028');
        AssertQuiet(browser, page);
    }

    [Fact]
    public async Task Without_stacks_the_parts_that_need_them_say_how_to_record_them()
    {
        string page = Page(seed: 15, stacks: false);
        await using PageBrowser browser = await PageBrowser.OpenAsync(page);
        JsonElement said = await browser.EvaluateAsync(
            "return [...document.querySelectorAll('.nothing')].filter(e => /record --stacks auto/.test(e.textContent)).map(e => e.parentElement.id)");
        Assert.Equal(["suspects", "flame", "sites"], said.EnumerateArray().Select(e => e.GetString()!));
        Assert.NotEqual(0, (await browser.EvaluateAsync("return document.querySelectorAll('#timeline canvas, #lifetimes td[data-blocks]').length")).GetInt32());
        await ClickAsync(browser, 0.5); // does nothing, and fails at nothing
        AssertQuiet(browser, page);
    }

    /// <summary>About half of the functions have more than the least share, and each has a name of its own, as long as they are shown.</summary>
    [Fact]
    public async Task A_hundred_thousand_stacks_with_long_names_fit_five_megabytes()
    {
        const int Groups = 1900, Chain = 20, Leaves = 53;
        string[] names =
        [
            .. Enumerable.Range(0, Groups).SelectMany(group => Enumerable.Range(0, Chain).Select(i => $"{group}::{i}::{new string('n', 280)}")
                .Concat(Enumerable.Range(0, Leaves).Select(i => $"leaf {group} {i}"))),
        ];
        var writer = new RecordingWriter(_directory["trace.allocrec"])
        {
            Stacks = true,
            Modules = "1000000-9000000 0 a1b2 /opt/shop\n",
            Symbols = SampleStacks.Of([.. names.Select((name, i) => ((ulong)i, new FunctionLine[] { new(name, "", "", 0) }))]),
        };
        int caller = 0;
        for (int i = 0; i < names.Length; i++)
        {
            int place = i % (Chain + Leaves), frame = writer.Frame((ulong)(0x1000000 + i + 1), place == 0 ? 0 : caller);
            if (place < Chain)
                caller = frame;
            else
                writer.Thread(0).Malloc(i * 8L, 0x1_0000_0000 + (ulong)i * 4096, SizeOf(i / (Chain + Leaves)), frame);
        }
        writer.Save();
        string page = _directory["trace.html"];
        Assert.True(_runner.Run("report", _directory["trace.allocrec"], "-o", page) == ExitCode.Ok, _runner.Error);
        Assert.InRange(new FileInfo(page).Length, 1_000_000, ReportHtml.SizeMax);

        await using PageBrowser browser = await PageBrowser.OpenAsync(page);
        Assert.Equal(Enumerable.Range(0, Groups).Sum(group => Leaves * (long)SizeOf(group)), await RootAsync(browser));
        Assert.Contains("are put together", (await browser.EvaluateAsync("return document.querySelector('#flame .note').textContent")).GetString(),
            StringComparison.Ordinal);
        AssertQuiet(browser, page);

        static ulong SizeOf(int group) => (ulong)(500 + group);
    }

    private string Page(int seed, bool stacks = true, Func<int, string>? name = null)
    {
        NeedPage();
        ReportSample.Write(_directory["trace.allocrec"], seed, stacks: stacks, name: name);
        string page = _directory["trace.html"];
        int code = _runner.Run("report", _directory["trace.allocrec"], "-o", page);
        Assert.True(code == ExitCode.Ok, _runner.Error);
        return page;
    }

    /// <summary>Skips the test where there is no page, or nothing that shows it.</summary>
    internal static void NeedPage()
    {
        try
        {
            _ = ReportHtml.Template();
        }
        catch (PageMissingException)
        {
            Assert.Skip("the page is not built in: ./build.sh build makes it, with Node.js");
        }
        Programs.Need("chromium");
    }

    internal static string At(long ns) =>
        string.Create(CultureInfo.InvariantCulture, $"alloc_ns <= {ns} AND (end_ns > {ns} OR end_kind = 'alive_at_end')");

    internal static long Scalar(DatasetQuery query, string sql)
    {
        using QueryResult result = query.Run($"SELECT coalesce(CAST(({sql}) AS BIGINT), 0)");
        return (long)result.ReadRow()![0]!;
    }

    private static long CountOf(JsonElement shown) => long.Parse(shown.GetString()!, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

    internal static long Live(DatasetQuery query, long ns) => Scalar(query, $"SELECT sum(size) FROM allocations WHERE {At(ns)}");

    /// <summary>What stacks have more at a moment than at another, those that have less left out: stacks being the names of their functions.</summary>
    internal static long Grown(DatasetQuery query, long from, long to) => Scalar(query, $"""
        SELECT sum(greatest(change, 0)) FROM (
            SELECT coalesce(text, '') AS text, sum(CASE WHEN {At(to)} THEN size ELSE 0 END) - sum(CASE WHEN {At(from)} THEN size ELSE 0 END) AS change
            FROM allocations LEFT JOIN stacks ON stack = alloc_stack GROUP BY 1)
        """);

    private static async Task<long> FigureAsync(PageBrowser browser, string name) =>
        (await browser.EvaluateAsync($"return Number(document.querySelector('[data-figure={name}]').dataset.value)")).GetInt64();

    /// <summary>What the flame graph has in all.</summary>
    internal static async Task<long> RootAsync(PageBrowser browser) =>
        (await browser.EvaluateAsync("return Number(document.querySelector('#flame .bar[data-node=\"0\"]').dataset.value)")).GetInt64();

    /// <summary>Types a name to search for.</summary>
    /// <returns>What the functions of that name and all below them have.</returns>
    private static async Task<long> SearchAsync(PageBrowser browser, string name)
    {
        await browser.Page.TypeAsync("#flame input[type=search]", name);
        return (await browser.EvaluateAsync("""
            return document.querySelectorAll("#flame .bar.found").length > 0 ? Number(document.querySelector("#flame .found-text").dataset.value) : -1;
            """)).GetInt64();
    }

    private static async Task PressAsync(PageBrowser browser, string button)
    {
        await browser.EvaluateAsync($"[...document.querySelectorAll('#flame button')].find(e => e.textContent === '{button}').click(); return 0");
    }

    private static async Task<(decimal X, decimal Y)> PlaceAsync(PageBrowser browser, double share)
    {
        JsonElement place = await browser.EvaluateAsync(string.Create(CultureInfo.InvariantCulture, $$"""
            const over = document.querySelector("#timeline .u-over");
            over.scrollIntoView();
            const box = over.getBoundingClientRect();
            return [box.left + box.width * {{share}}, box.top + box.height / 2];
            """));
        return (place[0].GetDecimal(), place[1].GetDecimal());
    }

    /// <summary>The moment that is nearest to a place in the chart.</summary>
    private static async Task<long> MomentAsync(PageBrowser browser, double share) => (await browser.EvaluateAsync(string.Create(
        CultureInfo.InvariantCulture,
        $"const u = document.querySelector('#timeline figure').chart; return u.data[0][u.posToIdx(u.over.getBoundingClientRect().width * {share})]")))
        .GetInt64();

    private static async Task ClickAsync(PageBrowser browser, double share)
    {
        (decimal x, decimal y) = await PlaceAsync(browser, share);
        await browser.Page.Mouse.MoveAsync(x, y);
        await browser.Page.Mouse.ClickAsync(x, y);
    }

    private static async Task DragAsync(PageBrowser browser, double from, double to)
    {
        (decimal x, decimal y) = await PlaceAsync(browser, from);
        (decimal end, _) = await PlaceAsync(browser, to);
        await browser.Page.Mouse.MoveAsync(x, y);
        await browser.Page.Mouse.DownAsync();
        await browser.Page.Mouse.MoveAsync(end, y, new MoveOptions { Steps = 8 });
        await browser.Page.Mouse.UpAsync();
    }

    internal static void AssertQuiet(PageBrowser browser, string file)
    {
        Assert.Equal([new Uri(file).AbsoluteUri], browser.Requests.Where(r => !r.StartsWith("data:", StringComparison.Ordinal)));
        Assert.Empty(browser.Problems);
    }
}
