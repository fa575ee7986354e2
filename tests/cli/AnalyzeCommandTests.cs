using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using AllocReplay.Formats.Recording;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>The commands <c>analyze</c> and <c>query</c> as a user runs them.</summary>
[StartsProcesses]
public sealed class AnalyzeCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public AnalyzeCommandTests() => SampleTrace.Write(_directory["svc.allocrec"]);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Analyze_names_what_it_wrote_and_the_next_command()
    {
        (int code, string output, string notes) = await Run("analyze", "svc.allocrec");

        Assert.Equal(0, code);
        Assert.Matches(@"allocations +8 +1 ", output);
        Assert.Contains("Wrote svc.dataset", notes, StringComparison.Ordinal);
        Assert.Contains("allocreplay query svc.dataset --view", notes, StringComparison.Ordinal);
        Assert.Equal(2, (await Run("analyze", "svc.allocrec")).Code); // it is there now
        Assert.Equal(0, (await Run("analyze", "svc.allocrec", "--force")).Code);
    }

    [Fact]
    public async Task Analyze_prints_json()
    {
        (_, string output, _) = await Run("analyze", "svc.allocrec", "-o", "x", "--json");

        using JsonDocument json = JsonDocument.Parse(output);
        JsonElement image = Assert.Single(json.RootElement.GetProperty("images").EnumerateArray());
        Assert.Equal(8, image.GetProperty("tables")[0].GetProperty("rows").GetInt64());
        Assert.Equal("x", json.RootElement.GetProperty("dataset").GetString());
        Assert.True(image.GetProperty("elapsed_ns").GetInt64() > 0);
    }

    [Fact]
    public async Task A_damaged_trace_exits_3_and_partial_warns()
    {
        SampleTrace.Write(_directory["bad.allocrec"], w => w.Thread(0).Bytes(0x03, 0x3f));

        Assert.Equal(3, (await Run("analyze", "bad.allocrec")).Code);
        Assert.False(Directory.Exists(_directory["bad.dataset"]));
        (int code, _, string notes) = await Run("analyze", "bad.allocrec", "--partial");
        Assert.Equal(0, code);
        Assert.Contains("warning: the trace is damaged", notes, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Query_prints_a_table_json_and_csv()
    {
        await Run("analyze", "svc.allocrec");
        const string Sql = "SELECT size, kind AS \"k,d\", CASE WHEN size > 1 THEN 'a\"b' END AS n, [1, 2] AS l FROM allocations WHERE size < 17 ORDER BY size";

        (_, string table, _) = await Run("query", "svc.dataset", Sql);
        Assert.Matches(@"(?m)^ +16 +malloc +a""b +\[1,2\]$", table);
        Assert.Matches(@"(?m)^ +0 +malloc +NULL ", table);
        (_, string csv, _) = await Run("query", "svc.dataset", Sql, "--csv");
        Assert.Equal("size,\"k,d\",n,l\n0,malloc,,\"[1,2]\"\n1,malloc,,\"[1,2]\"\n16,malloc,\"a\"\"b\",\"[1,2]\"\n", csv);
        (_, string json, _) = await Run("query", "svc.dataset", Sql, "--json", "--limit", "1");
        Assert.Equal("[\n  {\"size\":0,\"k,d\":\"malloc\",\"n\":null,\"l\":[1,2]}\n]\n", json);
    }

    [Fact]
    public async Task A_table_that_is_cut_says_so_on_stderr()
    {
        await Run("analyze", "svc.allocrec");
        string view = "--view=outstanding";

        Assert.Equal("", (await Run("query", "svc.dataset", view)).Notes);
        (_, string output, string notes) = await Run("query", "svc.dataset", "SELECT range FROM range(101)");
        Assert.Contains("first 100 rows", notes, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"(?m)^ +100 +$", output);
        Assert.Equal("", (await Run("query", "svc.dataset", "SELECT range FROM range(100)")).Notes);
    }

    [Theory]
    [InlineData(4, "analyze", "svc.allocrec", "-o", "/proc/allocreplay")]
    [InlineData(2, "query", "svc.dataset", "--view", "nothing")]
    [InlineData(2, "query", "svc.dataset")]
    [InlineData(2, "query")]
    [InlineData(2, "query", "svc.dataset", "SELECT 1", "--json", "--csv")]
    [InlineData(3, "query", "svc.allocrec", "SELECT 1")]
    [InlineData(3, "query", "nowhere", "SELECT 1")]
    [InlineData(3, "analyze", "nowhere")]
    public async Task Mistakes_exit_with_their_code_and_one_line(int expected, params string[] arguments)
    {
        await Run("analyze", "svc.allocrec");

        (int code, string output, string notes) = await Run(arguments);

        Assert.Equal((expected, ""), (code, output));
        Assert.Matches(@"^(analyzing .* …\n)?allocreplay: [^\n]+\n$", notes);
    }

    [Fact]
    public async Task A_damaged_dataset_is_no_mistake_of_the_query()
    {
        await Run("analyze", "svc.allocrec");
        string part = Directory.GetFiles(_directory["svc.dataset/allocations"], "*.parquet", SearchOption.AllDirectories)[0];
        byte[] bytes = File.ReadAllBytes(part);
        int footer = BitConverter.ToInt32(bytes, bytes.Length - 8) + 8;
        bytes.AsSpan(4, bytes.Length - footer - 4).Fill(0xff);
        const string reading = "SELECT sum(size), max(kind) FROM allocations", wrong = "SELECT (SELECT range FROM range(2))";
        Assert.Equal((0, 2), ((await Run("query", "svc.dataset", reading)).Code, (await Run("query", "svc.dataset", wrong)).Code)); // the control
        File.WriteAllBytes(part, bytes);

        (int code, string output, string notes) = await Run("query", "svc.dataset", reading);

        Assert.Equal((3, ""), (code, output));
        Assert.Matches(@"^allocreplay: svc\.dataset: [^\n]+\n$", notes);
        Assert.Equal(3, (await Run("query", "svc.dataset", reading, "--format", "parquet", "-o", "x.parquet")).Code);
        Assert.Equal(2, (await Run("query", "svc.dataset", "SELECT 'x'::INT")).Code);
        Assert.Equal(2, (await Run("query", "svc.dataset", "SELECT nothing FROM allocations")).Code);
    }

    [Fact]
    public async Task A_view_of_call_sites_says_when_there_are_none_and_how_to_get_them()
    {
        await Run("analyze", "svc.allocrec");
        foreach (string[] form in new string[][] { [], ["--csv"], ["--json"] })
        {
            (int code, _, string notes) = await Run(["query", "svc.dataset", "--view", "leak_suspects", .. form]);
            Assert.Equal(0, code);
            Assert.Matches(@"^The dataset has no call stacks[^\n]*'allocreplay record --stacks auto'[^\n]*\n$", notes);
        }
        Assert.Equal("", (await Run("query", "svc.dataset", "--view", "outstanding")).Notes);

        SampleStacks.Write(_directory["stacks.allocrec"]);
        (_, string output, string next) = await Run("analyze", "stacks.allocrec");
        Assert.Matches(@"stack_frames +\d+ +1 ", output);
        Assert.Contains("--view leak_suspects", next, StringComparison.Ordinal);
        Assert.Equal("", (await Run("query", "stacks.dataset", "--view", "leak_suspects")).Notes);
    }

    [Fact]
    public async Task Views_are_listed_with_what_they_answer()
    {
        (int code, string output, _) = await Run("query", "--list-views");

        Assert.Equal(0, code);
        Assert.Matches(@"outstanding +Blocks that were not freed", output);
        (_, string csv, _) = await Run("query", "--list-views", "--csv");
        Assert.Contains("\nlifetime_histogram,\"", csv, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse((await Run("query", "--list-views", "--json")).Output);
        Assert.Contains("outstanding", json.RootElement.GetProperty("views").EnumerateArray().Select(v => v.GetProperty("name").GetString()));
    }

    [Fact]
    public async Task Every_type_is_printed_in_every_form_and_json_parses()
    {
        await Run("analyze", "svc.allocrec");
        const string Sql = "SELECT *, ['nan'::DOUBLE, 1] AS n, 'NaN' AS t, {'a': 'Infinity \"NaN'} AS s, '' AS e FROM test_all_types()";

        foreach (string[] form in new string[][] { [], ["--csv"], ["--json"] })
        {
            (int code, string output, string notes) = await Run(["query", "svc.dataset", Sql, .. form]);
            Assert.Equal((0, ""), (code, notes));
            Assert.Contains("290309-12-22 (BC)", output, StringComparison.Ordinal);
            if (form is not ["--json"])
                continue;
            using JsonDocument json = JsonDocument.Parse(output);
            JsonElement row = json.RootElement[0];
            Assert.Equal("[null,1.0]", row.GetProperty("n").GetRawText());
            Assert.Equal("Infinity \"NaN", row.GetProperty("s").GetProperty("a").GetString());
            Assert.Equal("170141183460469231731687303715884105727", json.RootElement[1].GetProperty("hugeint").GetRawText());
            Assert.Equal(JsonValueKind.Null, json.RootElement[2].GetProperty("double").ValueKind);
        }
    }

    [Fact]
    public async Task Csv_tells_null_from_empty_text_and_a_plan_is_drawn()
    {
        await Run("analyze", "svc.allocrec");

        Assert.Equal("a,b,c\n,\"\",1\n", (await Run("query", "svc.dataset", "SELECT NULL AS a, '' AS b, 1 AS c", "--csv")).Output);
        (int code, string plan, _) = await Run("query", "svc.dataset", "EXPLAIN SELECT 1");
        Assert.Equal(0, code);
        Assert.StartsWith("┌──", plan, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_query_exits_2_with_the_engines_whole_message()
    {
        await Run("analyze", "svc.allocrec");

        (int code, string output, string notes) = await Run("query", "svc.dataset", "SELECT size\nFROM nothing");

        Assert.Equal((2, ""), (code, output));
        Assert.Matches(@"^allocreplay: Catalog Error: .*\n(.*\n)*LINE 2: FROM nothing\n +\^\n$", notes);
        Assert.Contains(
            "There are the tables allocations, threads, timeline, memory, regions, markers, intervals, anomalies, events, sites, stacks, stack_frames, frames, "
                + "modules, process, the views ",
            notes, StringComparison.Ordinal);
        Assert.DoesNotContain("Did you mean", notes, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Analyze_writes_all_images_or_one()
    {
        SampleTrace.Write(_directory["svc.allocrec"], w => w.Thread(0).Malloc(30_000, 0x8000, 1), image: "p200.0");

        (_, string one, string notes) = await Run("analyze", "svc.allocrec", "-o", "one", "--process", "p200.0");
        Assert.DoesNotContain("p100.0", one, StringComparison.Ordinal);
        Assert.Contains("p200.0", notes, StringComparison.Ordinal);
        (int code, string all, notes) = await Run("analyze", "svc.allocrec", "-o", "all");
        Assert.Equal(0, code);
        Assert.Matches(@"(?m)^ +allocations +17 +2 ", all); // both together
        Assert.Single(Regex.Matches(all, "allocations"));
        Assert.Contains(", 2 processes): ", notes, StringComparison.Ordinal);
        Assert.Equal("process,n\np100.0,8\np200.0,9\n",
            (await Run("query", "all", "SELECT process, count(*) AS n FROM allocations GROUP BY ALL ORDER BY ALL", "--csv")).Output);
        using JsonDocument json = JsonDocument.Parse((await Run("analyze", "svc.allocrec", "-o", "all", "--force", "--json")).Output);
        Assert.Equal("allocreplay.analyze/2", json.RootElement.GetProperty("schema").GetString());
        Assert.Equal(9, json.RootElement.GetProperty("images")[0].GetProperty("tables")[0].GetProperty("rows").GetInt64());
    }

    [Fact]
    public async Task A_part_that_an_image_does_not_have_is_told_and_one_that_none_has_is_an_error()
    {
        SampleTrace.Write(_directory["svc.allocrec"], w => w.Mark(MarkEntry.Named, 1, 10_000, "half"), image: "p200.0");

        (int code, string table, string notes) = await Run("analyze", "svc.allocrec", "-o", "half", "--from-mark", "half");
        Assert.Equal(0, code);
        Assert.Contains("nothing was written of 1 process image without that part: ", notes, StringComparison.Ordinal);
        Assert.Contains("no mark half", notes, StringComparison.Ordinal);
        Assert.Contains("process=p200.0", notes, StringComparison.Ordinal);
        (code, table, notes) = await Run("analyze", "svc.allocrec", "-o", "none", "--from-mark", "other");
        Assert.NotEqual(0, code);
        Assert.Contains("no mark other", notes, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory["none"]));
    }

    [Fact]
    public async Task A_stretch_of_time_is_what_lies_in_it()
    {
        SampleTrace.Write(_directory["svc.allocrec"]);
        await Run("analyze", "svc.allocrec", "-o", "part", "--from", "5us", "--to", "25us");
        Assert.Equal("object,end_kind\n4,freed\n5,alive_at_end\n",
            (await Run("query", "part", "SELECT object, end_kind FROM allocations ORDER BY object", "--csv")).Output);
        (int code, _, string notes) = await Run("analyze", "svc.allocrec", "-o", "odd", "--from", "2s", "--to", "1s");
        Assert.Equal(2, code);
        Assert.Contains("--to 1s: expected a time after 2s", notes, StringComparison.Ordinal);
        (code, _, notes) = await Run("dump", "svc.allocrec", "--from", "soon");
        Assert.Equal(2, code);
        Assert.Contains("--from soon: expected a time such as", notes, StringComparison.Ordinal);
    }

    private async Task<(int Code, string Output, string Notes)> Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "allocreplay"), arguments)
        {
            WorkingDirectory = _directory.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> notes = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await notes);
    }
}
