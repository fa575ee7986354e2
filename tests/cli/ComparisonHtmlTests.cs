using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Cli.Pages;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Corpus;
using AllocReplay.Replayer.Compare.Gate;
using AllocReplay.Tests.Support;
using PuppeteerSharp;

namespace AllocReplay.Tests.Cli;

/// <summary>The page of <c>compare --html</c>, opened in a browser: what is drawn are the report's figures, and nothing gets in or out.</summary>
[StartsProcesses]
public sealed class ComparisonHtmlTests : IDisposable
{
    private const string Hostile = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'&\u202e\u2028";

    /// <summary>Of a drawn place: it is given in ten-thousandths of a percent of an axis, and figures of runs in six digits.</summary>
    private const double Tolerance = 1e-4;

    /// <summary>After the first configuration and its twin.</summary>
    private const int RowOfSecond = 2;

    private static readonly string[] Parts = ["estimate", "low", "high"];
    private static readonly string[] PartsOfPage = ["means", "traces", "trace-0", "trace-1", "trace-2"];
    private static readonly string[] Stops = ["SELECT", "INPUT", "SUMMARY", "DIV"];
    private static readonly string[] Refused = ["refused", "connect-src"];
    private static readonly GateFinding[] Findings =
    [
        new("second.speed < 1", GateOutcome.Passed, 1.2, 1.1, 1.3), new("third.cpu > 1", GateOutcome.Inconclusive, 1.1, 0.9, 1.3),
        new("<b>second.cpu > 1", GateOutcome.Failed, 1.2, 1.1, 1.3), new("noop.peak_rss > 1", GateOutcome.NoFigure, null, null, null),
        new("t as in the baseline", GateOutcome.NoBaseline, null, null, null),
    ];
    /// <summary>Places of these, as a page has them.</summary>
    private static readonly int[] Severity = [2, 3, 1, 4, 0];
    private static readonly string[] Names = ["first", "second", SampleComparison.Broken, "third"];

    /// <summary>
    /// What the forest plots show, read off their drawings: two ticks of an axis tell which ratio lies where on it, then marks tell theirs.
    /// </summary>
    private const string ReadForests = """
        return [...document.querySelectorAll("PLACE table.forest")].flatMap(table => {
            const ticks = [...table.querySelectorAll("[data-tick]")].map(e => [parseFloat(e.getAttribute("x")), Math.log(Number(e.dataset.tick))]);
            const [a, b] = [ticks[0], ticks.at(-1)];
            const at = place => Math.exp(a[1] + (place - a[0]) * (b[1] - a[1]) / (b[0] - a[0]));
            const value = (mark, attribute) => at(parseFloat(mark.getAttribute(attribute)));
            return [...table.querySelectorAll("tbody tr")].map(row => {
                const estimate = row.querySelector(".estimate"), interval = row.querySelector(".interval");
                return {
                    metric: table.dataset.metric,
                    row: Number(row.dataset.row),
                    name: row.querySelector("th").textContent,
                    claim: row.querySelector(".claim").textContent,
                    estimate: estimate && value(estimate, "cx"),
                    low: interval && value(interval, "x1"),
                    high: interval && value(interval, "x2"),
                    runs: [...row.querySelectorAll("circle.run")].map(run => value(run, "cx")),
                    axis: [at(0), at(100)],
                    below: row.querySelectorAll(".run.beyond[x='0%']").length,
                    above: row.querySelectorAll(".run.beyond[x='100%']").length,
                };
            });
        });
        """;

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task What_is_drawn_of_a_real_comparison_are_the_figures_of_its_json()
    {
        NeedPage();
        string trace = _directory["t.allocrec"], page = _directory["x.html"];
        Directory.CreateDirectory(trace);
        TraceGenerator.Write(trace, seed: 3, threads: 2, calls: 5000);
        int code = _runner.Run("compare", trace, "--allocator", "glibc,glibc,MALLOC_ARENA_MAX=1,noop", "--runs", "9", "--json", "--html", page);
        Assert.True(code == ExitCode.Ok, _runner.Error);

        await using PageBrowser browser = await PageBrowser.OpenAsync(page);
        AssertNone(await MismatchesAsync(browser, _runner.Output));
        string command = (await browser.EvaluateAsync("return document.querySelector('.command').textContent")).GetString()!;
        Assert.StartsWith($"allocreplay compare {trace} --allocator glibc,glibc,MALLOC_ARENA_MAX=1,noop --runs 9 ", command, StringComparison.Ordinal);
        AssertQuiet(browser, page);
    }

    [Fact]
    public async Task Intervals_runs_and_verdicts_are_the_report_s_and_a_wrong_one_is_noticed()
    {
        ComparisonReport report = SampleComparison.Make("t", Names);
        await using PageBrowser browser = await PageBrowser.OpenAsync(Page(report));
        AssertNone(await MismatchesAsync(browser, SampleComparison.Json(report)));

        ComparedFigure right = report.Rows[2][Metric.Speed]!; // the control: a number of the JSON is another than the page has
        ComparedFigure wrong = right with { Ratio = right.Ratio! with { High = right.Ratio.High * 1.001 } };
        ComparisonReport planted = report with
        {
            Rows = [.. report.Rows.Select((r, i) => i == 2 ? r with { Figures = [.. r.Figures.Select(f => f == right ? wrong : f)] } : r)],
        };
        Assert.Single(await MismatchesAsync(browser, SampleComparison.Json(planted)));
    }

    [Fact]
    public async Task Runs_far_beyond_the_others_are_arrows_at_the_edge_and_one_that_is_missing_or_astray_is_noticed()
    {
        ComparisonReport sample = SampleComparison.Make("t", Names), report = WithRun(WithRun(sample, number: 3, 50), number: 5, 0.01);
        await using PageBrowser browser = await PageBrowser.OpenAsync(Page(report));
        AssertNone(await MismatchesAsync(browser, SampleComparison.Json(report)));
        JsonElement row = await RowAsync(browser);
        Assert.Equal((1, 1), (row.GetProperty("below").GetInt32(), row.GetProperty("above").GetInt32()));

        Assert.Single(await MismatchesAsync(browser, SampleComparison.Json(WithRun(report, number: 3, 0.02)))); // the control: it is at the wrong end
        Assert.Single(await MismatchesAsync(browser, SampleComparison.Json(WithRun(report, number: 4, 1.001)))); // another: a dot that is astray
        await browser.EvaluateAsync("document.querySelector(\".run.beyond[x='100%']\").remove(); return 0"); // and one that is not drawn
        Assert.Single(await MismatchesAsync(browser, SampleComparison.Json(report)));
    }

    [Fact]
    public async Task Where_runs_are_too_few_for_an_interval_the_axis_takes_them_in()
    {
        ComparisonReport report = WithRun(SampleComparison.Make("t", Names, blocks: 3), number: 1, 3);
        await using PageBrowser browser = await PageBrowser.OpenAsync(Page(report));
        AssertNone(await MismatchesAsync(browser, SampleComparison.Json(report)));
        JsonElement row = await RowAsync(browser);
        Assert.True(IsNull(row.GetProperty("low")));
        Assert.Equal((0, 0, 3), (row.GetProperty("below").GetInt32(), row.GetProperty("above").GetInt32(), row.GetProperty("runs").GetArrayLength()));
    }

    [Fact]
    public async Task What_became_of_conditions_is_on_top_in_the_words_of_the_terminal_what_failed_first()
    {
        ComparisonReport report = SampleComparison.Make("one", Names) with { Gate = Findings };
        string[] expected = [.. Severity.Select(i => ComparisonPage.Text(Findings[i]))];
        await using (PageBrowser browser = await PageBrowser.OpenAsync(Page(report)))
        {
            await AssertTextsAsync(browser, "header + .gate.failed li", expected);
            await AssertTextsAsync(browser, ".gate li.failed", expected[..2]);
        }
        ComparisonReport other = report with { Trace = "other", Gate = [Findings[0]] };
        await using PageBrowser several = await PageBrowser.OpenAsync(Page(other, report, other with { Trace = "third", Gate = [] }));
        string[] ofAll = await TextsAsync(several, "main > .gate.failed li");
        Assert.Equal(Severity.SkipLast(1).Select(i => ComparisonPage.Text(Findings[i], " on one")), ofAll.SkipLast(1));
        Assert.Equal($"passed on 2 of 2 traces: '{Findings[0].Condition}' does not hold", ofAll[^1]);
        await AssertTextsAsync(several, "#trace-0 .gate:not(.failed) li", ComparisonPage.Text(Findings[0]));
        await several.Page.ClickAsync("nav a[href='#trace-1']");
        await several.Page.WaitForSelectorAsync("#trace-1 .gate");
        await AssertTextsAsync(several, "#trace-1 .gate.failed li", expected);
        await several.Page.ClickAsync("nav a[href='#trace-2']");
        await several.Page.WaitForSelectorAsync("#trace-2 .forest");
        await AssertTextsAsync(several, "#trace-2 .gate li");
    }

    [Fact]
    public async Task What_was_not_measured_is_said_to_be()
    {
        ComparisonReport sample = SampleComparison.Make("t", Names), report = sample with
        {
            Rows = [.. sample.Rows.Where(r => r.Failure is null).Select(r => r with { Figures = [.. r.Figures.Where(f => f.Metric == "peak_rss")] })],
            Runs = [.. sample.Runs.Where(r => r.Ratios.ContainsKey("peak_rss"))],
            IsInterrupted = true,
        };
        await using PageBrowser browser = await PageBrowser.OpenAsync(Page(report));
        await AssertTextsAsync(browser, "#ratios .heading", "Speed, relative to first", "CPU time, relative to first");
        await AssertTextsAsync(browser, "#ratios .nothing", "Not measured.", "Not measured.");
        await AssertTextsAsync(browser, "#ratios caption", "Peak RSS, relative to first");
    }

    [Fact]
    public async Task Latency_by_size_is_of_a_kind_that_has_several_and_not_there_without_one()
    {
        const string Chosen = "#latency select option:checked", Heads = "#latency h3";
        ComparisonReport sample = SampleComparison.Make("t", Names);
        await using (PageBrowser browser = await PageBrowser.OpenAsync(Page(WithSizes(sample, "malloc", "realloc"))))
        {
            await AssertTextsAsync(browser, Chosen, "all that acquire", "all", "malloc", "99 %");
            await AssertTextsAsync(browser, Heads, "By size");
            Assert.Equal(4, (await browser.EvaluateAsync(
                "return document.querySelectorAll('#latency figure')[1].chart.data[0].length")).GetInt32()); // classes of the sample
        }
        await using PageBrowser without = await PageBrowser.OpenAsync(Page(WithSizes(sample)));
        await AssertTextsAsync(without, Heads);
        await AssertTextsAsync(without, Chosen, "all that acquire", "all");
    }

    [Fact]
    public async Task Names_break_after_a_comma_and_a_wide_table_says_that_it_can_be_scrolled()
    {
        const string Hint = "return [...document.querySelectorAll('#figures .hint')].some(e => e.offsetHeight > 0)";
        ComparisonReport report = SampleComparison.Make("t", ["first", "jemalloc + record,stacks=auto"]);
        await using PageBrowser browser = await PageBrowser.OpenAsync(Page(report));
        JsonElement heads = await browser.EvaluateAsync("return [...document.querySelectorAll('#figures thead th')].map(e => e.textContent)");
        string[] percentiles = [.. heads.EnumerateArray().Select(h => h.GetString()!).Where(h => h.StartsWith('p') && char.IsAsciiDigit(h[1]))];
        Assert.Equal(report.Metrics.Where(m => m.Name.StartsWith('p') && char.IsAsciiDigit(m.Name[1])
            && report.Rows.Any(r => r[m] is not null)).Select(m => m.Name.Replace('_', '.')), percentiles);

        foreach ((int width, bool isWide) in new[] { (400, true), (4000, false) })
        {
            await browser.Page.SetViewportAsync(new ViewPortOptions { Width = width, Height = 800 });
            await browser.Page.WaitForFunctionAsync($"() => {{ return (() => {{ {Hint} }})() === {(isWide ? "true" : "false")}; }}");
        }
        // Each word of a name lies on one line.
        await browser.Page.SetViewportAsync(new ViewPortOptions { Width = 800, Height = 800 });
        JsonElement lines = await browser.EvaluateAsync("""
            return [...document.querySelectorAll("tbody th bdi")].flatMap(name => [...name.childNodes].filter(n => n.nodeType === 3)).flatMap(text =>
                [...text.data.matchAll(/[^ ]+/g)].map(word => {
                    const range = document.createRange();
                    range.setStart(text, word.index);
                    range.setEnd(text, word.index + word[0].length);
                    return [word[0], range.getClientRects().length];
                }));
            """);
        Assert.Contains(lines.EnumerateArray(), l => l[0].GetString() is "stacks=auto");
        Assert.All(lines.EnumerateArray(), l => Assert.Equal(1, l[1].GetInt32()));
    }

    [Fact]
    public async Task Curves_are_the_report_s_and_follow_what_is_chosen_by_keyboard()
    {
        ComparisonReport report = SampleComparison.Make("t", Names);
        ComparisonRow[] rows = [.. report.Rows.Where(r => r.Latency.Count > 0)];
        await using PageBrowser browser = await PageBrowser.OpenAsync(Page(report));

        await AssertCurves(browser, "#latency figure", [.. rows.Select(r => Curve(r.Latency.Single(l => l.Kind == "all" && l.SizeLow == 0)))], 1e-3);
        await AssertCurves(browser, "#memory figure", [.. rows.Select(r => r.Memory.Select(p => ((double)p.Calls, (double)p.ResidentBytes)).ToArray()),
            [.. rows[0].Memory.Select(p => ((double)p.Calls, (double)p.LiveBytes))]], 0);

        await browser.Page.FocusAsync("#latency select");
        await browser.Page.Keyboard.PressAsync("ArrowDown");
        await AssertCurves(browser, "#latency figure", [.. rows.Select(r => Curve(r.Latency.Single(l => l.Kind == "malloc" && l.SizeLow == 0)))], 1e-3);
        await browser.Page.FocusAsync("fieldset.choice input");
        await browser.Page.Keyboard.PressAsync("Space");
        await AssertCurves(browser, "#latency figure", [.. rows.Skip(1).Select(r => Curve(r.Latency.Single(l => l.Kind == "malloc" && l.SizeLow == 0)))], 1e-3);

        await browser.Page.FocusAsync("#memory .canvas");
        await browser.Page.Keyboard.PressAsync("ArrowRight");
        await browser.Page.Keyboard.PressAsync("ArrowRight");
        Assert.Equal("calls: 1,000", (await browser.EvaluateAsync("return document.querySelector('#memory output').textContent")).GetString());
    }

    [Fact]
    public async Task Names_are_text_whatever_is_in_them_and_however_long()
    {
        string huge = new('y', 1 << 20);
        ComparisonReport report = SampleComparison.Make(Hostile, [Hostile, "second" + Hostile, huge]);
        string file = Page(report);
        string html = File.ReadAllText(file), data = html[(html.IndexOf("id=\"data\">", StringComparison.Ordinal) + 10)..];
        Assert.DoesNotContain(data[..data.IndexOf("</script>", StringComparison.Ordinal)], c => c is '<' or '>' or '&' or > '~');

        await using PageBrowser browser = await PageBrowser.OpenAsync(file);
        JsonElement seen = await browser.EvaluateAsync("""
            return {
                title: document.title, text: document.body.innerText, images: document.images.length,
                scripts: document.scripts.length, width: document.documentElement.scrollWidth,
            };
            """);
        Assert.StartsWith("Allocators compared on ", seen.GetProperty("title").GetString(), StringComparison.Ordinal);
        Assert.Equal((0, 2), (seen.GetProperty("images").GetInt32(), seen.GetProperty("scripts").GetInt32()));
        string text = seen.GetProperty("text").GetString()!;
        Assert.Contains("second</script><script>document.title='owned'</script>", text, StringComparison.Ordinal);
        Assert.Contains("\\u202e\\u2028", text, StringComparison.Ordinal);
        Assert.DoesNotContain(text, c => c is '\u202e' or '\u2028');
        Assert.InRange(text.Length, 1, 1 << 17); // cut where it is shown
        Assert.InRange(seen.GetProperty("width").GetInt32(), 1, 801);
        AssertNone(await MismatchesAsync(browser, SampleComparison.Json(report)));
        AssertQuiet(browser, file);
    }

    [Fact]
    public async Task A_browser_lets_the_page_ask_for_nothing()
    {
        string file = Page(SampleComparison.Make("t", Names));
        await using PageBrowser browser = await PageBrowser.OpenAsync(file);
        AssertQuiet(browser, file);

        // The control: a script that got in would be refused, and told.
        JsonElement refused = await browser.EvaluateAsync("""
            return (async () => {
                const violated = new Promise(resolve => document.addEventListener("securitypolicyviolation", e => resolve(e.effectiveDirective)));
                const fetched = await fetch("http://127.0.0.1:9/").then(() => "fetched", () => "refused");
                const script = document.createElement("script");
                script.textContent = "document.title = 'owned'";
                document.body.append(script);
                return [fetched, await violated, document.title];
            })();
            """);
        Assert.Equal(Refused, refused.EnumerateArray().Take(2).Select(e => e.GetString()));
        Assert.NotEqual("owned", refused[2].GetString());
        Assert.NotEmpty(browser.Problems);
    }

    [Fact]
    public async Task It_fits_a_telephone_the_dark_and_the_keyboard()
    {
        await using PageBrowser browser = await PageBrowser.OpenAsync(Page(SampleComparison.Make("t", Names)));
        await browser.Page.SetViewportAsync(new ViewPortOptions { Width = 400, Height = 800 });
        // Charts follow the width once they are told of it.
        await browser.Page.WaitForFunctionAsync("() => document.documentElement.scrollWidth <= 400");

        const string Background = "return getComputedStyle(document.body).backgroundColor";
        string? light = (await browser.EvaluateAsync(Background)).GetString();
        await browser.Page.EmulateMediaFeaturesAsync([new MediaFeatureValue { MediaFeature = MediaFeature.PrefersColorScheme, Value = "dark" }]);
        Assert.NotEqual(light, (await browser.EvaluateAsync(Background)).GetString());

        var stops = new List<string>();
        for (int i = 0; i < 40; i++)
        {
            await browser.Page.Keyboard.PressAsync("Tab");
            stops.Add((await browser.EvaluateAsync(
                "const e = document.activeElement; return e === document.body ? '' : `${e.tagName} ${getComputedStyle(e).outlineStyle}`")).GetString()!);
        }
        stops.RemoveAll(s => s.Length == 0);
        Assert.All(Stops, tag => Assert.Contains($"{tag} solid", stops));
        Assert.All(stops, s => Assert.EndsWith(" solid", s, StringComparison.Ordinal)); // where the focus is can be seen
        JsonElement unnamed = await browser.EvaluateAsync("""
            return [...document.querySelectorAll("[role=img], [role=region], select, input")]
                .filter(e => !e.getAttribute("aria-label") && !e.closest("label")).map(e => e.outerHTML.slice(0, 80));
            """);
        Assert.Empty(unnamed.EnumerateArray());
    }

    [Fact]
    public async Task Fifty_configurations_on_four_traces_fit_three_megabytes_and_each_trace_can_be_shown()
    {
        string[] names = [.. Enumerable.Range(0, 50).Select(i => $"jemalloc,MALLOC_CONF=narenas:{i}")];
        ComparisonReport one = SampleComparison.Make("one", names, blocks: 20, classes: 14, points: 400);
        ComparisonReport four = one with
        {
            Trace = "four",
            Rows = [.. one.Rows.Select((r, i) => i == 0 ? r with { Allocator = r.Allocator with { Name = "a" } } : r)],
        };
        string file = Page(one, one with { Trace = "two" }, one with { Trace = "three" }, four);
        Assert.InRange(new FileInfo(file).Length, 1_000_000, ComparisonHtml.SizeMax);

        await using PageBrowser browser = await PageBrowser.OpenAsync(file);
        AssertNone(await MismatchesAsync(browser, SampleComparison.Json(one), "#trace-0"));
        JsonElement timing = await browser.EvaluateAsync("return performance.getEntriesByType('navigation')[0].loadEventEnd");
        TestContext.Current.SendDiagnosticMessage($"{new FileInfo(file).Length} bytes, loaded in {timing.GetDouble():0} ms");
        Assert.Equal(0, (await browser.EvaluateAsync("return document.querySelectorAll('#trace-3 table').length")).GetInt32()); // made when it is opened
        await browser.Page.ClickAsync("nav a[href='#trace-3']");
        await browser.Page.WaitForSelectorAsync("#trace-3 .forest tbody th");
        Assert.Equal("a", (await browser.EvaluateAsync("return document.querySelector('#trace-3 .forest tbody th').textContent")).GetString());
        AssertNone(await MismatchesAsync(browser, SampleComparison.Json(four), "#trace-3"));
    }

    [Fact]
    public async Task Means_over_traces_are_drawn_first_as_the_summary_has_them_and_their_dots_are_the_traces()
    {
        ComparisonReport report = SampleComparison.Make(Hostile + "/one", Names);
        ComparisonReport[] reports = [report, report with { Trace = Hostile, Runs = [] }, SampleComparison.Make("three", Names, blocks: 20)];
        CorpusSummary summary = SampleComparison.Corpus(reports).Summary!;
        string file = Page(reports);
        await using PageBrowser browser = await PageBrowser.OpenAsync(file);
        JsonElement[] drawn = [.. (await browser.EvaluateAsync(ReadForests.Replace("PLACE", "#means", StringComparison.Ordinal))).EnumerateArray()];
        Assert.Equal(summary.Primary.Count * summary.Rows.Count - 1, drawn.Length); // noop has no memory
        foreach ((MeanRow row, int place) in summary.Rows.Select((r, i) => (r, i)))
        {
            foreach (MeanFigure figure in row.Figures)
            {
                JsonElement[] found = [.. drawn.Where(d => d.GetProperty("metric").GetString() == figure.Metric && d.GetProperty("row").GetInt32() == place)];
                if (figure.Ratio is not { } ratio)
                {
                    Assert.All(found, f => Assert.Equal("no mean", f.GetProperty("claim").GetString()));
                    continue;
                }
                AssertDrawn(ratio.Estimate, Assert.Single(found).GetProperty("estimate"));
                AssertDrawn(ratio.Low!.Value, found[0].GetProperty("low"));
                AssertDrawn(ratio.High!.Value, found[0].GetProperty("high"));
                Assert.Null(WrongRuns(reports.Select(r => r.Rows[place][Metric.Of(figure.Metric)!]!.Ratio!.Estimate), found[0]));
            }
        }
        JsonElement seen = await browser.EvaluateAsync("""
            return { parts: [...document.querySelectorAll("main > [id]")].map(e => e.id), text: document.body.innerText, scripts: document.scripts.length };
            """);
        Assert.Equal(PartsOfPage, seen.GetProperty("parts").EnumerateArray().Select(e => e.GetString()));
        Assert.Equal(2, seen.GetProperty("scripts").GetInt32());
        Assert.Contains("broken has no mean: it failed on ", seen.GetProperty("text").GetString(), StringComparison.Ordinal);
        await browser.Page.SetViewportAsync(new ViewPortOptions { Width = 400, Height = 800 });
        await browser.Page.WaitForFunctionAsync("() => document.documentElement.scrollWidth <= 400");
        AssertQuiet(browser, file);

        void AssertDrawn(double expected, JsonElement found) => Assert.Equal(expected, found.GetDouble(), expected * Tolerance);
    }

    private static void NeedPage()
    {
        try
        {
            _ = ComparisonHtml.Template();
        }
        catch (PageMissingException)
        {
            Assert.Skip("the page is not built in: ./build.sh build makes it, with Node.js");
        }
    }

    private string Page(params ComparisonReport[] reports)
    {
        NeedPage();
        Programs.Need("chromium");
        string file = _directory["page.html"];
        using FileStream output = File.Create(file);
        ComparisonHtml.Write(ComparisonHtml.Template(), SampleComparison.Corpus(reports), $"allocreplay compare {Hostile}", DateTimeOffset.UnixEpoch, output);
        return file;
    }

    /// <summary>Differences between what the forest plots show and what the JSON of a report has, a line each.</summary>
    private static async Task<List<string>> MismatchesAsync(PageBrowser browser, string json, string place = "body")
    {
        using JsonDocument document = JsonDocument.Parse(json);
        JsonElement report = document.RootElement, rows = report.GetProperty("rows");
        string[] primary = [.. report.GetProperty("primary").EnumerateArray().Select(p => p.GetProperty("metric").GetString()!)];
        JsonElement[] drawn = [.. (await browser.EvaluateAsync(ReadForests.Replace("PLACE", place, StringComparison.Ordinal))).EnumerateArray()];
        var mismatches = new List<string>();
        int expected = 0;
        foreach (string metric in primary)
        {
            ILookup<int, double> runs = RatiosOf(report, metric);
            for (int row = 0; row < rows.GetArrayLength(); row++)
            {
                JsonElement[] figures = [.. rows[row].GetProperty("figures").EnumerateArray().Where(f => f.GetProperty("metric").GetString() == metric)];
                bool isFailed = rows[row].GetProperty("failure").ValueKind != JsonValueKind.Null;
                if (figures.Length == 0 && !isFailed)
                    continue;
                expected++;
                JsonElement found = drawn.Single(d => d.GetProperty("metric").GetString() == metric && d.GetProperty("row").GetInt32() == row);
                string at = $"{metric} of row {row}";
                if (isFailed && found.GetProperty("claim").GetString() != "failed")
                    mismatches.Add($"{at}: not failed");
                if (figures.Length == 0 || figures[0].GetProperty("ratio") is not { ValueKind: JsonValueKind.Object } ratio)
                    continue;
                foreach (string part in Parts)
                {
                    // What lies beyond the axis, as a reference may, is drawn as an arrow at its end.
                    bool isBeyond = part == "estimate" && rows[row].GetProperty("role").GetString() == "reference" && IsNull(found.GetProperty(part));
                    if (!isBeyond && !Same(ratio.GetProperty(part), found.GetProperty(part)))
                        mismatches.Add($"{at}: {part} is {ratio.GetProperty(part)}, drawn {found.GetProperty(part)}");
                }
                if (!figures[0].GetProperty("verdict").ValueKind.Equals(JsonValueKind.Null)
                    && ClaimOf(figures[0].GetProperty("verdict").GetString()!, metric) is var claim && claim != found.GetProperty("claim").GetString())
                    mismatches.Add($"{at}: claimed {claim}, shown {found.GetProperty("claim")}");
                if (WrongRuns(runs[row], found) is { } wrong)
                    mismatches.Add($"{at}: {wrong}");
            }
        }
        if (expected != drawn.Length)
            mismatches.Add($"{expected} rows, drawn {drawn.Length}");
        return mismatches;
    }

    /// <summary>What is wrong with how runs are drawn: each is a dot in its place, or an arrow at the end of the axis that it lies beyond.</summary>
    private static string? WrongRuns(IEnumerable<double> expected, JsonElement row)
    {
        double[] runs = [.. expected.Order()], dots = [.. row.GetProperty("runs").EnumerateArray().Select(d => d.GetDouble()).Order()];
        int below = row.GetProperty("below").GetInt32(), above = row.GetProperty("above").GetInt32();
        double low = row.GetProperty("axis")[0].GetDouble() * (1 - Tolerance), high = row.GetProperty("axis")[1].GetDouble() * (1 + Tolerance);
        if (runs.Length == 0)
            return "no runs";
        if (runs.Length != below + dots.Length + above)
            return $"{runs.Length} runs, drawn {below} below the axis, {dots.Length} on it, {above} above";
        bool areInPlace = dots.All(d => d >= low && d <= high)
            && runs.Skip(below).Zip(dots).All(d => Math.Abs(d.First / d.Second - 1) < Tolerance);
        bool areBeyond = runs.Take(below).All(r => r < low * (1 + 2 * Tolerance)) && runs.TakeLast(above).All(r => r > high * (1 - 2 * Tolerance));
        return areInPlace && areBeyond ? null : "a run is drawn where it is not";
    }

    /// <summary>Of runs, by row.</summary>
    private static ILookup<int, double> RatiosOf(JsonElement report, string metric) => report.GetProperty("runs").EnumerateArray()
        .Where(r => r.GetProperty("ratios").TryGetProperty(metric, out _))
        .ToLookup(r => r.GetProperty("row").GetInt32(), r => r.GetProperty("ratios").GetProperty(metric).GetDouble());

    private static bool IsNull(JsonElement value) => value.ValueKind == JsonValueKind.Null;

    private static bool Same(JsonElement expected, JsonElement drawn) =>
        IsNull(expected) || IsNull(drawn) ? IsNull(expected) && IsNull(drawn) : Math.Abs(expected.GetDouble() / drawn.GetDouble() - 1) < Tolerance;

    private static string ClaimOf(string verdict, string metric) => (verdict, metric) switch
    {
        ("higher", "speed") => "faster",
        ("lower", "speed") => "slower",
        ("higher", _) => "more",
        ("lower", _) => "less",
        _ => verdict.Replace('_', ' '),
    };

    /// <summary>Points as they are drawn: the share of calls that took longer, and their time, rising.</summary>
    private static (double X, double Y)[] Curve(LatencyFacts l) => [.. l.Curve.Select(p => (Math.Max(1 - p[1], 0.5 / l.Count), p[0])).Reverse()];

    private static async Task AssertCurves(PageBrowser browser, string figure, (double X, double Y)[][] expected, double tolerance)
    {
        JsonElement drawn = await browser.EvaluateAsync($$"""
            const u = document.querySelector("{{figure}}").chart, x = [...u.data[0]];
            const curves = u.data.slice(1).map(values => x.map((value, i) => [value, values[i]]).filter(([, y]) => y != null));
            const ink = curves.map(curve => {
                const [px, py] = curve[Math.floor(curve.length / 2)];
                const [left, top] = [u.valToPos(px, "x", true), u.valToPos(py, "y", true)].map(Math.round);
                return [...u.ctx.getImageData(left - 2, top - 2, 5, 5).data].some((v, i) => i % 4 === 3 && v > 100);
            });
            return { curves, ink };
            """);
        JsonElement[] curves = [.. drawn.GetProperty("curves").EnumerateArray()];
        Assert.Equal(expected.Length, curves.Length);
        Assert.All(drawn.GetProperty("ink").EnumerateArray(), ink => Assert.True(ink.GetBoolean())); // on the canvas too
        for (int i = 0; i < curves.Length; i++)
        {
            (double X, double Y)[] points = [.. curves[i].EnumerateArray().Select(p => (p[0].GetDouble(), p[1].GetDouble()))];
            Assert.Equal(expected[i].Length, points.Length);
            foreach (((double X, double Y) wanted, (double X, double Y) found) in expected[i].Zip(points))
            {
                Assert.InRange(found.X, wanted.X * (1 - tolerance), wanted.X * (1 + tolerance));
                Assert.InRange(found.Y, wanted.Y * (1 - tolerance), wanted.Y * (1 + tolerance));
            }
        }
    }

    /// <summary>With another speed of one of the second configuration's runs, relative to the first.</summary>
    private static ComparisonReport WithRun(ComparisonReport report, int number, double ratio)
    {
        RunFigures run = report.Runs.Where(r => r.Row == RowOfSecond && r.Ratios.ContainsKey("speed")).ElementAt(number);
        RunFigures other = run with { Ratios = new Dictionary<string, double>(run.Ratios) { ["speed"] = ratio } };
        return report with { Runs = [.. report.Runs.Select(r => r == run ? other : r)] };
    }

    /// <summary>With size classes of calls of these kinds alone.</summary>
    private static ComparisonReport WithSizes(ComparisonReport report, params string[] kinds) => report with
    {
        Rows = [.. report.Rows.Select(r => r with { Latency = [.. r.Latency.Where(l => l.SizeLow == 0 || kinds.Contains(l.Kind))] })],
    };

    /// <summary>How the speed of the second configuration is drawn.</summary>
    private static async Task<JsonElement> RowAsync(PageBrowser browser) =>
        (await browser.EvaluateAsync(ReadForests.Replace("PLACE", "body", StringComparison.Ordinal))).EnumerateArray()
            .Single(d => d.GetProperty("metric").GetString() == "speed" && d.GetProperty("row").GetInt32() == RowOfSecond);

    private static async Task<string[]> TextsAsync(PageBrowser browser, string selector) =>
        [.. (await browser.EvaluateAsync($"return [...document.querySelectorAll(`{selector}`)].map(e => e.textContent)")).EnumerateArray()
            .Select(t => t.GetString()!)];

    private static async Task AssertTextsAsync(PageBrowser browser, string selector, params string[] expected) =>
        Assert.Equal(expected, await TextsAsync(browser, selector));

    private static void AssertNone(List<string> mismatches) => Assert.True(mismatches.Count == 0, string.Join('\n', mismatches));

    private static void AssertQuiet(PageBrowser browser, string file)
    {
        Assert.Equal([new Uri(file).AbsoluteUri], browser.Requests.Where(r => !r.StartsWith("data:", StringComparison.Ordinal)));
        Assert.Empty(browser.Problems);
    }
}
