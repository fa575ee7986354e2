using AllocReplay.Analyzer.Diff;
using AllocReplay.Analyzer.Query;
using AllocReplay.Formats.Stacks;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>The sites of two runs, or of two stretches of one, beside each other.</summary>
public sealed class DatasetDiffTests : IDisposable
{
    private const int Seed = 15_4;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Figures_of_every_stretch_are_those_counted_by_hand()
    {
        var random = new Random(Seed);
        for (int trace = 0; trace < 6; trace++)
        {
            PlannedBlocks plan = PlannedBlocks.Random(random, events: 120, functions: 4).Analyze(_directory[$"d{trace}"]);
            using DatasetQuery query = DatasetQuery.Open(_directory[$"d{trace}"]);
            DatasetProcess process = Assert.Single(DatasetProcess.AllOf(query));
            Dictionary<long, SiteIdentity> names = SiteIdentity.AllOf(query, process);
            foreach ((long from, long? to) in Stretches(random, 4))
            {
                Dictionary<long, SiteFigures> figures = SiteFigures.Of(new DatasetSide(query, process, from, to));
                Dictionary<string, SiteFigures> found = figures.ToDictionary(f => names[f.Key].Function, f => f.Value);
                Assert.True(Counted(plan, from, to).ToHashSet().SetEquals(found), $"seed {Seed}, trace {trace}, {from} to {to}");
            }
        }
    }

    [Fact]
    public void A_block_that_is_a_byte_larger_or_lives_a_step_longer_is_noticed() // the control
    {
        PlannedBlocks plan = new PlannedBlocks().Add("f", 10, 1, 5).Add("f", 20, 2);
        (string, SiteFigures) counted = Pair(Assert.Single(Counted(plan, 0, null)));
        Assert.Equal(("f", new SiteFigures(2, 30, 30, 1, 20, 4 * PlannedBlocks.StepNs)), counted);
        Assert.NotEqual(counted, Pair(Counted(new PlannedBlocks().Add("f", 11, 1, 5).Add("f", 20, 2), 0, null).Single()));
        Assert.NotEqual(counted, Pair(Counted(new PlannedBlocks().Add("f", 10, 1, 6).Add("f", 20, 2), 0, null).Single()));
    }

    [Fact]
    public void Sites_are_found_in_another_build_by_the_strictest_rule_that_finds_one()
    {
        // The same program, built otherwise: where what is, what is inlined, what is known.
        var a = new StackRecording(_directory["a.allocrec"]);
        int program = a.Module(0x10000, 0x20000, "/bin/shop");
        int main = a.Frame(program, 0x100, StackRecording.Start, Line("main"));
        int serve = a.Frame(program, 0x110, main, Line("serve")), helper = a.Frame(program, 0x120, serve, Line("helper"));
        int parse = a.Frame(program, 0x130, main, Line("parse")), buffer = a.Frame(program, 0x140, parse, Line("buffer"));
        int old = a.Frame(program, 0x150, main, Line("old")), renamed = a.Frame(program, 0x160, old, Line("grow"));
        int gone = a.Frame(program, 0x170, main, Line("gone"));
        a.Malloc(1000, 0x1000, 1, main).Malloc(2000, 0x2000, 10, helper).Malloc(3000, 0x3000, 20, buffer).Malloc(4000, 0x4000, 30, renamed)
            .Malloc(5000, 0x5000, 40, gone).Save();

        var b = new StackRecording(_directory["b.allocrec"]);
        program = b.Module(0x50000, 0x60000, "/bin/shop");
        main = b.Frame(program, 0x200, StackRecording.Start, Line("main"));
        helper = b.Frame(program, 0x210, main, Line("helper"), Line("serve")); // into serve, as the symbols say
        buffer = b.Frame(program, 0x220, main, Line("buffer"));                // what called it was put into main, and nothing says so
        int @new = b.Frame(program, 0x230, main, Line("new_one"));
        renamed = b.Frame(program, 0x240, @new, Line("grow"));
        int added = b.Frame(program, 0x250, main, Line("added"));
        b.Malloc(1000, 0x1000, 2, main).Malloc(2000, 0x2000, 11, helper).Malloc(3000, 0x3000, 22, buffer).Malloc(4000, 0x4000, 33, renamed)
            .Malloc(5000, 0x5000, 44, added).Save();
        SampleTrace.Analyze(_directory["a.allocrec"], _directory["a"]);
        SampleTrace.Analyze(_directory["b.allocrec"], _directory["b"]);

        Assert.Equal(
            ["Same main 1 2", "Inlined serve 10 11", "Contained buffer 20 22", "Function grow 30 33", "OnlyA gone 40 0", "OnlyB added 0 44"], Rows("a", "b"));
        Assert.All(Rows("a", "a"), r => Assert.StartsWith("Same ", r, StringComparison.Ordinal));
    }

    [Fact]
    public void A_trace_without_stacks_is_one_site_with_the_peak_of_the_process()
    {
        SampleTrace.Write(_directory["plain.allocrec"]);
        SampleTrace.Analyze(_directory["plain.allocrec"], _directory["plain"]);
        using DatasetQuery query = DatasetQuery.Open(_directory["plain"]);
        DatasetProcess process = Assert.Single(DatasetProcess.AllOf(query));
        SiteDiff row = Assert.Single(DatasetDiff.Of(new DatasetSide(query, process), new DatasetSide(query, process)));
        Assert.Equal((0, "(not known)"), (row.Site.Site, row.Site.Function));
        Assert.Equal((process.PeakLiveBytes ?? -1, process.Acquisitions), (row.A.PeakLiveBytes, row.A.Blocks));
    }

    [Fact]
    public void A_comparison_is_ended_by_the_token_of_its_datasets()
    {
        new PlannedBlocks().Add("f", 10, 1).Analyze(_directory["d"]);
        using DatasetQuery query = DatasetQuery.Open(_directory["d"]);
        DatasetProcess process = Assert.Single(DatasetProcess.AllOf(query));
        query.Ending = new CancellationToken(canceled: true);
        Assert.Throws<OperationCanceledException>(() => DatasetDiff.Of(new DatasetSide(query, process), new DatasetSide(query, process)));
    }

    [Fact]
    public void Each_site_is_paired_once_however_many_have_a_name()
    {
        SiteMatcher.Candidate[] a = [Candidate(1, "f", "f", "x", "main"), Candidate(2, "f", "f", "y", "z", "main")];
        SiteMatcher.Candidate[] b = [Candidate(3, "f", "f", "q", "z", "main"), Candidate(4, "f", "f", "w", "main"), Candidate(5, "f", "f", "v", "main")];
        Assert.Equal(
            [(1, 3), (2, 4)],
            SiteMatcher.Pair(a, b).Where(p => p.Match == SiteMatch.Function).Select(p => ((int)p.A.Identity.Site, (int)p.B.Identity.Site)));
        Assert.Equal(3, SiteMatcher.Contained(["f", "g", "main"], ["f", "x", "g", "main"]));
        Assert.Equal(0, SiteMatcher.Contained(["g", "f", "main"], ["f", "x", "g", "main"])); // another order
        Assert.Equal(0, SiteMatcher.Contained(["main"], ["f", "main"]));
        Assert.Equal(0, SiteMatcher.Contained(["f", "run"], ["f", "x", "main"]));
    }

    private static SiteMatcher.Candidate Candidate(long site, string function, params string[] functions) =>
        new(new SiteIdentity(site, function, "", 0, ""), functions);

    private static FunctionLine Line(string function) => new(function, "", $"/src/{function}.c", 7);

    private string[] Rows(string a, string b)
    {
        using DatasetQuery queryA = DatasetQuery.Open(_directory[a]), queryB = DatasetQuery.Open(_directory[b]);
        IReadOnlyList<SiteDiff> rows = DatasetDiff.Of(new(queryA, DatasetProcess.AllOf(queryA)[0]), new(queryB, DatasetProcess.AllOf(queryB)[0]));
        return
        [
            .. rows.OrderBy(r => r.Match).ThenBy(r => r.Site.Function, StringComparer.Ordinal)
                .Select(r => $"{r.Match} {r.Site.Function} {r.A.Bytes} {r.B.Bytes}"),
        ];
    }

    private static IEnumerable<(long From, long? To)> Stretches(Random random, int count)
    {
        yield return (0, null);
        for (int i = 0; i < count; i++)
        {
            long from = random.Next(0, 80) * (long)PlannedBlocks.StepNs + random.Next(3) - 1;
            yield return (Math.Max(0, from), i == 0 ? null : from + random.Next(1, 60) * (long)PlannedBlocks.StepNs);
        }
    }

    private static Dictionary<string, SiteFigures> Counted(PlannedBlocks plan, long from, long? to)
    {
        long end = to ?? long.MaxValue;
        var counted = new Dictionary<string, SiteFigures>();
        foreach (IGrouping<string, PlannedBlock> of in plan.Blocks.Where(b => b.AllocNs >= from && b.AllocNs < end).GroupBy(b => b.Function))
        {
            PlannedBlock[] open = [.. of.Where(b => b.EndNs is null || b.EndNs >= end)];
            long peak = of.Max(at => of.Where(b => b.AllocNs <= at.AllocNs && !(b.EndNs <= at.AllocNs)).Sum(b => b.Size));
            long?[] lives = [.. of.Select(b => open.Contains(b) ? null : b.EndNs - b.AllocNs).OrderBy(n => n ?? long.MaxValue)];
            counted.Add(of.Key, new SiteFigures(of.Count(), of.Sum(b => b.Size), peak, open.Length, open.Sum(b => b.Size), lives[(lives.Length - 1) / 2]));
        }
        return counted;
    }

    private static (string, SiteFigures) Pair(KeyValuePair<string, SiteFigures> of) => (of.Key, of.Value);
}
