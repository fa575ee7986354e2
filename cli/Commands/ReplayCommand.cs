using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats;
using AllocReplay.Recorder;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay replay</c>: a trace once more, on real threads, under one allocator.</summary>
internal static class ReplayCommand
{
    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions();
        Option<string> allocator = new("--allocator")
        {
            Description = "Allocator to replay under: a name that 'allocators' lists, or name=path.so; then [,VARIABLE=value…][ + hook[,option…]].",
            HelpName = "name",
            DefaultValueFactory = _ => "glibc",
        };
        Option<string> touch = ReplayArguments.Touch();
        Option<bool> touchCalloc = ReplayArguments.TouchCalloc();
        Option<string> order = ReplayArguments.Order();
        Option<string> pace = ReplayArguments.Pace();
        Option<int> loop = new("--loop")
        {
            Description = "Replay so many times in one process; what the trace leaves is released in between.",
            HelpName = "n",
            DefaultValueFactory = _ => 1,
        };
        Option<string?> maxLive = ReplayArguments.MaxLive(), pin = ReplayArguments.Pin();
        Option<string?> record = new("--record")
        {
            Description = "Record the replay, for verify to compare with the trace: NAME.alloctrace or NAME.allocrec.",
            HelpName = "out",
        };
        Option<bool> force = new("--force") { Description = "Replace a recording of that name, or a kept plan that is not this one." };
        Option<bool> check = new("--check")
        {
            Description = "Replay once more with every block written and looked at: is it aligned, its owner's alone, and does it keep its bytes? "
                + "Exit code 1 where one is not.",
        };
        Option<bool> partial = TraceArguments.Partial();
        Option<string?> keepPlan = KeptPlans.FileOption();
        Option<bool> json = TraceArguments.Json();
        var command = new Command("replay", "Replay a trace on real threads under an allocator, and check that the replay was the trace.")
        {
            allocator, order, pace, touch, touchCalloc, loop, pin, maxLive, record, check, force, partial, keepPlan, json,
        };
        choice.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) => Run(
            new Request(
                new ReplayArguments.Source(
                    choice.Of(parse),
                    new PlanCheck(parse.GetValue(partial), ReplayArguments.ParseMaxLive(parse.GetValue(maxLive))),
                    new PlanOptions
                    {
                        Order = ReplayArguments.ParseOrder(parse.GetValue(order)!),
                        IsTimed = !ReplayArguments.ParsePace(parse.GetValue(pace)!).IsAsap,
                    },
                    KeptPlans.Of(parse.GetValue(keepPlan), isDirectory: false, parse.GetValue(force))),
                parse.GetValue(allocator)!,
                new ReplayOptions
                {
                    Touch = ReplayArguments.ParseTouch(parse.GetValue(touch)!),
                    TouchCalloc = parse.GetValue(touchCalloc),
                    Pace = ReplayArguments.ParsePace(parse.GetValue(pace)!),
                    Loops = parse.GetValue(loop),
                    Processors = ReplayArguments.ParsePin(parse.GetValue(pin)),
                },
                parse.GetValue(record), parse.GetValue(check), parse.GetValue(force), parse.GetValue(json)),
            terminal, token));
        return command;
    }

    private sealed record Request(
        ReplayArguments.Source Source, string Allocator, ReplayOptions Options, string? Record, bool Check, bool Force, bool Json);

    private static int Run(Request request, Terminal terminal, CancellationToken token)
    {
        IReadOnlyList<Configuration> configurations = new ConfigurationParser(RecorderHooks.Catalog).Parse(request.Allocator);
        if (configurations.Count != 1)
            throw new UsageException($"--allocator {request.Allocator}: replay takes one; compare takes several");
        if (request.Options.Loops < 1)
            throw new UsageException($"--loop {request.Options.Loops}: expected 1 or more");
        Configuration configuration = configurations[0];
        if (request.Check && configuration.Allocator.IsNoop)
            throw new UsageException("--check: under noop there are no blocks to look at");
        RecordingOutput? output = request.Record is { } name ? new RecordingOutput(name, request.Force) : null;
        if (output is not null && WhyNotRecordable(request, configuration, output) is { } why)
            throw new UsageException(why);
        using ReplayPlan plan = ReplayArguments.Compile(request.Source, terminal, token);
        if (output is not null)
            configuration = configuration with { Hook = HookOf(request, configuration, output.Directory) };
        var session = new ReplaySession(plan, configuration, request.Options, WorkerRunner.Instance);
        foreach (Pass pass in session.Passes)
            terminal.WithProgress(TitleOf(pass, session, configuration), progress => session.Run(pass, progress, token));
        IReadOnlyList<WorkerFault>? faults = request.Check ? Check(plan, configuration with { Hook = null }, request.Options, terminal, token) : null;
        string? loss = output is null ? null : LossOf(output.Directory);
        int packing = output?.Finish(terminal) ?? ExitCode.Ok;
        ReplayReport report = session.Report(request.Source.Trace.Path) with { Recorded = output?.Name, Faults = faults };
        if (request.Json)
            terminal.WriteJson("allocreplay.replay/1", report);
        else
            ReplayPage.Print(report, terminal);
        if (report.FailedNow > 0)
        {
            terminal.Note($"Note: {Quantity.Count(report.FailedNow, "call")} that gave a block when recorded failed now: "
                + "the figures are of less than the trace");
        }
        if (report.WaitsDominate)
            terminal.Note("Note: " + ReplayNotes.WaitsDominate(report));
        if (loss is not null)
            terminal.Note($"allocreplay: {loss}");
        IReadOnlyList<string> trace = request.Source.Trace.Words;
        if (output is null)
            terminal.Next(TextLine.Command(["compare", .. trace]), TextLine.Command(["replay", .. trace, "--record", "OUT"]) + " for the proof");
        else
            terminal.Next(TextLine.Command(["verify", .. trace, packing == ExitCode.Ok ? output.Name : output.Directory]));
        if (packing == ExitCode.RecordFailed || (packing == ExitCode.Ok && loss is not null))
            return ExitCode.NotPossible;
        return packing == ExitCode.Ok && faults is { Count: > 0 } ? ExitCode.Failed : packing;
    }

    private static IReadOnlyList<WorkerFault> Check(
        ReplayPlan plan, Configuration configuration, ReplayOptions options, Terminal terminal, CancellationToken token)
    {
        WorkerResult? result = null;
        terminal.WithProgress($"Checking blocks under {configuration.AllocatorName}", progress =>
            result = WorkerRunner.Instance.Run(plan, configuration, options with { Instrument = Instrument.Blocks }, progress, token));
        return result!.Faults;
    }

    private static string TitleOf(Pass pass, ReplaySession session, Configuration configuration) =>
        configuration.Hook is not null ? $"Replaying under {configuration.Label}"
        : pass == session.Passes[0] ? $"Replaying under {configuration.AllocatorName}"
        : $"Replaying for {pass.Name} under {configuration.AllocatorName}";

    /// <summary>With latency: the recording is to be compared with the trace, its speed says nothing.</summary>
    private static RecordingHook HookOf(Request request, Configuration configuration, string recording) => new("record", new RecordOptions
    {
        Command = ["allocreplay", "replay", request.Source.Trace.Path, "--order", ValueName.Of(request.Source.Options.Order), "--allocator",
            configuration.Name],
        Output = recording,
        Force = request.Force,
        Latency = true,
        OptIn = true,
    })
    {
        Trace = request.Source.Trace.Path,
    };

    /// <summary>What is missing of the recording of a replay, or null.</summary>
    private static string? LossOf(string recording)
    {
        try
        {
            using TraceReader reader = TraceReader.Open(recording);
            return ReplayNotes.LossOf(reader.Process);
        }
        catch (TraceFormatException e)
        {
            return e.Message;
        }
    }

    private static string? WhyNotRecordable(Request request, Configuration configuration, RecordingOutput output)
    {
        if (configuration.Allocator.IsReference)
            return $"--record: under {configuration.Allocator.Name} there are no calls to record";
        if (configuration.Hook is { } hook)
            return $"--record: {hook.Label} stands before the allocator; one hook does";
        if (request.Options.Loops > 1)
            return $"--record with --loop {request.Options.Loops}: record one replay, as the trace has each call once";
        // With --force it would be gone before it is read. Before it is packed, a recording is a directory of that name.
        foreach (string target in new[] { output.Name, output.Directory }.Where(t => t.Length > 0))
            if (IsWithin(request.Source.Trace.Path, target) || IsWithin(target, request.Source.Trace.Path))
                return $"--record {request.Record}: the trace itself is {(target == request.Record ? "there" : target)}; choose another name";
        if (request.Source.Kept is { } kept && new[] { output.Name, output.Directory }.Any(t => t.Length > 0 && IsWithin(t, kept.Name)))
            return $"--keep-plan {kept.Name}, --record {request.Record}: both name one file; choose another name for one";
        return output.WhyNot();
    }

    private static bool IsWithin(string path, string directory) =>
        $"{Path.GetFullPath(path)}/".StartsWith($"{Path.GetFullPath(directory)}/", StringComparison.Ordinal);
}
