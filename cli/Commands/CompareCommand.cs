using System.CommandLine;
using System.Globalization;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay compare</c>: one trace under several allocators, by a protocol whose figures stand up.</summary>
internal static class CompareCommand
{
    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions();
        Option<string?> allocator = new("--allocator")
        {
            Description = "Allocators, by comma, the first to be compared with: names that 'allocators' lists, or name=path.so; "
                + "VARIABLE=value sets the environment of the one before. Default: all that are installed, and noop.",
            HelpName = "a,b,…",
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
            Description = "The figures that verdicts are given of, by comma. More of them, or more allocators, take more runs: all verdicts are to hold at once.",
            HelpName = string.Join(',', Metric.All.Select(m => m.Name)),
            DefaultValueFactory = _ => string.Join(',', Metric.Primary.Select(m => m.Name)),
        };
        Option<int?> seed = new("--seed") { Description = "Seed of the order within blocks. Default: a new one, printed.", HelpName = "n" };
        Option<string> touch = ReplayArguments.Touch();
        Option<string?> maxLive = ReplayArguments.MaxLive();
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = TraceArguments.Json();
        var files = new ComparisonFileOptions();
        var command = new Command("compare", "Compare allocators on a trace: speed, CPU time and memory, with intervals.")
        {
            allocator, precision, budget, runs, primary, seed, touch, maxLive, partial, json,
        };
        choice.AddTo(command);
        files.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) => Run(
            new Request(
                new ReplayArguments.Source(
                    choice.Of(parse),
                    new PlanCheck(parse.GetValue(partial), ReplayArguments.ParseMaxLive(parse.GetValue(maxLive))),
                    new PlanOptions { Order = Pass.Throughput.Order }),
                parse.GetValue(allocator),
                new ComparisonOptions
                {
                    Precision = ParsePrecision(parse.GetValue(precision)!),
                    Budget = Quantity.ParseTime("--budget", parse.GetValue(budget)!),
                    Blocks = ParseRuns(parse.GetValue(runs)),
                    Primary = ParsePrimary(parse.GetValue(primary)!),
                    Seed = parse.GetValue(seed) ?? Random.Shared.Next(1, 1_000_000),
                    Touch = ReplayArguments.ParseTouch(parse.GetValue(touch)!),
                },
                parse.GetValue(json),
                files.Of(parse, parse.GetValue(json))),
            terminal, token));
        return command;
    }

    private sealed record Request(ReplayArguments.Source Source, string? Allocators, ComparisonOptions Options, bool Json, ComparisonFiles Files);

    private static int Run(Request request, Terminal terminal, CancellationToken token)
    {
        ComparisonReport report = request.Files.Write(terminal, () => Compare(request, terminal, token));
        ComparisonPage.Note(report, request.Source.Trace.Words, terminal);
        return report.IsInterrupted ? ExitCode.Interrupted : report.Rows.All(r => r.IsSound) ? ExitCode.Ok : ExitCode.Failed;
    }

    private static ComparisonReport Compare(Request request, Terminal terminal, CancellationToken token)
    {
        IReadOnlyList<Configuration> configurations = request.Allocators is { } list ? Configuration.Parse(list) : Configuration.Installed();
        var plans = new List<ReplayPlan> { ReplayArguments.Compile(request.Source, terminal, token) };
        try
        {
            foreach (Pass pass in Comparison.Passes.Where(p => plans.All(plan => plan.Order != p.Order)))
                plans.Add(ReplayArguments.CompileAgain(request.Source, pass.Order, terminal, token));
            var comparison = new Comparison(plans, configurations, request.Options, WorkerRunner.Instance);
            string title = $"Comparing {Quantity.Count(configurations.Count, "allocator")} (seed {request.Options.Seed})";
            ComparisonReport report = terminal.WithProgress(title, progress => comparison.Run(request.Source.Trace.Path, new Share(progress), token));
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

    private static double ParsePrecision(string text) =>
        double.TryParse(text.AsSpan().TrimEnd('%'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double percent) && percent is > 0 and < 100
            ? percent / 100
            : throw new UsageException($"--precision {text}: expected a percentage such as 1% or 0.5%");

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
