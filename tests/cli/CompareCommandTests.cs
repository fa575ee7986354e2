using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using AllocReplay.Cli;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>compare</c> as it is typed: what it prints, and what it exits with.</summary>
[StartsProcesses]
public sealed partial class CompareCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _command = new();

    public CompareCommandTests() => TraceGenerator.Write(_directory["t.allocrec"], seed: 3, threads: 2, calls: 3000);

    private string Trace => _directory["t.allocrec"];

    public void Dispose()
    {
        _command.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void It_prints_a_row_for_every_allocator_within_a_hundred_columns()
    {
        Assert.Equal(ExitCode.Ok, _command.Run("compare", Trace, "--runs", "3", "--seed", "1", "--allocator", "glibc,glibc,MALLOC_ARENA_MAX=1,noop"));

        string[] lines = _command.Output.Split('\n');
        Assert.All((string[])["noop", "glibc,MALLOC_ARENA_MAX=1", "(itself, again)", "too few runs"],
            text => Assert.Contains(lines, l => l.Contains(text, StringComparison.Ordinal)));
        Assert.All(lines, l => Assert.True(l.Length <= 100, l));
        Assert.Contains("--seed 1", _command.Error);
    }

    [Fact]
    public void Plans_that_were_kept_are_taken_by_the_next_comparison()
    {
        string[] compare = ["compare", Trace, "--runs", "1", "--no-references", "--allocator", "glibc", "--keep-plans", _directory["plans"]];
        Assert.Equal(ExitCode.Ok, _command.Run(compare));
        string[] plans = [.. Directory.GetFiles(_directory["plans"]).Order(StringComparer.Ordinal)];
        Assert.Equal([_directory["plans/t.allocrec.deps.plan"], _directory["plans/t.allocrec.total.plan"]], plans);
        Assert.All(plans, p => Assert.Contains($"Wrote {p}.", _command.Error));
        Assert.Equal(ExitCode.Ok, _command.Run(compare));
        Assert.All(plans, p => Assert.Contains($"Taking the plan that was kept as {p}.", _command.Error));

        // A plan of something else is made anew: the trace was recorded again, or has another's name. What is no plan is somebody's.
        File.Copy(plans[0], plans[1], overwrite: true);
        Assert.Equal(ExitCode.Ok, _command.Run(compare));
        Assert.Contains("in the order deps: it is made anew", _command.Error);
        Assert.Contains($"Wrote {plans[1]}.", _command.Error);
        File.WriteAllText(plans[1], "mine");
        Assert.Equal(ExitCode.Usage, _command.Run(compare));
        Assert.Equal("mine", File.ReadAllText(plans[1]));
        Assert.Equal(ExitCode.Ok, _command.Run([.. compare, "--force"]));
    }

    [Theory]
    [InlineData("glibc", new[] { "glibc", "glibc", "noop", "ideal" })]
    [InlineData("glibc,ideal", new[] { "glibc", "glibc", "ideal", "noop" })]
    [InlineData("glibc", new[] { "glibc", "glibc" }, "--no-references")]
    [InlineData("glibc,noop", new[] { "glibc", "glibc", "noop" }, "--no-references")]
    public void What_no_allocator_can_do_better_stands_beside_them_unless_left_out(string allocators, string[] rows, params string[] more)
    {
        Assert.Equal(ExitCode.Ok, _command.Run(["compare", Trace, "--runs", "1", "--allocator", allocators, "--json", .. more]));

        using JsonDocument json = JsonDocument.Parse(_command.Output);
        Assert.Equal(rows, json.RootElement.GetProperty("rows").EnumerateArray().Select(r => r.GetProperty("allocator").GetProperty("name").GetString()));
    }

    [Fact]
    public void Its_json_has_a_figure_for_each_metric_every_run_and_the_twin()
    {
        Assert.Equal(ExitCode.Ok, _command.Run("compare", Trace, "--runs", "2", "--allocator", "glibc,glibc,MALLOC_ARENA_MAX=1,noop", "--json"));

        using JsonDocument json = JsonDocument.Parse(_command.Output);
        JsonElement[] rows = [.. json.RootElement.GetProperty("rows").EnumerateArray()];
        Assert.Equal(["baseline", "twin", "compared", "reference", "reference"], rows.Select(r => r.GetProperty("role").GetString()));
        Assert.Equal("MALLOC_ARENA_MAX=1", rows[2].GetProperty("allocator").GetProperty("environment")[0].GetString());
        foreach (JsonElement metric in json.RootElement.GetProperty("metrics").EnumerateArray())
        {
            string name = metric.GetProperty("name").GetString()!;
            // What the machine may not count, and what is looked at only where there is time for it.
            if (name is "instructions" or "cache_misses" || name.StartsWith("rss_after_", StringComparison.Ordinal))
                continue;
            JsonElement figure = rows[0].GetProperty("figures").EnumerateArray().Single(f => f.GetProperty("metric").GetString() == name);
            double[] values = [.. json.RootElement.GetProperty("runs").EnumerateArray()
                .Where(r => r.GetProperty("row").GetInt32() == 0 && r.GetProperty("figures").TryGetProperty(name, out _))
                .Select(r => r.GetProperty("figures").GetProperty(name).GetDouble())];
            Assert.Equal(values.Min(), figure.GetProperty("spread").GetProperty("min").GetDouble());
            Assert.Equal(JsonValueKind.Null, figure.GetProperty("ratio").ValueKind);
        }
    }

    [Theory]
    [InlineData("glibc.peak_rss > 1GiB", ExitCode.Ok, "passed: 'glibc.peak_rss > 1GiB' does not hold")]
    [InlineData("glibc.peak_rss > 1k", ExitCode.Failed, "FAILED: 'glibc.peak_rss > 1k' holds")]
    public void A_gate_decides_the_exit_code(string condition, int code, string line)
    {
        Assert.Equal(code, _command.Run("compare", Trace, "--runs", "6", "--no-references", "--allocator", "glibc", "--fail-if", condition));
        Assert.Contains(line, _command.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_of_a_command_is_also_asked_for_by_its_name()
    {
        Assert.Equal(ExitCode.Ok, _command.Run("help", "compare"));
        Assert.Contains("--max-regression", _command.Output, StringComparison.Ordinal);
    }

    /// <summary>A pipe tells no length.</summary>
    [Fact]
    public void A_baseline_may_come_through_a_pipe()
    {
        string[] compared = ["compare", Trace, "--runs", "1", "--no-references", "--allocator", "glibc"];
        Assert.Equal(ExitCode.Ok, _command.Run([.. compared, "--json"]));
        File.WriteAllText(_directory["base.json"], _command.Output);
        string script = $"exec allocreplay {string.Join(' ', compared)} --baseline <(cat base.json)";
        ProgramResult result = Programs.Run("bash", ["-c", script], start => Prepare(start, budget: "2s"));
        Assert.True(result.ExitCode == ExitCode.Ok, result.Error);
    }

    [Fact]
    public void A_gate_is_told_where_json_takes_the_output()
    {
        Assert.Equal(ExitCode.Failed, _command.Run("compare", Trace, "--runs", "6",
            "--no-references", "--allocator", "glibc", "--fail-if", "glibc.peak_rss > 1k", "--json"));
        Assert.Contains("FAILED: 'glibc.peak_rss > 1k' holds: the left is ", _command.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_few_runs_say_how_many_are_needed()
    {
        Assert.Equal(ExitCode.Ok, _command.Run("compare", Trace, "--runs", "5", "--no-references", "--allocator", "glibc", "--fail-if", "glibc.peak_rss > 1k"));
        Assert.Contains("of too few runs for an interval (6 are needed)", _command.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("it is of another trace", "\"calls\": ", "\"calls\": 1")]
    [InlineData("it was made with --touch full", "\"touch\": \"page\"", "\"touch\": \"full\"")]
    [InlineData("put that first here, too, not glibc", "\"name\": \"glibc\"", "\"name\": \"other\"")]
    public void A_baseline_of_something_else_is_refused_before_anything_runs(string problem, string old, string planted)
    {
        string[] compared = ["compare", Trace, "--runs", "1", "--no-references", "--allocator", "glibc,glibc,MALLOC_ARENA_MAX=1"];
        Assert.Equal(ExitCode.Ok, _command.Run([.. compared, "--json"]));
        string json = _command.Output;
        File.WriteAllText(_directory["same.json"], json);
        Assert.Equal(ExitCode.Ok, _command.Run([.. compared, "--baseline", _directory["same.json"]])); // the control
        Assert.Contains(old, json, StringComparison.Ordinal);
        File.WriteAllText(_directory["base.json"], json.Replace(old, planted, StringComparison.Ordinal));
        Assert.Equal(ExitCode.BadInput, _command.Run([.. compared, "--baseline", _directory["base.json"]]));
        Assert.Contains(problem, _command.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Comparing", _command.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("what stands before speed is a factor, and has no unit", "--fail-if", "glibc.speed < 5ms * glibc.speed")]
    [InlineData("peak_rss is no time", "--fail-if", "glibc.peak_rss > 2us")]
    [InlineData("speed is no memory", "--fail-if", "5MiB > glibc.speed")]
    [InlineData("--runs 0: expected 1 to 1000", "--runs", "0")]
    [InlineData("--precision 1%%: expected a percentage", "--precision", "1%%")]
    [InlineData("--baseline: expected a file name, found none", "--baseline", "")]
    [InlineData("--html: expected a file name, found none", "--html", "")]
    [InlineData("--precision x: expected a percentage", "--precision", "x")]
    [InlineData("--budget 0: expected a time", "--budget", "0")]
    [InlineData("--primary spede: no such figure; known: speed,", "--primary", "spede")]
    [InlineData("no configuration is called jemalloc; there are glibc", "--fail-if", "jemalloc.speed > 1")]
    [InlineData("--max-regression 5%: name what it is held against", "--max-regression", "5%")]
    public void What_makes_no_sense_is_said_before_anything_runs(string problem, params string[] arguments)
    {
        Assert.Equal(ExitCode.Usage, _command.Run(["compare", Trace, "--no-references", "--allocator", "glibc", .. arguments]));
        Assert.Contains(problem, _command.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_is_compared_trace_by_trace_and_what_is_damaged_is_told_at_the_end()
    {
        TraceGenerator.Write(_directory["corpus/b.allocrec"], seed: 4, threads: 1, calls: 2000);
        Assert.Equal(ExitCode.Ok, _command.Run("pack", Trace, "-o", _directory["corpus/a.alloctrace"]));
        File.WriteAllText(_directory["corpus/damaged.alloctrace"], "no trace");
        File.WriteAllText(_directory["corpus/notes.txt"], "mine");
        string[] arguments = ["compare", _directory["corpus"], "--no-references", "--allocator", "glibc,glibc,MALLOC_ARENA_MAX=1", "--seed", "5"];

        Assert.Equal(ExitCode.BadInput, _command.Run([.. arguments, "--runs", "2", "--fail-if", "glibc.peak_rss > 1GiB"]));
        string text = _command.Output;
        string[] order =
            ["a.alloctrace: ", "b.allocrec: ", "Geometric means over 2 of the 3 traces", "damaged.alloctrace not compared: expected a recording directory"];
        Assert.Equal(order.Select(o => text.IndexOf(o, StringComparison.Ordinal)).Order(), order.Select(o => text.IndexOf(o, StringComparison.Ordinal)));
        Assert.All(order, o => Assert.Contains(o, text, StringComparison.Ordinal));
        Assert.Contains("passed on 2 of 2 traces", text, StringComparison.Ordinal);
        Assert.Contains("notes.txt (no traces)", _command.Error, StringComparison.Ordinal);
        Assert.Contains("Comparing 2 configurations on b.allocrec, 2 of 3 (seed 6)", _command.Error, StringComparison.Ordinal);

        // What was found comes before what could not be looked at.
        Assert.Equal(ExitCode.Failed, _command.Run([.. arguments, "--runs", "6", "--fail-if", "glibc.peak_rss > 1k"]));
        Assert.Contains("FAILED on a.alloctrace: 'glibc.peak_rss > 1k'", _command.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_process_image_is_a_trace_and_those_with_few_calls_are_left_out()
    {
        string trace = _directory["many.allocrec"];
        TraceGenerator.Write(trace, seed: 5, threads: 1, calls: 30_000);
        Assert.Equal(ExitCode.Ok, _command.Run("compare", trace, "--process", "all", "--no-references", "--allocator", "glibc", "--runs", "1", "--json"));
        using JsonDocument json = JsonDocument.Parse(_command.Output);
        JsonElement one = Assert.Single(json.RootElement.GetProperty("traces").EnumerateArray());
        Assert.StartsWith("many.allocrec p", one.GetProperty("name").GetString(), StringComparison.Ordinal);
        Assert.Equal(ExitCode.BadInput, _command.Run("compare", Trace, "--process", "all",
            "--no-references", "--allocator", "glibc", "--runs", "1")); // 3000 calls
        Assert.Contains("no process image with 10,000 calls", _command.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Compiling", _command.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Ok, _command.Run("compare", Trace, trace, "--process", "all", "--no-references", "--allocator", "glibc", "--runs", "1"));
        Assert.Contains("1 of 1 process image", _command.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_trace_is_never_replaced_by_what_is_made_of_it()
    {
        string trace = _directory["x.alloctrace"];
        Assert.Equal(ExitCode.Ok, _command.Run("pack", Trace, "-o", trace));
        byte[] before = File.ReadAllBytes(trace);
        foreach (string option in (string[])["--csv", "--md", "--html"])
        {
            Assert.Equal(ExitCode.Usage, _command.Run("compare", trace, "--no-references", "--allocator", "glibc", "--runs", "1", option, trace, "--force"));
            Assert.Contains("x.alloctrace: is a packed trace; choose another name", _command.Error, StringComparison.Ordinal);
        }
        Assert.Equal(ExitCode.Usage, _command.Run("replay", trace, "--keep-plan", trace, "--force"));
        Assert.Contains("x.alloctrace: is a packed trace; choose another name", _command.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, _command.Run("replay", trace, "--keep-plan", _directory["y"], "--record", _directory["y"]));
        Assert.Equal(before, File.ReadAllBytes(trace));
    }

    [Fact]
    public void What_is_no_plan_where_one_is_kept_is_told_and_the_other_traces_are_compared()
    {
        TraceGenerator.Write(_directory["u.allocrec"], seed: 4, threads: 1, calls: 2000);
        string plans = Directory.CreateDirectory(_directory["plans"]).FullName;
        string pipe = Path.Combine(plans, "t.allocrec.deps.plan");
        Programs.Run("mkfifo", [pipe]);
        string[] keeping = ["--no-references", "--allocator", "glibc", "--runs", "1", "--keep-plans", plans];

        Assert.Equal(ExitCode.Usage, _command.Run(["compare", Trace, .. keeping]));
        Assert.Contains("t.allocrec.deps.plan: is a pipe; choose another directory", _command.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, _command.Run("replay", Trace, "--keep-plan", pipe, "--force"));
        Assert.Equal(ExitCode.Usage, _command.Run(["compare", Trace, _directory["u.allocrec"], .. keeping]));
        Assert.Contains("t.allocrec not compared: --keep-plans", _command.Error, StringComparison.Ordinal);
        Assert.Contains("u.allocrec: 1,", _command.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Plans_of_traces_whose_names_are_alike_are_kept_apart()
    {
        foreach (string name in (string[])["n/a/b_x", "n/c/b_x", "n/a_b/x", "n/d/x"])
            TraceGenerator.Write(_directory[name], seed: name.Length + name[2], threads: 1, calls: 200);
        string[] traces = [.. ((string[])["n/a/b_x", "n/c/b_x", "n/a_b/x", "n/d/x"]).Select(n => _directory[n])];
        string[] arguments = ["compare", .. traces, "--no-references", "--allocator", "glibc", "--runs", "1", "--keep-plans", _directory["plans"]];
        Assert.Equal(ExitCode.Ok, _command.Run(arguments));
        Assert.Equal(8, Directory.GetFiles(_directory["plans"]).Length);
        Assert.Equal(ExitCode.Ok, _command.Run(arguments));
        Assert.DoesNotContain("Wrote", _command.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_is_mistyped_is_told_before_the_others_are_compared()
    {
        Assert.Equal(ExitCode.BadInput, _command.Run("compare", Trace, _directory["nosuch.alloctrace"],
            "--no-references", "--allocator", "glibc", "--runs", "1"));
        Assert.Contains("nosuch.alloctrace: no such trace", _command.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Compiling", _command.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_baseline_of_several_traces_holds_each_against_its_own()
    {
        TraceGenerator.Write(_directory["u.allocrec"], seed: 4, threads: 1, calls: 2000);
        string[] arguments =
            ["compare", Trace, _directory["u.allocrec"], "--no-references", "--allocator", "glibc,glibc,MALLOC_ARENA_MAX=1", "--primary", "peak_rss", "--json"];
        Assert.Equal(ExitCode.Ok, _command.Run([.. arguments, "--runs", "6"]));
        string baseline = _directory["earlier.json"];
        File.WriteAllText(baseline, _command.Output);
        Assert.Equal(ExitCode.Ok, _command.Run([.. arguments, "--runs", "2", "--baseline", baseline, "--max-regression", "90%"]));
        using JsonDocument json = JsonDocument.Parse(_command.Output);
        Assert.All(json.RootElement.GetProperty("traces").EnumerateArray(),
            t => Assert.Equal("passed", Assert.Single(t.GetProperty("report").GetProperty("gate").EnumerateArray()).GetProperty("outcome").GetString()));
        Assert.Equal(ExitCode.BadInput, _command.Run("compare", Trace, _directory["u.allocrec"], "--allocator", "glibc,MALLOC_ARENA_MAX=1,glibc", "--runs", "1",
            "--baseline", baseline));
        Assert.Contains("relative to its first configuration, glibc", _command.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Compiling", _command.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.BadInput, _command.Run("compare", _directory["."], "--no-references", "--allocator", "glibc", "--runs", "1", "--baseline",
            WithOtherNames(baseline)));
        Assert.Contains("it has none of these traces: t.allocrec, u.allocrec", _command.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1s", "--budget 1s is too short for verdicts on 2 traces")]
    [InlineData("5m", null)]
    public void A_time_that_is_too_short_is_told_before_anything_runs(string budget, string? said)
    {
        Directory.CreateDirectory(_directory["empty/a.allocrec"]);
        Directory.CreateDirectory(_directory["empty/b.allocrec"]);
        Assert.Equal(ExitCode.BadInput, _command.Run("compare", _directory["empty"], "--no-references", "--allocator", "glibc", "--budget", budget));
        Assert.Equal(said is not null, _command.Error.Contains(said ?? "too short", StringComparison.Ordinal));
        Assert.DoesNotContain("Comparing", _command.Error, StringComparison.Ordinal);
    }

    private static string WithOtherNames(string baseline)
    {
        File.WriteAllText(baseline, File.ReadAllText(baseline).Replace(".allocrec\"", ".other\"", StringComparison.Ordinal));
        return baseline;
    }

    [Fact]
    public void A_baseline_that_is_not_there_or_is_none_is_bad_input()
    {
        Assert.Equal(ExitCode.BadInput, _command.Run("compare", Trace, "--no-references", "--allocator", "glibc", "--baseline", _directory["none.json"]));
        File.WriteAllText(_directory["other.json"], "[]");
        Assert.Equal(ExitCode.BadInput, _command.Run("compare", Trace, "--no-references", "--allocator", "glibc", "--baseline", _directory["other.json"]));
        Assert.Contains("not what compare --json writes", _command.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_worked_example_of_a_gate_runs_as_it_is_written()
    {
        string guide = File.ReadAllText(Path.Combine(SourceTree.Root, "docs", "guide", "gate-in-ci.md"));
        string script = string.Join('\n', CompareStep().Match(guide).Groups[1].Value.Split('\n').Select(l => l.Trim()));
        Assert.StartsWith("allocreplay compare bench/shop.alloctrace", script, StringComparison.Ordinal);
        Directory.CreateDirectory(_directory["bench"]);
        Assert.Equal(ExitCode.Ok, _command.Run("pack", Trace, "-o", _directory["bench/shop.alloctrace"]));
        File.Copy(Targets.Build("planted_allocator.c", "-shared", "-fPIC"), _directory["libmine.so"]);

        ProgramResult result = Programs.Run("bash", ["-e", "-o", "pipefail", "-c", script], start => Prepare(start, budget: "2s"));
        Assert.True(result.ExitCode == 0, result.Error);
        using (JsonDocument json = JsonDocument.Parse(File.ReadAllText(_directory["compare.json"])))
            Assert.Equal(2, json.RootElement.GetProperty("gate").GetArrayLength());

        // The control: a condition that holds.
        string failing = script.Replace("mine.peak_rss > 1.5 * glibc.peak_rss", "mine.peak_rss > 0.001 * glibc.peak_rss", StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed, Programs.Run("bash", ["-e", "-c", failing], start => Prepare(start, budget: "10s")).ExitCode);
    }

    private void Prepare(ProcessStartInfo start, string budget)
    {
        start.WorkingDirectory = _directory.Path;
        start.Environment["PATH"] = $"{AppContext.BaseDirectory}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["BUDGET"] = budget;
    }

    [GeneratedRegex(@"- name: Compare\n\s+run: \|\n((?:          .*\n)+?)\s+- uses", RegexOptions.None, 1000)]
    private static partial Regex CompareStep();
}
