using System.Globalization;
using System.Text.Json;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli;
using AllocReplay.Formats.Recording;
using AllocReplay.Tests.Support;
using PuppeteerSharp.Input;

namespace AllocReplay.Tests.Cli;

/// <summary>The marks of a recording on the page of <c>report</c>: each is a moment that can be chosen, and two are a stretch.</summary>
[StartsProcesses]
public sealed class ReportMarkTests : IDisposable
{
    private const string Hostile = "<b onclick=\"x\">\u202e&'";
    private const int First = 16_008, Second = 40_016, Late = 64_024;

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_mark_is_chosen_in_the_chart_above_it_in_the_list_and_by_keyboard()
    {
        string page = Page(seed: 31, w => w.Mark(MarkEntry.Named, 1, First, "first").Mark(MarkEntry.Named, 1, Second, Hostile)
            .Mark(MarkEntry.Named, 1, Late, "late"));
        using DatasetQuery query = DatasetQuery.Open(_directory["trace.dataset"]);
        await using PageBrowser browser = await PageBrowser.OpenAsync(page);
        long[] times = [First, Second, Late], live = [.. times.Select(t => ReportHtmlTests.Live(query, t))];
        Assert.Equal(3, live.Distinct().Count());
        // The control: moments beside them are others.
        Assert.All(times, t => Assert.NotEqual(ReportHtmlTests.Live(query, t), ReportHtmlTests.Live(query, t + 3200)));

        await ClickAsync(browser, "u.valToPos(40016, 'x') + 3", "u.over.clientHeight / 2");
        Assert.Equal(live[1], await ReportHtmlTests.RootAsync(browser));
        JsonElement told = await browser.EvaluateAsync(
            "return [document.querySelector('#timeline .canvas').title, document.querySelector('#timeline .at').textContent]");
        Assert.Equal("<b onclick=\"x\">\\u202e&'", told[0].GetString());
        Assert.Contains(", mark <b onclick=\"x\">\\u202e&'", told[1].GetString(), StringComparison.Ordinal);

        await ClickAsync(browser, "f.labels()[0].left + 2", "-10");
        Assert.Equal(live[0], await ReportHtmlTests.RootAsync(browser));

        await browser.Page.Keyboard.DownAsync("Shift");
        await browser.Page.FocusAsync("#timeline .marklist li:nth-child(3) button");
        await browser.Page.Keyboard.PressAsync("Enter");
        Assert.Equal(ReportHtmlTests.Grown(query, First, Late), await ReportHtmlTests.RootAsync(browser));
        await browser.Page.Keyboard.UpAsync("Shift");
        await browser.Page.Keyboard.PressAsync("Enter");
        Assert.Equal(live[2], await ReportHtmlTests.RootAsync(browser));
        await browser.Page.Keyboard.DownAsync("Shift");
        await browser.Page.ClickAsync("#timeline .marklist li:nth-child(2) button"); // before the one that was chosen
        Assert.Equal(ReportHtmlTests.Grown(query, Second, Late), await ReportHtmlTests.RootAsync(browser));

        Assert.Equal(0, (await browser.EvaluateAsync("return document.querySelectorAll('b').length")).GetInt32());
        ReportHtmlTests.AssertQuiet(browser, page);
    }

    [Theory]
    [InlineData(80, true)]
    [InlineData(400, false)]
    public async Task Of_many_marks_names_thin_out_and_all_are_listed(int count, bool isExact)
    {
        string page = Page(seed: 32, w =>
        {
            for (int i = 0; i < count; i++)
                w.Mark(MarkEntry.Named, 1, 8L * i * (9600 / count), $"mark number {i}");
        });
        using DatasetQuery query = DatasetQuery.Open(_directory["trace.dataset"]);
        await using PageBrowser browser = await PageBrowser.OpenAsync(page);
        await browser.Page.WaitForFunctionAsync("() => document.querySelector('#timeline figure').labels().length > 1"); // drawn at its width
        JsonElement labels = await browser.EvaluateAsync("return document.querySelector('#timeline figure').labels().map(l => [l.left, l.right])");
        double[][] places = [.. labels.EnumerateArray().Select(l => l.EnumerateArray().Select(e => e.GetDouble()).ToArray())];
        Assert.InRange(places.Length, 3, 12);
        Assert.All(places.Zip(places.Skip(1)), p => Assert.True(p.First[1] < p.Second[0]));

        Assert.Equal(0, (await browser.EvaluateAsync("return document.querySelectorAll('.marklist li').length")).GetInt32());
        await browser.Page.ClickAsync("#timeline .marklist summary");
        await browser.Page.WaitForSelectorAsync(".marklist li");
        Assert.Equal(count, (await browser.EvaluateAsync("return document.querySelectorAll('.marklist li').length")).GetInt32());
        await browser.EvaluateAsync("document.querySelectorAll('.marklist li button')[33].click(); return 0");
        long ns = 8L * 33 * (9600 / count), moment = (await browser.EvaluateAsync(
            "const u = document.querySelector('#timeline figure').chart; return u.data[0][u.cursor.idx]")).GetInt64();
        Assert.Equal(isExact, ns == moment);
        Assert.InRange(moment, ns - 400, ns + 400);
        Assert.Equal(ReportHtmlTests.Live(query, moment), await ReportHtmlTests.RootAsync(browser));
        Assert.Equal(!isExact, (await browser.EvaluateAsync("return document.querySelector('.marklist').textContent")).GetString()!
            .Contains("the nearest of the chart's moments", StringComparison.Ordinal));
        ReportHtmlTests.AssertQuiet(browser, page);
    }

    [Fact]
    public async Task Stretches_that_were_not_recorded_are_hatched_and_said()
    {
        string page = Page(seed: 33, w => w.Mark(MarkEntry.Start, 1, 0).Mark(MarkEntry.Stop, 1, 24_000).Mark(MarkEntry.Start, 2, 48_000));
        await using PageBrowser browser = await PageBrowser.OpenAsync(page);
        Assert.Equal("from 24 µs to 48 µs recording was stopped", Assert.Single(
            (await browser.EvaluateAsync("return [...document.querySelectorAll('.unrecorded li')].map(e => e.textContent)")).EnumerateArray()).GetString());
        const string Told = "return [...document.querySelectorAll('.remarks li')].map(e => e.textContent)";
        Assert.Contains("Recording was stopped in between, for 24 µs in all: blocks that were freed meanwhile look live.",
            (await browser.EvaluateAsync(Told)).EnumerateArray().Select(e => e.GetString()));
        // Above all areas the chart is empty but for what is hatched.
        const string Painted = """
            const u = document.querySelector("#timeline figure").chart, at = x => Math.round(u.valToPos(x, "x", true));
            const image = u.ctx.getImageData(0, u.bbox.top + 3, at(72000), 1).data;
            const painted = (from, to) => image.subarray((at(from) + 3) * 4, (at(to) - 3) * 4).some((v, i) => i % 4 === 3 && v > 0);
            return [painted(24000, 48000), painted(48000, 52800)];
            """;
        JsonElement painted = await browser.EvaluateAsync(Painted);
        Assert.Equal((true, false), (painted[0].GetBoolean(), painted[1].GetBoolean()));
        Assert.Equal(0, (await browser.EvaluateAsync("return document.querySelectorAll('.marklist').length")).GetInt32());
        ReportHtmlTests.AssertQuiet(browser, page);
    }

    [Fact]
    public async Task A_program_that_did_not_end_in_an_orderly_way_is_said_to_have_ended_so_or_to_run_still()
    {
        string page = Page(seed: 34, _ => { }), html = File.ReadAllText(page);
        Assert.Contains("\"state\":\"exited\"", html, StringComparison.Ordinal);
        const string Told = "return document.querySelector('.remarks')?.textContent ?? ''";
        await using (PageBrowser browser = await PageBrowser.OpenAsync(page))
            Assert.DoesNotContain("_exit", (await browser.EvaluateAsync(Told)).GetString(), StringComparison.Ordinal);
        File.WriteAllText(page, html.Replace("\"state\":\"exited\"", "\"state\":\"recording\"", StringComparison.Ordinal));
        await using (PageBrowser browser = await PageBrowser.OpenAsync(page))
        {
            Assert.Contains("The program was still running, or ended without running its destructors, killed or by _exit:",
                (await browser.EvaluateAsync(Told)).GetString(), StringComparison.Ordinal);
        }
    }

    private string Page(int seed, Action<RecordingWriter> mark)
    {
        ReportHtmlTests.NeedPage();
        ReportSample.Write(_directory["trace.allocrec"], seed, blocks: 2000, mark: mark);
        string page = _directory["trace.html"];
        int code = _runner.Run("report", _directory["trace.allocrec"], "-o", page);
        Assert.True(code == ExitCode.Ok, _runner.Error);
        return page;
    }

    /// <summary>Clicks a place of the chart, pixels from its corner.</summary>
    private static async Task ClickAsync(PageBrowser browser, string left, string top)
    {
        JsonElement place = await browser.EvaluateAsync(string.Create(CultureInfo.InvariantCulture, $$"""
            const f = document.querySelector("#timeline figure"), u = f.chart;
            f.scrollIntoView();
            const box = u.over.getBoundingClientRect();
            return [box.left + {{left}}, box.top + {{top}}];
            """));
        await browser.Page.Mouse.MoveAsync(place[0].GetDecimal(), place[1].GetDecimal(), new MoveOptions { Steps = 2 });
        await browser.Page.Mouse.ClickAsync(place[0].GetDecimal(), place[1].GetDecimal());
    }
}
