using AllocReplay.Replayer;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Corpus;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Tests.Support;

/// <summary>Reports of comparisons that have all that a page can show; no process is started for them.</summary>
internal static class SampleComparison
{
    /// <summary>A configuration of this name fails in its first run.</summary>
    public const string Broken = "broken";

    private const int Seed = 20261126;

    private static readonly string[] Kinds = ["all", "malloc", "realloc"];

    /// <param name="trace">What the trace is called.</param>
    /// <param name="names">What the configurations are called; noop is added.</param>
    /// <param name="blocks">Runs of each.</param>
    /// <param name="classes">Size classes of each kind of call.</param>
    /// <param name="points">Points of curves.</param>
    public static ComparisonReport Make(string trace, IReadOnlyList<string> names, int blocks = 12, int classes = 4, int points = 60)
    {
        var random = new Random(Seed);
        using var directory = new TemporaryDirectory();
        TraceGenerator.Write(directory.Path, Seed, threads: 2, calls: 200);
        ReplayPlan[] plans = [PlanFile.Compile(directory.Path), PlanFile.Compile(directory.Path, ReplayOrder.Total)];
        var runner = new FakeRunner(r =>
        {
            string name = r.Configuration.Name;
            if (name == Broken)
                throw new ReplayException(ReplayFailure.Failed, "killed by SIGSEGV");
            double factor = 1 + 0.13 * (Place(names, name) % 7), noise = 1 + 0.02 * random.NextDouble();
            return FakeRunner.Result(r, (long)(1e6 * factor * noise), (long)(1e8 / factor * noise)) with { CpuNs = (long)(1e9 / factor * noise) };
        });
        Configuration[] configurations = [.. names.Select(n => new Configuration { Allocator = new Allocator { Name = n } }),
            new Configuration { Allocator = new Allocator { Name = "noop", IsNoop = true } }];
        ComparisonReport report = new Comparison(plans, configurations, new ComparisonOptions { Blocks = blocks, Seed = Seed }, runner).Run(trace);
        foreach (ReplayPlan plan in plans)
            plan.Dispose();
        return report with
        {
            Rows = [.. report.Rows.Select(row => row.Role is Role.Twin or Role.Reference || !row.IsSound ? row : row with
            {
                Memory = [.. Enumerable.Range(0, points).Select(i => new MemoryPoint(i * 1000, random.Next(1 << 20, 1 << 27), i * 100_000))],
                Latency = [.. Kinds.SelectMany(kind => LatencyOf(kind, classes, points, random))],
            })],
        };
    }

    /// <summary>Reports as those of a corpus, whose traces are called as their files are.</summary>
    public static CorpusReport Corpus(params ComparisonReport[] reports) => CorpusReport.Of(
        [.. reports.Select(r => new TraceResult(Path.GetFileName(r.Trace), r.Trace, null, r))], new ComparisonOptions { Seed = Seed }, TimeSpan.FromMinutes(1));

    /// <summary>As <c>compare --json</c> prints it.</summary>
    public static string Json(ComparisonReport report) => System.Text.Json.JsonSerializer.Serialize(report, AllocReplay.Cli.Output.Terminal.Json);

    private static IEnumerable<LatencyFacts> LatencyOf(string kind, int classes, int points, Random random)
    {
        yield return Latency(kind, 0, ulong.MaxValue, points, random);
        for (int i = 0; i < classes; i++)
            yield return Latency(kind, (8UL << i) + 1, 16UL << i, points, random);
    }

    private static LatencyFacts Latency(string kind, ulong low, ulong high, int points, Random random)
    {
        double scale = 20 + 20 * random.NextDouble(), last = points - 1;
        double At(double depth) => scale * (1 + depth + Math.Pow(depth, 3));
        return new LatencyFacts(
            kind, low, high, 10_000_000,
            new Dictionary<string, double> { ["50"] = At(0.3), ["90"] = At(1), ["99"] = At(2), ["99.9"] = At(3), ["99.99"] = At(4), ["100"] = At(6) },
            [.. Enumerable.Range(0, points).Select(i => (double[])[At(6 * i / last), i == points - 1 ? 1 : 1 - Math.Pow(10, -6 * i / last)])]);
    }

    private static int Place(IReadOnlyList<string> names, string name) => names.TakeWhile(n => n != name).Count();
}
