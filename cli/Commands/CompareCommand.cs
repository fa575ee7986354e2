using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Corpus;
using AllocReplay.Replayer.Compare.Gate;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay compare</c>: traces under several allocators, by a protocol whose figures stand up.</summary>
internal static class CompareCommand
{
    public static Command Create(Terminal terminal)
    {
        var traces = new TraceSetOptions();
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
            Description = "Or until so much time is spent; of several traces, on all together.",
            HelpName = "time",
            DefaultValueFactory = _ => "3m",
        };
        Option<int?> runs = new("--runs") { Description = "Exactly so many runs of each in each pass, whatever the precision and the time.", HelpName = "n" };
        Option<string> primary = new("--primary")
        {
            Description = "The figures that verdicts are given of, by comma. All verdicts are to hold at once: more of them, or more rows, take more runs. "
                + $"There are {string.Join(", ", Metric.All.Select(m => m.Name))}.",
            HelpName = "figures",
            DefaultValueFactory = _ => string.Join(',', Metric.Primary.Select(m => m.Name)),
        };
        Option<int?> seed = new("--seed") { Description = "Seed of the order within blocks. Default: a new one, printed.", HelpName = "n" };
        Option<string> touch = ReplayArguments.Touch();
        Option<bool> touchCalloc = ReplayArguments.TouchCalloc();
        Option<string?> maxLive = ReplayArguments.MaxLive(), pin = ReplayArguments.Pin();
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = TraceArguments.Json();
        Option<bool> noReferences = new("--no-references")
        {
            Description = "Without the rows noop, the harness's own cost, and ideal, what no allocator can do better: they have three runs in each pass.",
        };
        Option<string?> keepPlans = KeptPlans.DirectoryOption();
        var files = new ComparisonFileOptions();
        var command = new Command("compare", "Compare allocators on one trace or on several: speed, CPU time and memory, with intervals.")
        {
            precision, budget, runs, primary, seed, touch, touchCalloc, pin, timeout, maxLive, noReferences, partial, keepPlans, json,
        };
        configurations.AddTo(command);
        traces.AddTo(command);
        gate.AddTo(command);
        files.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            IReadOnlyList<Configuration> named = configurations.Of(parse);
            IReadOnlyList<Configuration> compared = parse.GetValue(noReferences) ? named : Configuration.WithReferences(named);
            GateArguments.Gate gates = gate.Of(parse);
            var options = new ComparisonOptions
            {
                Watched = [.. gates.Conditions.SelectMany(c => c.Metrics)],
                Precision = GateArguments.ParsePercent("--precision", parse.GetValue(precision)!),
                Budget = Quantity.ParseTime("--budget", parse.GetValue(budget)!),
                Blocks = ParseRuns(parse.GetValue(runs)),
                Primary = ParsePrimary(parse.GetValue(primary)!),
                Seed = parse.GetValue(seed) ?? Random.Shared.Next(1, 1_000_000),
                Touch = ReplayArguments.ParseTouch(parse.GetValue(touch)!),
                Timeout = parse.GetValue(timeout) is { } time ? Quantity.ParseTime("--timeout", time) : null,
                TouchCalloc = parse.GetValue(touchCalloc),
                Processors = ReplayArguments.ParsePin(parse.GetValue(pin)),
            };
            var request = new Request(
                new PlanCheck(parse.GetValue(partial), ReplayArguments.ParseMaxLive(parse.GetValue(maxLive))),
                compared, options, gates, parse.GetValue(json), files.Of(parse, parse.GetValue(json)))
            {
                Kept = KeptPlans.Of(parse.GetValue(keepPlans), isDirectory: true, files.Of(parse, parse.GetValue(json)).Force),
            };
            foreach (Condition condition in request.Gate.Conditions)
                condition.Require([.. compared.Select(c => c.Label)]);
            request.Files.Refuse();
            TraceSet set = traces.Of(parse, request.ImagesMax);
            return set.IsOne ? RunOne(set.Traces[0], request, terminal, token) : RunAll(set, request, terminal, token);
        });
        return command;
    }

    private sealed record Request(
        PlanCheck Check, IReadOnlyList<Configuration> Configurations, ComparisonOptions Options, GateArguments.Gate Gate, bool Json, ComparisonFiles Files)
    {
        /// <summary>Where plans are kept, or null.</summary>
        public KeptPlans? Kept { get; init; }

        /// <summary>Whether standard output takes pages for people.</summary>
        public bool PrintsPages => !Json && !Files.TakeOutput;

        /// <summary>Time that a trace takes at the least.</summary>
        public TimeSpan Least =>
            CorpusTime.Least(Configurations.Count, Configurations.Skip(1).Count(c => c.Allocator.IsReference), Options.Primary);

        /// <summary>Traces that there is time for.</summary>
        public int ImagesMax => Options.Blocks is null ? (int)Math.Min(int.MaxValue, Options.Budget / Least) : int.MaxValue;

        /// <param name="trace">The trace.</param>
        /// <param name="name">What it is called among those that are compared.</param>
        public ReplayArguments.Source Source(TraceChoice trace, string name) =>
            new(trace, Check, new PlanOptions { Order = Pass.Throughput.Order }, Kept?.Of(name));
    }

    private static int RunOne(TraceChoice trace, Request request, Terminal terminal, CancellationToken token)
    {
        string name = TraceNames.Of([trace])[0];
        request.Gate.Baseline?.RequireOne(name, request.Options.Touch, request.Configurations);
        CorpusReport made = request.Files.Write(terminal, () =>
        {
            IReadOnlyList<ReplayPlan> plans = ComparisonPlans.Compile(request.Source(trace, name), terminal, token);
            try
            {
                foreach (string line in request.Gate.Baseline?.Require(plans[0].Counts.Calls, request.Configurations) ?? [])
                    terminal.Note($"Note: {line}");
                var comparison = new Comparison(plans, request.Configurations, request.Options, WorkerRunner.Instance);
                string title = $"Comparing {Quantity.Count(request.Configurations.Count, "configuration")} (seed {request.Options.Seed})";
                ComparisonReport report = terminal.WithProgress(title, progress => comparison.Run(trace.Path, new Share(progress), token));
                report = request.Gate.Check(report);
                if (request.Json)
                    terminal.WriteJson("allocreplay.compare/2", report);
                else if (request.PrintsPages)
                    ComparisonPage.Print(report, terminal);
                return CorpusReport.Of(
                    [new TraceResult(trace.Path, trace.Path, null, report)], request.Options, TimeSpan.FromSeconds(report.ElapsedSeconds));
            }
            finally
            {
                ComparisonPlans.Dispose(plans);
            }
        });
        ComparisonPage.Note(made.Traces[0].Report!, terminal);
        if (CorpusPage.Shortage(made) is { } shortage)
            terminal.Note(shortage);
        if (!request.PrintsPages)
            NoteGates(made.Traces[0].Report!, "", terminal);
        terminal.Next(request.Files.Next(request.Options.Seed));
        return CodeOf(made);
    }

    private static int RunAll(TraceSet set, Request request, Terminal terminal, CancellationToken token)
    {
        IReadOnlyList<string> names = TraceNames.Of(set.Traces);
        request.Gate.Baseline?.Require(names, request.Options.Touch, request.Configurations);
        foreach (LeftOut left in set.LeftOut)
            terminal.Note(CorpusPage.Text(left));
        if (request.Options.Blocks is null && request.Options.Budget < request.Least * names.Count)
        {
            string given = CorpusPage.Time(request.Options.Budget.TotalSeconds);
            terminal.Note($"--budget {given} is too short for verdicts on {Quantity.Count(names.Count, "trace")}: "
                + $"they take {CorpusPage.Time((request.Least * names.Count).TotalSeconds)} at the least, and longer where the traces are long");
        }
        CorpusTrace[] traces = [.. set.Traces.Select((choice, i) => new CorpusTrace(
            names[i], choice.Process is { } image ? $"{choice.Path} {image}" : choice.Path,
            ending => CompileOne(request.Source(choice, names[i]), terminal, ending)))];
        CorpusReport made = request.Files.Write(terminal, () =>
        {
            var comparison = new CorpusComparison(traces, request.Configurations, request.Options, WorkerRunner.Instance);
            CorpusReport report = comparison.Run(new Watcher(request, terminal), token) with { LeftOut = set.LeftOut };
            if (!report.Reports.Any())
                throw NothingOf(report);
            if (request.Json)
                terminal.WriteJson("allocreplay.compare_all/1", report);
            else if (request.PrintsPages)
                CorpusPage.PrintSummary(report, terminal);
            return report;
        });
        foreach (string release in ComparisonPage.Releases(made.Reports))
            terminal.Note(release);
        terminal.Next(request.Files.Next(request.Options.Seed));
        return CodeOf(made);
    }

    /// <summary>One of several: what is wrong with the plan that was kept of it is no reason to leave the others.</summary>
    private static IReadOnlyList<ReplayPlan> CompileOne(ReplayArguments.Source source, Terminal terminal, CancellationToken token)
    {
        try
        {
            return ComparisonPlans.Compile(source, terminal, token);
        }
        catch (Exception e) when (e is PlanFileException or UsageException)
        {
            throw new ReplayException(ReplayFailure.Usage, e.Message);
        }
    }

    /// <summary>Where no page for people has them: why the exit code is what it is.</summary>
    private static void NoteGates(ComparisonReport report, string on, Terminal terminal)
    {
        foreach (GateFinding finding in report.Gate)
            terminal.Note(ComparisonPage.Text(finding, on));
    }

    /// <summary>Not one trace has been compared: their reasons have been told.</summary>
    private static Exception NothingOf(CorpusReport report) =>
        report.Traces.Select(t => t.Failure!.Cause).OfType<ReplayException>().FirstOrDefault() is { } impossible
            && report.Traces.All(t => t.Failure!.Kind is TraceFailureKind.NotPossible)
            ? new ReplayException(impossible.Failure, "not one of these traces could be compared")
            : new TraceFormatException(
                report.Traces[0].Trace + (report.Traces.Count > 1 ? ", …" : ""), null, "not one of these traces could be compared");

    private static int CodeOf(CorpusReport made)
    {
        if (made.IsInterrupted)
            return ExitCode.Interrupted;
        bool isSound = made.Reports.All(
            r => r.Rows.All(row => row.IsSound) && r.Gate.All(g => g.Outcome is not (GateOutcome.Failed or GateOutcome.NoFigure)));
        // What was found comes before what could not be looked at.
        return !isSound ? ExitCode.Failed
            : made.Traces.Select(t => t.Failure?.Cause).OfType<Exception>().Select(e => Failures.Classify(e)?.ExitCode).FirstOrDefault() ?? ExitCode.Ok;
    }

    /// <summary>Shows each trace in its turn.</summary>
    private sealed class Watcher(Request request, Terminal terminal) : ICorpusWatcher
    {
        public ComparisonReport Watch(CorpusTurn turn, Func<IProgress<ComparisonProgress>?, ComparisonReport> compare)
        {
            string title = $"Comparing {Quantity.Count(request.Configurations.Count, "configuration")} on {turn.Trace.Name}, {turn.Number} of {turn.Of} "
                + $"(seed {turn.Options.Seed})";
            return terminal.WithProgress(title, progress => compare(new Share(progress)));
        }

        public TraceResult Ended(TraceResult result)
        {
            if (result.Report is not { } report)
            {
                terminal.Note($"allocreplay: {CorpusPage.Text(result)}{(result.Failure!.Cause is { } cause ? Failures.Classify(cause)?.Hint : "")}");
                return result;
            }
            report = request.Gate.CheckOne(result.Name, report);
            if (request.PrintsPages)
                CorpusPage.Print(result, report, terminal);
            else
                NoteGates(report, $" on {result.Name}", terminal);
            CorpusPage.Note(result, report, terminal);
            return result with { Report = report };
        }
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
