using System.Text.Json;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Corpus;
using AllocReplay.Replayer.Compare.Gate;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>What fails a comparison: only what noise does not explain.</summary>
public sealed class GateTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ReplayPlan[] _plans;

    public GateTests()
    {
        TraceGenerator.Write(_directory.Path, seed: 1, threads: 2, calls: 500);
        _plans = [PlanFile.Compile(_directory.Path), PlanFile.Compile(_directory.Path, ReplayOrder.Total)];
    }

    public void Dispose()
    {
        foreach (ReplayPlan plan in _plans)
            plan.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("slow.speed < 0.9 * fast.speed", GateOutcome.Failed)]
    [InlineData("0.9 * fast.speed > slow.speed", GateOutcome.Failed)]
    [InlineData("slow.speed<=fast.speed", GateOutcome.Failed)]
    [InlineData("slow.speed < 0.4 * fast.speed", GateOutcome.Passed)]
    [InlineData("slow.speed > fast.speed", GateOutcome.Passed)]
    [InlineData("fast.peak_rss > 1MiB", GateOutcome.Failed)]
    [InlineData("fast.peak_rss > 3 MiB", GateOutcome.Passed)]
    [InlineData("\"with,SETTING=1\".speed < 1500", GateOutcome.Failed)]
    [InlineData("fast.cpu > 0.1 us", GateOutcome.Failed)]
    public void A_condition_that_holds_fails_and_one_that_does_not_passes(string condition, GateOutcome outcome) =>
        Assert.Equal(outcome, Condition.Parse(condition).Check(Report()).Outcome);

    [Fact]
    public void What_noise_may_explain_is_inconclusive()
    {
        // In some blocks faster, in more of them slower.
        ComparisonReport report = Report(noise: 0.3);
        GateFinding finding = Condition.Parse("slow.speed < 0.5 * fast.speed").Check(report);
        Assert.True(finding is { Outcome: GateOutcome.Inconclusive or GateOutcome.Passed, Low: < 1, High: > 1 }, finding.ToString());
        Assert.Equal(GateOutcome.Inconclusive, Condition.Parse(FormattableString.Invariant(
            $"slow.speed < {0.5 * finding.Estimate + 0.01} * fast.speed")).Check(report).Outcome);
        Assert.Equal(GateOutcome.Passed, Condition.Parse(FormattableString.Invariant(
            $"slow.speed < {0.5 * finding.Estimate - 0.01} * fast.speed")).Check(report).Outcome);
    }

    [Fact]
    public void Too_few_runs_are_inconclusive_however_far_apart()
    {
        GateFinding finding = Condition.Parse("slow.speed < fast.speed").Check(Report(blocks: 5));
        Assert.Equal((GateOutcome.Inconclusive, null, null), (finding.Outcome, finding.Low, finding.High));
    }

    /// <summary>There is memory for two at once: the first and one other.</summary>
    [Theory]
    [InlineData("\"with,SETTING=1\".speed < 0.01 * slow.speed", GateOutcome.Failed)]
    [InlineData("\"with,SETTING=1\".speed < 0.001 * slow.speed", GateOutcome.Passed)]
    public void Two_that_never_took_turns_with_each_other_are_compared_through_the_first(string condition, GateOutcome outcome)
    {
        ComparisonReport report = Report(availableBytes: 9 * MemoryGuard.NeededBy(_plans[0]));
        ILookup<int, int> rows = report.Runs.Where(r => r.Pass == Pass.Throughput.Name).ToLookup(r => r.Block, r => r.Row);
        Assert.All(rows, block => Assert.Equal(2, block.Count()));
        Assert.Equal(outcome, Condition.Parse(condition).Check(report).Outcome);
    }

    [Theory]
    [InlineData("with,A=\"x,y\"")]
    [InlineData("a*b")]
    public void A_name_may_have_quotes_and_stars(string name)
    {
        Condition.Parse($"\"{name}\".speed > 1").Require([name]);
        if (!name.Contains('*'))
            Condition.Parse($"{name}.speed > 1").Require([name]);
    }

    [Fact]
    public void A_baseline_is_of_the_same_trace_and_says_what_it_lacks()
    {
        ComparisonReport then = Report();
        EarlierReport earlier = Saved(then);
        Configuration[] same = [Named("fast"), Named("slow"), Named("with,SETTING=1")];
        Assert.Empty(earlier.Require(then.Calls, same));
        earlier.RequireOne("any", then.Touch, same);
        Assert.Equal(
            ["new is not in FILE: it is held against nothing", "with,SETTING=1 is in FILE, and not here"],
            earlier.Require(then.Calls, [Named("fast"), Named("slow"), Named("new")])
                .Select(line => line.Replace(Directory.GetFiles(_directory.Path, "*.json").Single(), "FILE", StringComparison.Ordinal)));
        AssertRefused("it is of another trace", () => _ = earlier.Require(then.Calls + 1, same));
        AssertRefused("it was made with --touch page, this is --touch full", () => earlier.RequireOne("any", TouchPolicy.Full, same));
        AssertRefused("relative to its first configuration, fast", () => earlier.RequireOne("any", then.Touch, [Named("slow"), Named("fast")]));
        AssertRefused("it has none of what is compared here: new", () => earlier.RequireOne("any", then.Touch, [Named("fast"), Named("new")]));

        static void AssertRefused(string problem, Action require) =>
            Assert.Contains(problem, Assert.Throws<TraceFormatException>(require).Message, StringComparison.Ordinal);
        static Configuration Named(string name) => new() { Allocator = new Allocator { Name = name } };
    }

    [Fact]
    public void A_figure_that_is_not_there_fails()
    {
        ComparisonReport report = Report(failing: "slow");
        Assert.Equal(GateOutcome.NoFigure, Condition.Parse("slow.speed < fast.speed").Check(report).Outcome);
        Assert.Equal(GateOutcome.NoFigure, Condition.Parse("fast.end_rss > 1").Check(report).Outcome); // it is 0
    }

    [Theory]
    [InlineData("slow.speed", "expected > or < between two figures")]
    [InlineData("1 > 2", "neither side is a figure")]
    [InlineData("slow.sped > 1", "no figure is called sped; known: speed,")]
    [InlineData("slow > 1", "slow: expected a configuration and a figure of it")]
    [InlineData("x * slow.speed > 1", "x: expected a number")]
    [InlineData("slow.speed > fast.peak_rss", "not of the same runs")]
    [InlineData("slow.peak_rss > 3s", "peak_rss is no time")]
    [InlineData("5MiB < slow.p99", "p99 is no memory")]
    [InlineData("slow.speed > 2ms * fast.speed", "what stands before speed is a factor, and has no unit")]
    public void What_is_no_condition_is_said_to_be_none(string condition, string problem) =>
        Assert.Contains(problem, Assert.Throws<ReplayException>(() => Condition.Parse(condition)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_condition_on_what_is_not_compared_is_refused_before_it_runs()
    {
        var condition = Condition.Parse("other.speed > 1");
        Assert.Contains("no configuration is called other; there are fast, slow", Assert.Throws<ReplayException>(
            () => condition.Require(Compared)).Message, StringComparison.Ordinal);
        Condition.Parse("slow.speed > fast.speed").Require(Compared);
    }

    [Fact]
    public void A_regression_against_an_earlier_report_fails_however_fast_the_machine_is_now()
    {
        EarlierReport earlier = Saved(Report());
        Assert.All(earlier.Check(Report(machine: 3), 0.05), f => Assert.Equal(GateOutcome.Passed, f.Outcome));

        IReadOnlyList<GateFinding> findings = earlier.Check(Report(machine: 3, slowness: 2.2), 0.05);
        GateFinding failed = findings.Single(f => f.Condition == "slow.speed / fast.speed < 0.95 * the baseline's");
        Assert.Equal(GateOutcome.Failed, failed.Outcome);
        Assert.Equal(2.0 / 2.2 / 0.95, failed.Estimate!.Value, 1e-3);
        Assert.Equal(GateOutcome.Passed, findings.Single(f => f.Condition.StartsWith("slow.peak_rss", StringComparison.Ordinal)).Outcome);
        Assert.All(earlier.Check(Report(machine: 3, slowness: 2.2), 0.15), f => Assert.Equal(GateOutcome.Passed, f.Outcome));
    }

    [Fact]
    public void A_report_that_has_nothing_in_common_or_is_none_is_refused()
    {
        string path = Path.Combine(_directory.Path, "earlier.json");
        File.WriteAllText(path, "{ \"schema\": \"allocreplay.compare/1\" }");
        Assert.Contains("expected the schema allocreplay.compare/2", ProblemOf(path), StringComparison.Ordinal);
        File.WriteAllText(path, "{\n\"schema\": \n");
        Assert.Contains("line 3: not what compare --json writes", ProblemOf(path), StringComparison.Ordinal);
        ComparisonReport other = Report();
        other = other with { Rows = [.. other.Rows.Select(r => r with { Allocator = r.Allocator with { Name = "another " + r.Allocator.Name } })] };
        Assert.Contains("it has none of these configurations: another fast", Assert.Throws<TraceFormatException>(
            () => Saved(Report()).Check(other, 0.05)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_baseline_of_several_traces_is_matched_by_their_names()
    {
        EarlierReport earlier = SavedOfSeveral(("a", Report()), ("b", Report(slowness: 3)));
        Configuration[] same = [new() { Allocator = new Allocator { Name = "fast" } }, new() { Allocator = new Allocator { Name = "slow" } }];
        earlier.Require(["b", "c"], Report().Touch, same);
        Assert.Contains("relative to its first configuration, fast", Assert.Throws<TraceFormatException>(
            () => earlier.Require(["b"], Report().Touch, [same[1], same[0]])).Message, StringComparison.Ordinal);
        Assert.Contains("relative to its first configuration, fast", Assert.Throws<TraceFormatException>(
            () => earlier.RequireOne("x/b", Report().Touch, [same[1], same[0]])).Message, StringComparison.Ordinal);
        Assert.Throws<TraceFormatException>(() => earlier.RequireOne("c", Report().Touch, same));
        Assert.All(earlier.CheckOne("a", Report(machine: 2), 0.05), f => Assert.Equal(GateOutcome.Passed, f.Outcome));
        Assert.Contains(earlier.CheckOne("a", Report(slowness: 3), 0.05), f => f.Outcome == GateOutcome.Failed); // as it was on b
        Assert.All(earlier.CheckOne("b", Report(slowness: 3), 0.05), f => Assert.Equal(GateOutcome.Passed, f.Outcome));
        Assert.Equal(GateOutcome.NoBaseline, earlier.CheckOne("c", Report(), 0.05).Single().Outcome);
        Assert.Contains("none of these traces: c, d; it has a, b", Assert.Throws<TraceFormatException>(
            () => earlier.Require(NotThere, Report().Touch, same)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_trace_finds_its_own_among_several_and_several_theirs_in_a_file_of_one()
    {
        EarlierReport several = SavedOfSeveral(("trace", Report()), ("b", Report(slowness: 3)));
        Assert.All(several.Check(Report() with { Trace = "elsewhere/trace/" }, 0.05), f => Assert.Equal(GateOutcome.Passed, f.Outcome));
        Assert.Contains("none of these traces: other", Assert.Throws<TraceFormatException>(
            () => several.Check(Report() with { Trace = "other" }, 0.05)).Message, StringComparison.Ordinal);

        EarlierReport one = Saved(Report() with { Trace = "bench/a" });
        Assert.All(one.CheckOne("a", Report(), 0.05), f => Assert.Equal(GateOutcome.Passed, f.Outcome));
        Assert.Equal(GateOutcome.NoBaseline, one.CheckOne("b", Report(), 0.05).Single().Outcome);
    }

    [Theory]
    [InlineData("""{ "schema": "allocreplay.compare_all/1" }""")]
    [InlineData("""{ "schema": "allocreplay.compare_all/1", "traces": [null] }""")]
    [InlineData("""{ "schema": "allocreplay.compare_all/1", "traces": [{ "name": "a", "report": { "rows": [null], "runs": [] } }] }""")]
    [InlineData("""{ "schema": "allocreplay.compare/2", "trace": "a" }""")]
    public void What_lacks_its_parts_is_refused(string json)
    {
        string path = Path.Combine(_directory.Path, "earlier.json");
        File.WriteAllText(path, json);
        Assert.Contains("not what compare --json writes", ProblemOf(path), StringComparison.Ordinal);
    }

    private static readonly string[] Compared = ["fast", "slow"], NotThere = ["c", "d"];

    private static string ProblemOf(string path) => Assert.Throws<TraceFormatException>(() => EarlierReport.Read(path)).Message;

    private EarlierReport Saved(ComparisonReport report)
    {
        string path = Path.Combine(_directory.Path, $"{Guid.NewGuid():N}.json");
        var terminal = new Terminal(new StringWriter(), new StringWriter());
        terminal.WriteJson("allocreplay.compare/2", report);
        File.WriteAllText(path, terminal.Out.ToString());
        Assert.Equal("allocreplay.compare/2", JsonDocument.Parse(File.ReadAllText(path)).RootElement.GetProperty("schema").GetString());
        return EarlierReport.Read(path);
    }

    private EarlierReport SavedOfSeveral(params (string Name, ComparisonReport Report)[] traces)
    {
        string path = Path.Combine(_directory.Path, $"{Guid.NewGuid():N}.json");
        var terminal = new Terminal(new StringWriter(), new StringWriter());
        CorpusReport corpus = SampleComparison.Corpus([.. traces.Select(t => t.Report with { Trace = t.Name })]);
        // One that could not be read has no report.
        corpus = corpus with { Traces = [.. corpus.Traces, new TraceResult("x", "x", new TraceFailure(TraceFailureKind.Unreadable, "no such trace"), null)] };
        terminal.WriteJson("allocreplay.compare_all/1", corpus);
        File.WriteAllText(path, terminal.Out.ToString());
        return EarlierReport.Read(path);
    }

    /// <summary>Of fast, slow (half as fast) and one with a setting.</summary>
    private ComparisonReport Report(
        int blocks = 12, double noise = 0.001, double machine = 1, double slowness = 2, string? failing = null, long? availableBytes = null)
    {
        var random = new Random(20261126);
        var runner = new FakeRunner(r =>
        {
            if (r.Configuration.Name == failing)
                throw new ReplayException(ReplayFailure.Failed, "no");
            double calls = 1e6 * machine * (1 + noise * (random.NextDouble() - 0.5)) / (r.Configuration.Name == "slow" ? slowness : 1);
            return FakeRunner.Result(r, calls: (long)(r.Configuration.Name.Contains(',', StringComparison.Ordinal) ? calls / 1000 : calls), peakBytes: 2 << 20);
        });
        Configuration[] configurations =
        [
            Named("fast"), Named("slow"), Named("with") with { Environment = ["SETTING=1"] },
        ];
        return new Comparison(_plans, configurations, new ComparisonOptions { Blocks = blocks, Seed = 1, AvailableBytes = availableBytes }, runner)
            .Run("trace", token: TestContext.Current.CancellationToken);
    }

    private static Configuration Named(string name) => new() { Allocator = new Allocator { Name = name } };
}
