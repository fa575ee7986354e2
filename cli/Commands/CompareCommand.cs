using System.CommandLine;
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
    private const int RunsMin = 3;

    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions();
        Option<string?> allocator = new("--allocator")
        {
            Description = "Allocators, by comma, the first to be compared with: names that 'allocators' lists, or name=path.so; "
                + "VARIABLE=value sets the environment of the one before. Default: all that are installed, and noop.",
            HelpName = "a,b,…",
        };
        Option<int> runs = new("--runs")
        {
            Description = "Blocks of runs that count, at least 3; each runs every allocator once. Fewer than 5 give no verdict.",
            HelpName = "n",
            DefaultValueFactory = _ => 5,
        };
        Option<int?> seed = new("--seed") { Description = "Seed of the order within blocks. Default: a new one, printed.", HelpName = "n" };
        Option<string> touch = ReplayArguments.Touch();
        Option<string?> maxLive = ReplayArguments.MaxLive();
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = TraceArguments.Json();
        var command = new Command("compare", "Compare allocators on a trace: speed, CPU time and memory, with intervals.")
        {
            allocator, runs, seed, touch, maxLive, partial, json,
        };
        choice.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) => Run(
            new Request(
                new ReplayArguments.Source(
                    choice.Of(parse),
                    new PlanCheck(parse.GetValue(partial), ReplayArguments.ParseMaxLive(parse.GetValue(maxLive))),
                    new PlanOptions { Order = Comparison.Passes[0].Order }),
                parse.GetValue(allocator), parse.GetValue(runs), parse.GetValue(seed),
                ReplayArguments.ParseTouch(parse.GetValue(touch)!), parse.GetValue(json)),
            terminal, token));
        return command;
    }

    private sealed record Request(ReplayArguments.Source Source, string? Allocators, int Runs, int? Seed, TouchPolicy Touch, bool Json);

    private static int Run(Request request, Terminal terminal, CancellationToken token)
    {
        if (request.Runs < RunsMin)
            throw new UsageException($"--runs {request.Runs}: fewer than {RunsMin} runs have no spread");
        IReadOnlyList<Configuration> configurations = request.Allocators is { } list ? Configuration.Parse(list) : Configuration.Installed();
        int seed = request.Seed ?? Random.Shared.Next(1, 1_000_000);
        var plans = new List<ReplayPlan> { ReplayArguments.Compile(request.Source, terminal, token) };
        try
        {
            foreach (Pass pass in Comparison.Passes.Where(p => plans.All(plan => plan.Order != p.Order)))
                plans.Add(ReplayArguments.CompileAgain(request.Source, pass.Order, terminal, token));
            var options = new ComparisonOptions { Runs = request.Runs, Seed = seed, Touch = request.Touch };
            var comparison = new Comparison(plans, configurations, options, WorkerRunner.Instance);
            ComparisonReport report = terminal.WithProgress(
                $"Comparing {configurations.Count} allocators (seed {seed})", progress => comparison.Run(request.Source.Trace.Path, progress, token));
            if (request.Json)
                terminal.WriteJson("allocreplay.compare/1", report);
            else
                ComparisonPage.Print(report, terminal);
            ComparisonPage.Note(report, request.Source.Trace.Words, terminal);
        }
        finally
        {
            plans.ForEach(plan => plan.Dispose());
        }
        return ExitCode.Ok;
    }
}
