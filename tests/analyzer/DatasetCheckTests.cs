using AllocReplay.Analyzer;
using AllocReplay.Analyzer.Check;
using AllocReplay.Analyzer.Query;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>A dataset held against limits, with figures counted by hand.</summary>
public sealed class DatasetCheckTests : IDisposable
{
    private const int Seed = 15_7;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Every_figure_is_that_counted_by_hand_and_a_byte_less_fails()
    {
        var random = new Random(Seed);
        for (int trace = 0; trace < 5; trace++)
        {
            PlannedBlocks plan = PlannedBlocks.Random(random, events: 150, functions: 4).Analyze(_directory[$"d{trace}"]);
            long peak = plan.Blocks.Max(at => plan.LiveAt(ns => ns <= at.AllocNs));
            PlannedBlock[] left = [.. plan.Blocks.Where(b => b.EndNs is null)];
            IGrouping<string, PlannedBlock> most = left.GroupBy(b => b.Function).OrderByDescending(g => g.Sum(b => b.Size)).First();
            (long outstanding, long perSite, double growth) = (left.Sum(b => b.Size), most.Sum(b => b.Size), Growth(plan));

            double tolerance = 1e-3 * Math.Abs(growth);
            var limits = new CheckLimits { MaxPeak = peak, MaxOutstanding = outstanding, MaxOutstandingPerSite = perSite, MaxGrowth = growth + tolerance };
            Assert.True(Run($"d{trace}", limits).Passed, $"seed {Seed}, trace {trace}");
            CheckReport failed = Run($"d{trace}", new()
            {
                MaxPeak = peak - 1,
                MaxOutstanding = outstanding - 1,
                MaxOutstandingPerSite = perSite - 1,
                MaxGrowth = growth - tolerance,
            });
            Assert.Equal(
                [
                    (CheckFigure.Peak, peak), (CheckFigure.Outstanding, outstanding), (CheckFigure.Outstanding, perSite),
                    (CheckFigure.Growth, (long)Math.Round(growth)),
                ],
                failed.Findings.Select(f => (f.Figure, f.Value)));
            CheckPlace place = failed.Findings[2].Place!;
            Assert.Equal((most.Key, $"/src/{most.Key}.c", perSite), (place.Function, place.File, place.Bytes));
            Assert.True(failed.Findings[2].IsOfSite);
            PlannedBlock first = plan.Blocks.First(b => plan.LiveAt(ns => ns <= b.AllocNs) == peak);
            Assert.Equal(
                plan.Blocks.Select(b => b.Function).Distinct().Max(f => plan.LiveAt(ns => ns <= first.AllocNs, f)), failed.Findings[0].Place!.Bytes);
        }
    }

    [Fact]
    public void What_the_program_sets_up_and_one_peak_are_no_growth_and_a_leak_is()
    {
        var steady = new PlannedBlocks();
        var leaking = new PlannedBlocks();
        foreach (PlannedBlocks plan in new[] { steady, leaking })
        {
            plan.Add("sets_up", 100_000, 1).Add("peaks", 1_000_000, 100, 110);
            for (int step = 2; step < 200; step += 2)
                plan.Add(plan == leaking ? "leaks" : "works", 10, step, plan == leaking ? null : step + 1);
            plan.Add("at_the_end", 100_000, 200);
        }
        steady.Analyze(_directory["steady"]);
        leaking.Analyze(_directory["leaking"]);

        Assert.True(Run("steady", new() { MaxGrowth = 0 }).Passed);
        CheckFinding finding = Assert.Single(Run("leaking", new() { MaxGrowth = 0 }).Findings);
        Assert.Equal("leaks", finding.Place!.Function);
        Assert.Equal(Growth(leaking), finding.Value, 1.0);
    }

    [Theory]
    [InlineData("^leaks$", 30, 1)]         // the function
    [InlineData("leaks.c", 30, 1)]         // its file
    [InlineData("main", 0, 1)]             // the function that called it
    [InlineData("/opt/*shop$", 0, 1)]      // the module
    [InlineData("nothing", 1030, 0)]
    public void A_suppression_matches_any_frame_and_what_it_takes_out_is_told(string pattern, long left, int used)
    {
        new PlannedBlocks().Add("leaks", 1000, 1).Add("keeps", 30, 2).Add("works", 500, 3, 4).Analyze(_directory["d"]);
        CheckReport report = Run("d", new() { MaxOutstanding = 0, Suppressions = Suppression.Parse("x", [$"leak:{pattern}", "leak:unused"]) });

        Assert.Equal(left, Assert.Single(report.Processes).OutstandingBytes);
        Assert.Equal(left == 0, report.Passed);
        Assert.Equal(1030 - left, report.Suppressions[0].Bytes);
        Assert.Equal([used == 1, false], report.Suppressions.Select(s => s.IsUsed));
    }

    [Fact]
    public void A_suppressed_site_does_not_grow_but_its_peak_is_memory_all_the_same()
    {
        var plan = new PlannedBlocks();
        for (int step = 1; step < 100; step++)
            plan.Add("leaks", 10, step);
        plan.Analyze(_directory["d"]);
        IReadOnlyList<Suppression> suppressions = Suppression.Parse("x", ["leak:leaks"]);

        Assert.False(Run("d", new() { MaxGrowth = 0 }).Passed);
        Assert.True(Run("d", new() { MaxGrowth = 0, MaxOutstandingPerSite = 0, Suppressions = suppressions }).Passed);
        Assert.False(Run("d", new() { MaxPeak = 100, Suppressions = suppressions }).Passed);
    }

    [Fact]
    public void Against_a_baseline_totals_and_sites_are_judged_and_new_sites_named()
    {
        new PlannedBlocks().Add("grows", 1000, 1).Add("same", 1000, 2).Add("gone", 500, 3, 4).Analyze(_directory["before"]);
        new PlannedBlocks().Add("grows", 1100, 1).Add("same", 1000, 2).Add("fresh", 300, 5).Add("tiny", 9, 6).Analyze(_directory["after"]);
        using DatasetQuery baseline = DatasetQuery.Open(_directory["before"]);

        CheckReport report = Run("after", new() { Baseline = baseline, MinDifference = 10 });
        Assert.Equal(
            [
                "Outstanding process 2409 fresh", "Outstanding new 300 fresh", "Outstanding site 1100 grows",
            ],
            report.Findings.Where(f => f.Figure == CheckFigure.Outstanding).Select(f =>
                $"{f.Figure} {(f.IsNew ? "new" : f.IsOfSite ? "site" : "process")} {f.Value} {f.Place!.Function}"));
        CheckFinding allocated = Assert.Single(report.Findings, f => f.Figure == CheckFigure.Allocated && f.Place!.Function == "grows");
        Assert.Equal((1000L, 1050L), (allocated.Baseline, allocated.Limit));
        Assert.DoesNotContain(report.Findings, f => f.Place!.Function is "tiny" or "same");
        // 2,409 against 2,500 bytes acquired: less, and no finding of the process.
        Assert.DoesNotContain(report.Findings, f => f.Figure == CheckFigure.Allocated && !f.IsOfSite);

        Assert.True(Run("after", new() { Baseline = baseline, MaxRegression = 0.5, MinDifference = 1000 }).Passed);
        using DatasetQuery same = DatasetQuery.Open(_directory["after"]);
        Assert.True(Run("after", new() { Baseline = same }).Passed);
    }

    [Fact]
    public void Of_several_process_images_each_is_judged_against_the_one_that_ran_the_same_program()
    {
        Session("before", ("/bin/a", 100), ("/bin/b", 2000));
        Session("after", ("/bin/b", 2000), ("/bin/a", 200));
        using DatasetQuery baseline = DatasetQuery.Open(_directory["before"]);

        CheckReport report = Run("after", new() { Baseline = baseline });
        Assert.Equal(["a p101.0", "b p100.0"], report.Processes.OrderBy(p => p.Program).Select(p => $"{p.Program} {p.Process}"));
        Assert.Equal(["p100.0", "p101.0"], report.Processes.OrderBy(p => p.Program).Select(p => p.BaselineProcess));
        Assert.All(report.Findings, f => Assert.Equal("p101.0", f.Process));
        Assert.NotEmpty(report.Findings);
        Assert.Equal(["p100.0"], Run("after", new() { MaxPeak = 1000 }).Findings.Select(f => f.Process));
    }

    [Fact]
    public void A_limit_of_sites_needs_stacks_and_a_baseline_the_program()
    {
        SampleTrace.Write(_directory["plain.allocrec"]);
        SampleTrace.Analyze(_directory["plain.allocrec"], _directory["plain"]);
        string message = Assert.Throws<DatasetException>(() => Run("plain", new() { MaxOutstandingPerSite = 1 })).Message;
        Assert.Contains("no call stacks", message, StringComparison.Ordinal);
        Assert.Null(Assert.Single(Run("plain", new() { MaxOutstanding = 0 }).Findings).Place);

        Session("two", ("/bin/a", 1), ("/bin/b", 1));
        using DatasetQuery two = DatasetQuery.Open(_directory["two"]);
        Session("others", ("/bin/c", 1), ("/bin/d", 1));
        message = Assert.Throws<DatasetException>(() => Run("others", new() { Baseline = two })).Message;
        Assert.Contains("no process image of c or of d", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_slope_is_the_median_of_all_slopes_between_two()
    {
        Assert.Equal(1, LiveGrowth.Slope([0, 1, 2, 3]));
        Assert.Equal(1, LiveGrowth.Slope([0, 1, 100, 3, 4])); // one far off does not bend it
        Assert.Equal(1.5, LiveGrowth.Slope([0, 1, 3]));       // 1, 2, and 1.5 over both
        Assert.Equal(-2, LiveGrowth.Slope([4, 2, 0]));
    }

    private CheckReport Run(string dataset, CheckLimits limits)
    {
        using DatasetQuery query = DatasetQuery.Open(_directory[dataset]);
        return DatasetCheck.Run(dataset, query, DatasetProcess.AllOf(query), limits);
    }

    private void Session(string name, params (string Program, long Size)[] images)
    {
        foreach ((int i, (string program, long size)) in images.Index())
        {
            new PlannedBlocks().Add("f", size, 1 + i).Write(_directory[$"{name}.allocrec"], program, $"p{100 + i}.0");
        }
        using AllocReplay.Formats.Trace trace = AllocReplay.Formats.Trace.Open(_directory[$"{name}.allocrec"]);
        AllocReplay.Analyzer.Passes.Analysis.RunAllAsync(trace, null, new() { Directory = _directory[name] }).GetAwaiter().GetResult();
    }

    /// <summary>Bytes per minute, by the definition.</summary>
    private static double Growth(PlannedBlocks plan)
    {
        long from = plan.Blocks.Min(b => b.AllocNs);
        long end = Math.Max(plan.Blocks.Max(b => b.AllocNs), plan.Blocks.Max(b => b.EndNs ?? 0));
        long span = end - from;
        double[] live = [.. Enumerable.Range(2, 17).Select(k => (double)plan.LiveAt(ns => (ns - from) * 20 <= span * k))];
        List<double> slopes = [];
        for (int i = 0; i < live.Length; i++)
            for (int j = i + 1; j < live.Length; j++)
                slopes.Add((live[j] - live[i]) / ((j - i) * (span / 20.0) / 60e9));
        slopes.Sort();
        return slopes.Count % 2 == 1 ? slopes[slopes.Count / 2] : (slopes[slopes.Count / 2 - 1] + slopes[slopes.Count / 2]) / 2;
    }
}
