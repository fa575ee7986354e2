using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary>
/// <c>bench compare</c>: how often a comparison claims a difference where there is none, and how often it finds one that is planted. Some comparisons are
/// made as the command makes them; many more are drawn from a pool of blocks that was measured once.
/// </summary>
internal static class ComparisonBench
{
    private const int Drawn = 100;
    private const double DefaultShare = 2.2; // minutes of the three that a comparison has by default go into timed blocks, about
    private const int Seed = 20261126;
    private const int TrialSpins = 512, TrialRounds = 30, TrialLeaks = 500;
    private const string Recording = "artifacts/demo/redis.alloctrace";

    private static readonly TimeSpan MemoryBudget = TimeSpan.FromMinutes(1);

    public static int Run()
    {
        string trace = Environment.GetEnvironmentVariable("BENCH_TRACE") ?? Recording;
        if (!File.Exists(trace))
        {
            Console.Error.WriteLine($"{trace}: not there; ./build.sh demo records it, or name another in BENCH_TRACE");
            return 2;
        }
        int live = Setting("BENCH_LIVE", 20), poolMinutes = Setting("BENCH_POOL_MINUTES", 20);
        using var work = new WorkDirectory();
        string library = work.Compile("slower.c", "libslower.so", "-shared", "-fPIC");
        ReplayPlan[] plans = [.. Comparison.Passes.Select(p => p.Order).Distinct().Select(order => Compile(trace, order))];
        try
        {
            (int two, int five) = Calibrate(plans, library);
            Planted[] planted =
            [
                new("nothing", "same", ""), new("2 % slower", "slower2", $",SLOWER_SPINS={two}"), new("5 % slower", "slower5", $",SLOWER_SPINS={five}"),
                new("3 % more memory", "larger3", $",SLOWER_LEAKS={LeaksFor(0.03, plans, library)}"),
            ];
            if (poolMinutes == 0)
            {
                // What is planted of memory shows whatever else the machine does.
                int found = Make(plans, library, [planted[^1]], live, new() { Seed = Seed, Primary = [Metric.PeakRss], Budget = MemoryBudget })
                    .Count(m => IsClaim(m.Report.Rows[2][Metric.PeakRss]?.Verdict));
                Console.WriteLine($"{planted[^1].What}: found in {found} of {live}");
                return 0;
            }
            ComparisonReport pool = Pool(plans, library, planted, poolMinutes);
            List<(Planted Planted, ComparisonReport Report)> made = Make(plans, library, planted, live, new() { Seed = Seed });
            Show(pool, planted, made);
        }
        finally
        {
            foreach (ReplayPlan plan in plans)
                plan.Dispose();
        }
        return 0;
    }

    /// <summary>What is planted, and the configuration that has it.</summary>
    private sealed record Planted(string What, string Name, string Settings);

    /// <summary>Turns of the empty loop that make a replay 2 and 5 % slower.</summary>
    private static (int Two, int Five) Calibrate(ReplayPlan[] plans, string library)
    {
        ReplayPlan plan = plans.First(p => p.Order == Pass.Throughput.Order);
        Configuration[] both = [.. Configuration.Parse($"none={library},spun={library},SLOWER_SPINS={TrialSpins}")];
        RunOutcome[] outcomes =
        [
            .. WorkerRunner.Instance.RunInTurns(
                plan, both, new ReplayOptions(), [.. Enumerable.Range(0, TrialRounds).Select(r => r % 2 == 0 ? (int[])[0, 1] : [1, 0])]),
        ];
        double slower = PairedStatistics.Median(outcomes[1].Result!.TurnNs.Zip(outcomes[0].Result!.TurnNs, (a, b) => (double)a / b)) - 1;
        Console.Error.WriteLine($"{TrialSpins} turns of the loop make it {slower:P1} slower");
        return (SpinsFor(0.02), SpinsFor(0.05));

        int SpinsFor(double share) => (int)Math.Max(1, Math.Round(TrialSpins * share / slower));
    }

    /// <summary>Calls of malloc between two pages that are kept, so that the peak grows by a share.</summary>
    private static long LeaksFor(double share, ReplayPlan[] plans, string library)
    {
        ReplayPlan plan = plans.First(p => p.Order == Pass.Memory.Order);
        long plain = PeakOf(""), larger = PeakOf($",SLOWER_LEAKS={TrialLeaks}");
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"a page in {TrialLeaks} calls makes the peak {(double)larger / plain - 1:P1} larger"));
        return Math.Max(1, (long)(TrialLeaks * ((double)larger / plain - 1) / share));

        long PeakOf(string settings)
        {
            Configuration configuration = Configuration.Parse($"base={library}{settings}")[0];
            return WorkerRunner.Instance.Run(plan, configuration, new ReplayOptions { Instrument = Pass.Memory.Instrument }).PeakOverBaseline;
        }
    }

    private static ComparisonReport Pool(ReplayPlan[] plans, string library, Planted[] planted, int minutes)
    {
        var options = new ComparisonOptions { Seed = Seed, Precision = 0, Budget = TimeSpan.FromMinutes(minutes), Primary = [Metric.Speed, Metric.Cpu] };
        return Compare(plans, $"base={library},{string.Join(',', planted.SkipLast(1).Select(p => $"{p.Name}={library}{p.Settings}"))}", options);
    }

    /// <summary>Comparisons as the command makes them, each of the planted in turn.</summary>
    private static List<(Planted Planted, ComparisonReport Report)> Make(
        ReplayPlan[] plans, string library, Planted[] planted, int count, ComparisonOptions options)
    {
        var made = new List<(Planted, ComparisonReport)>();
        for (int i = 0; i < count; i++)
        {
            Planted one = planted[i % planted.Length];
            made.Add((one, Compare(plans, $"base={library},{one.Name}={library}{one.Settings}", options with { Seed = Seed + i })));
            Console.Error.WriteLine($"{i + 1} of {count}: {one.What}: {Claims(made[^1].Item2)}");
        }
        return made;
    }

    private static ComparisonReport Compare(ReplayPlan[] plans, string list, ComparisonOptions options)
    {
        Configuration[] configurations = [.. Configuration.Parse(list), .. Configuration.Parse("noop,ideal")];
        return new Comparison(plans, configurations, options, WorkerRunner.Instance).Run("trace");
    }

    private static void Show(ComparisonReport pool, Planted[] planted, List<(Planted Planted, ComparisonReport Report)> made)
    {
        PassFacts timed = pool.Passes.First(p => p.Name == Pass.Throughput.Name);
        int blocks = made.Count == 0 ? (int)(timed.Blocks * DefaultShare / (pool.ElapsedSeconds / 60))
            : (int)PairedStatistics.Median(made.Select(m => (double)m.Report.Passes.First(p => p.Name == timed.Name).Blocks));
        Metric[] metrics = [Metric.Speed, Metric.Cpu, Metric.PeakRss];
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("planted", "figure", "whole pool", $"claimed, of {Drawn} drawn", "claimed, of those made");
        foreach (Planted one in planted)
        {
            foreach (Metric metric in metrics)
            {
                ComparisonReport[] own = [.. made.Where(m => m.Planted == one).Select(m => m.Report)];
                int claimed = own.Count(r => IsClaim(r.Rows[2][metric]?.Verdict));
                (string whole, string drawn) = one == planted[^1] || metric == Metric.PeakRss ? ("", "")
                    : FromPool(pool, 2 + Array.IndexOf(planted, one), metric, blocks);
                table.AddRow(one.What, metric.Name, whole, drawn, own.Length == 0 ? "" : $"{claimed} of {own.Length}");
            }
        }
        AnsiConsole.Write(table);
        Console.WriteLine($"Each drawn comparison has {blocks} blocks of the {timed.Blocks} in the pool, of {timed.Turns} turns of {timed.Loops}; "
            + "base is the same library with nothing planted.");
        foreach (Metric metric in metrics)
        {
            double[] noise = [.. made.Select(m => m.Report.Primary.First(p => p.Metric == metric.Name).Noise).OfType<double>()];
            double[] shown = [.. made.Select(m => m.Report.Primary.First(p => p.Metric == metric.Name).Resolution).OfType<double>()];
            if (noise.Length > 0 && shown.Length > 0)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{metric.Name}: base against itself within {PairedStatistics.Median(noise):P1}; it")
                    + string.Create(CultureInfo.InvariantCulture, $" could have shown {PairedStatistics.Median(shown):P1} (medians)"));
            }
        }
    }

    /// <summary>What the whole pool says of a row, and how many comparisons drawn from it claim something.</summary>
    private static (string Whole, string Drawn) FromPool(ComparisonReport pool, int row, Metric metric, int blocks)
    {
        double[] logRatios = [.. pool.Runs.Where(r => r.Row == row && r.Ratios.ContainsKey(metric.Name)).Select(r => Math.Log(r.Ratios[metric.Name]))];
        if (logRatios.Length == 0)
            return ("", "");
        PairedRatio whole = PairedStatistics.Ratio([.. logRatios.Take(SignedRank.PairsMax)], ComparisonOptions.Alpha)!;
        var lot = new Random(Seed);
        double alpha = ComparisonOptions.Alpha / Metric.Primary.Count;
        int claimed = Enumerable.Range(0, Drawn).Count(_ =>
            IsClaim(PairedStatistics.Judge(PairedStatistics.Ratio([.. Enumerable.Range(0, blocks).Select(_ => logRatios[lot.Next(logRatios.Length)])], alpha)!,
                double.MaxValue, metric.Threshold)));
        return (FormattableString.Invariant($"{whole.Estimate:0.000} ({whole.Low:0.000}–{whole.High:0.000})"), claimed.ToString(CultureInfo.InvariantCulture));
    }

    private static bool IsClaim(Verdict? verdict) => verdict is Verdict.Higher or Verdict.Lower;

    private static string Claims(ComparisonReport report) => string.Join(", ", Metric.Primary.Select(m => report.Rows[2][m] is { Ratio: { } ratio } figure
        ? FormattableString.Invariant($"{m.Name} {ratio.Estimate:0.000} ({ratio.Low:0.000}–{ratio.High:0.000}) {figure.Verdict}") : $"{m.Name} –"));

    private static ReplayPlan Compile(string trace, Replayer.Order.ReplayOrder order)
    {
        using TraceReader reader = TraceReader.Open(trace);
        return ReplayPlan.Compile(reader, new PlanOptions { Order = order });
    }

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { } value ? int.Parse(value, CultureInfo.InvariantCulture) : otherwise;
}
