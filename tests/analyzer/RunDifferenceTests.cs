using AllocReplay.Analyzer.Diff;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Report;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>What a report says of another run, against the blocks that were planned.</summary>
public sealed class RunDifferenceTests : IDisposable
{
    private const int Seed = 15_11, Functions = 9;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(TraceReport.MergedBelow)]
    [InlineData(0.1)]
    [InlineData(1.1)]
    public void Each_function_of_the_flame_graph_has_what_its_blocks_differ_by_and_a_wrong_one_is_noticed(double share)
    {
        PlannedBlocks before = PlannedBlocks.Random(new Random(Seed), 300, Functions), after = PlannedBlocks.Random(new Random(Seed + 1), 400, Functions + 3);
        using DatasetQuery a = Open(before.Analyze(_directory["a"]), "a"), b = Open(after.Analyze(_directory["b"]), "b");
        RunDifference difference = Read(a, b).Merged(share);
        Assert.Empty(Mismatches(difference.Flame!, before, after));
        Assert.Equal(share, difference.Flame!.MergedBelow);
        Assert.Equal(difference.Flame.MergedNodes, difference.Flame.Merged.Sum(m => (long)m));
        Assert.True(share < 1 || difference.Flame.Parent.Count == 2);

        DiffWeights peak = difference.Flame.Peak;
        long[] wrong = [.. peak.Shrunk];
        wrong[^1]++;
        Assert.NotEmpty(Mismatches(difference.Flame with { Peak = peak with { Shrunk = wrong } }, before, after));
        Assert.NotEmpty(Mismatches(difference.Flame with { Bytes = difference.Flame.Outstanding }, before, after));
        Assert.NotEmpty(Mismatches(difference.Flame, after, before));
    }

    [Fact]
    public void Sites_that_differ_are_there_and_others_are_counted()
    {
        PlannedBlocks before = new PlannedBlocks().Add("same", 5, 1), after = new PlannedBlocks().Add("same", 5, 1);
        for (int i = 0; i < 200; i++)
            after.Add($"f{i:000}", 1000 + i, i + 2);
        using DatasetQuery a = Open(before.Analyze(_directory["a"]), "a"), b = Open(after.Analyze(_directory["b"]), "b");
        RunDifference difference = Read(a, b);

        Assert.Equal(1, difference.SameSites);
        Assert.Equal(200, difference.Sites.Count + difference.OtherSites);
        Assert.Equal(Enumerable.Range(0, 60).Select(i => $"f{199 - i:000}"), difference.Sites.Take(60).Select(s => s.Site.Function));
        Assert.Equal(DiffReport.Of("a", Side(a), "b", Side(b), "outstanding").B, difference.B);
    }

    private DatasetQuery Open(PlannedBlocks plan, string name)
    {
        Assert.NotEmpty(plan.Blocks);
        return DatasetQuery.Open(_directory[name]);
    }

    private static DatasetSide Side(DatasetQuery query) => new(query, Assert.Single(DatasetProcess.AllOf(query)));

    private static RunDifference Read(DatasetQuery a, DatasetQuery b) => RunDifference.Read("a", Side(a), "b", Side(b));

    /// <summary>Differences between a flame graph and the blocks, a line each.</summary>
    private static List<string> Mismatches(DiffFlame flame, PlannedBlocks before, PlannedBlocks after)
    {
        var found = new List<string>();
        string[] functions = [.. before.Blocks.Concat(after.Blocks).Select(b => b.Function).Distinct()];
        var shown = new HashSet<string>();
        for (int node = 1; node < flame.Parent.Count; node++)
            if (flame.Function[node] >= 0 && flame.Functions[flame.Function[node]] is var name && name != "main")
            {
                shown.Add(name);
                Check(name, node, [name]);
            }
        // What is put together has the sum of what is not shown.
        int[] rest = [.. Enumerable.Range(0, flame.Parent.Count).Where(n => flame.Merged[n] > 0)];
        if (rest.Length > 0)
            Check("rest", Assert.Single(rest), [.. functions.Where(f => !shown.Contains(f))]);
        return found;

        void Check(string name, int node, string[] of)
        {
            (string, DiffWeights, Func<PlannedBlocks, string, long>)[] figures =
            [
                ("outstanding", flame.Outstanding, (plan, f) => plan.LiveAt(_ => true, f)),
                ("peak", flame.Peak, Peak),
                ("bytes", flame.Bytes, (plan, f) => plan.Blocks.Where(b => b.Function == f).Sum(b => b.Size)),
            ];
            foreach ((string figure, DiffWeights weights, Func<PlannedBlocks, string, long> count) in figures)
            {
                long[] changes = [.. of.Select(f => count(after, f) - count(before, f))];
                string expected = $"{of.Sum(f => count(before, f))} +{changes.Where(c => c > 0).Sum()} -{-changes.Where(c => c < 0).Sum()}";
                string actual = $"{weights.Before[node]} +{weights.Grown[node]} -{weights.Shrunk[node]}";
                if (actual != expected)
                    found.Add($"{name} {figure}: expected {expected}, found {actual}");
            }
        }
    }

    private static long Peak(PlannedBlocks plan, string function) =>
        plan.Blocks.Where(b => b.Function == function).Select(b => plan.LiveAt(ns => ns <= b.AllocNs, function)).DefaultIfEmpty().Max();
}
