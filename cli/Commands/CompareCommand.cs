using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Gate;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay compare</c>: one trace under several allocators, by a protocol whose figures stand up.</summary>
internal static class CompareCommand
{
    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions();
        var gate = new GateArguments();
        var configurations = new ConfigurationArguments();
        Option<string?> timeout = new("--timeout")
        {
            Description = "A run that takes longer hangs, and is ended. Default: ten times what the runs before it took, at least 30 seconds.",
            HelpName = "time",
        };
        Option<string> precision = new("--precision")
        {
            Description = "Go on until the half width of every interval of a primary figure is at most this.",
            HelpName = "percent",
            DefaultValueFactory = _ => "1%",
        };
        Option<string> budget = new("--budget")
        {
            Description = "Or until so much time is spent.",
            HelpName = "time",
            DefaultValueFactory = _ => "3m",
        };
        Option<int?> runs = new("--runs") { Description = "Exactly so many runs of each in each pass, whatever the precision and the time.", HelpName = "n" };
        Option<string> primary = new("--primary")
        {
            Description = "The figures that verdicts are given of, by comma. All verdicts are to hold at once: more of them, or more rows, take more runs.",
            HelpName = string.Join(',', Metric.All.Select(m => m.Name)),
            DefaultValueFactory = _ => string.Join(',', Metric.Primary.Select(m => m.Name)),
        };
        Option<int?> seed = new("--seed") { Description = "Seed of the order within blocks. Default: a new one, printed.", HelpName = "n" };
        Option<string> touch = ReplayArguments.Touch();
        Option<bool> touchCalloc = ReplayArguments.TouchCalloc();
        Option<string?> maxLive = ReplayArguments.MaxLive(), pin = ReplayArguments.Pin();
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = TraceArguments.Json();
        Option<string?> keepPlans = KeptPlans.DirectoryOption();
        var files = new ComparisonFileOptions();
        var command = new Command("compare", "Compare allocators on a trace: speed, CPU time and memory, with intervals.")
        {
            precision, budget, runs, primary, seed, touch, touchCalloc, pin, timeout, maxLive, partial, keepPlans, json,
        };
        configurations.AddTo(command);
        choice.AddTo(command);
        gate.AddTo(command);
        files.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) => Run(
            new Request(
                new ReplayArguments.Source(
                    choice.Of(parse),
                    new PlanCheck(parse.GetValue(partial), ReplayArguments.ParseMaxLive(parse.GetValue(maxLive))),
                    new PlanOptions { Order = Pass.Throughput.Order },
                    KeptPlans.Of(parse.GetValue(keepPlans), isDirectory: true, files.Of(parse, parse.GetValue(json)).Force)),
                configurations.Of(parse),
                new ComparisonOptions
                {
                    Precision = GateArguments.ParsePercent("--precision", parse.GetValue(precision)!),
                    Budget = Quantity.ParseTime("--budget", parse.GetValue(budget)!),
                    Blocks = ParseRuns(parse.GetValue(runs)),
                    Primary = ParsePrimary(parse.GetValue(primary)!),
                    Seed = parse.GetValue(seed) ?? Random.Shared.Next(1, 1_000_000),
                    Touch = ReplayArguments.ParseTouch(parse.GetValue(touch)!),
                    Timeout = parse.GetValue(timeout) is { } time ? Quantity.ParseTime("--timeout", time) : null,
                    TouchCalloc = parse.GetValue(touchCalloc),
                    Processors = ReplayArguments.ParsePin(parse.GetValue(pin)),
                },
                gate.Of(parse), parse.GetValue(json), files.Of(parse, parse.GetValue(json))),
            terminal, token));
        return command;
    }

    private sealed record Request(
        ReplayArguments.Source Source, IReadOnlyList<Configuration> Configurations, ComparisonOptions Options, GateArguments.Gate Gate, bool Json,
        ComparisonFiles Files);

    private static int Run(Request request, Terminal terminal, CancellationToken token)
    {
        foreach (Condition condition in request.Gate.Conditions)
            condition.Require([.. request.Configurations.Select(c => c.Label)]);
        ComparisonReport report = request.Files.Write(terminal, () => Compare(request, terminal, token));
        ComparisonPage.Note(report, request.Source.Trace.Words, terminal);
        return CodeOf(report);
    }

    private static ComparisonReport Compare(Request request, Terminal terminal, CancellationToken token)
    {
        IReadOnlyList<Configuration> configurations = request.Configurations;
        var plans = new List<ReplayPlan> { ReplayArguments.Compile(request.Source, terminal, token, OtherOrders) };
        try
        {
            foreach (ReplayOrder order in OtherOrders)
                plans.Add(ReplayArguments.CompileAgain(request.Source, order, terminal, token));
            var comparison = new Comparison(plans, configurations, request.Options, WorkerRunner.Instance);
            string title = $"Comparing {Quantity.Count(configurations.Count, "configuration")} (seed {request.Options.Seed})";
            ComparisonReport report = terminal.WithProgress(title, progress => comparison.Run(request.Source.Trace.Path, new Share(progress), token));
            report = request.Gate.Check(report);
            if (request.Json)
                terminal.WriteJson("allocreplay.compare/2", report);
            else if (!request.Files.TakeOutput)
                ComparisonPage.Print(report, terminal);
            return report;
        }
        finally
        {
            plans.ForEach(plan => plan.Dispose());
        }
    }

    /// <summary>Those of the passes, but for that of the first plan.</summary>
    private static IEnumerable<ReplayOrder> OtherOrders => Comparison.Passes.Select(p => p.Order).Distinct().Where(o => o != Pass.Throughput.Order);

    private static int CodeOf(ComparisonReport report)
    {
        if (report.IsInterrupted)
            return ExitCode.Interrupted;
        bool isSound = report.Rows.All(r => r.IsSound) && report.Gate.All(g => g.Outcome is GateOutcome.Passed or GateOutcome.Inconclusive);
        return isSound ? ExitCode.Ok : ExitCode.Failed;
    }

    private static int? ParseRuns(int? runs) =>
        runs is null or (> 0 and <= SignedRank.PairsMax) ? runs : throw new UsageException($"--runs {runs}: expected 1 to {SignedRank.PairsMax}");

    private static Metric[] ParsePrimary(string list)
    {
        Metric[] metrics =
        [
            .. list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(name => Metric.Of(name)
                ?? throw new UsageException($"--primary {name}: no such figure; known: {string.Join(", ", Metric.All.Select(m => m.Name))}")).Distinct(),
        ];
        return metrics.Length > 0 ? metrics : throw new UsageException("--primary: name a figure");
    }

    private sealed class Share(IProgress<double> bar) : IProgress<ComparisonProgress>
    {
        public void Report(ComparisonProgress value) => bar.Report(value.Share);
    }
}
