using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats;
using AllocReplay.Recorder;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using Spectre.Console;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay replay</c>: a trace once more, on real threads, under one allocator.</summary>
internal static class ReplayCommand
{
    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions();
        Option<string> allocator = new("--allocator")
        {
            Description = "Allocator to replay under: a name that 'allocators' lists, or name=path.so[,VARIABLE=value…].",
            HelpName = "name",
            DefaultValueFactory = _ => "glibc",
        };
        Option<string> touch = ReplayArguments.Touch();
        Option<string> order = ReplayArguments.Order();
        Option<string> pace = ReplayArguments.Pace();
        Option<int> loop = new("--loop")
        {
            Description = "Replay so many times in one process; what the trace leaves is released in between.",
            HelpName = "n",
            DefaultValueFactory = _ => 1,
        };
        Option<string?> maxLive = ReplayArguments.MaxLive();
        Option<string?> record = new("--record")
        {
            Description = "Record the replay, for verify to compare with the trace: NAME.alloctrace or NAME.allocrec.",
            HelpName = "out",
        };
        Option<bool> force = new("--force") { Description = "Replace a recording of that name." };
        Option<bool> partial = TraceArguments.Partial();
        Option<string?> keepPlan = new("--keep-plan") { Description = "Keep the compiled plan as this file.", HelpName = "file" };
        Option<bool> json = TraceArguments.Json();
        var command = new Command("replay", "Replay a trace on real threads under an allocator, and check that the replay was the trace.")
        {
            allocator, order, pace, touch, loop, maxLive, record, force, partial, keepPlan, json,
        };
        choice.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) => Run(
            new Request(
                new ReplayArguments.Source(
                    choice.Of(parse), parse.GetValue(partial), ReplayArguments.ParseMaxLive(parse.GetValue(maxLive)),
                    new PlanOptions
                    {
                        Order = ReplayArguments.ParseOrder(parse.GetValue(order)!),
                        IsTimed = ReplayArguments.ParsePace(parse.GetValue(pace)!) > 0,
                    },
                    parse.GetValue(keepPlan)),
                parse.GetValue(allocator)!,
                new ReplayOptions
                {
                    Touch = ReplayArguments.ParseTouch(parse.GetValue(touch)!),
                    Slowness = ReplayArguments.ParsePace(parse.GetValue(pace)!),
                    Loops = parse.GetValue(loop),
                },
                parse.GetValue(record), parse.GetValue(force), parse.GetValue(json)),
            terminal, token));
        return command;
    }

    private sealed record Request(
        ReplayArguments.Source Source, string Allocator, ReplayOptions Options, string? Record, bool Force, bool Json);

    private static int Run(Request request, Terminal terminal, CancellationToken token)
    {
        IReadOnlyList<Allocator> allocators = AllocatorCatalog.Parse(request.Allocator);
        if (allocators.Count != 1)
            throw new UsageException($"--allocator {request.Allocator}: replay takes one; compare takes several");
        if (request.Options.Loops < 1)
            throw new UsageException($"--loop {request.Options.Loops}: expected 1 or more");
        RecordingOutput? output = request.Record is { } name ? new RecordingOutput(name) : null;
        if (output is not null && WhyNotRecordable(request, allocators[0], output) is { } why)
            throw new UsageException(why);
        using ReplayPlan plan = ReplayArguments.Compile(request.Source, terminal, token);
        if (request.Source.KeepPlan is { } kept)
            terminal.Note($"Wrote {kept}.");
        (WorkerResult timed, WorkerResult? measured) = output is null
            ? Replay(plan, allocators[0], request.Options, terminal, token)
            : (Record(plan, allocators[0], request, output.Directory, terminal, token), null);
        string? loss = output is null ? null : LossOf(output.Directory);
        int packing = output?.Finish(terminal) ?? ExitCode.Ok;
        ReplaySummary summary = ReplaySummary.Of(request.Source.Trace.Path, plan, allocators[0], request.Options, timed, measured) with { Recorded = output?.Name };
        if (request.Json)
            terminal.WriteJson("allocreplay.replay/1", summary);
        else
            Print(summary, terminal);
        if (timed.FailedNow > 0)
            terminal.Note($"Note: {Quantity.Count(timed.FailedNow)} calls that gave a block when recorded failed now: the figures are of less than the trace");
        if (loss is not null)
            terminal.Note($"allocreplay: {loss}");
        IReadOnlyList<string> trace = request.Source.Trace.Words;
        if (output is null)
            terminal.Next(TextLine.Command(["compare", .. trace]), TextLine.Command(["replay", .. trace, "--record", "OUT"]) + " for the proof");
        else
            terminal.Next(TextLine.Command(["verify", .. trace, packing == ExitCode.Ok ? output.Name : output.Directory]));
        return packing == ExitCode.RecordFailed || (packing == ExitCode.Ok && loss is not null) ? ExitCode.NotPossible : packing;
    }

    /// <summary>What is missing of the recording of a replay, or null.</summary>
    private static string? LossOf(string recording)
    {
        try
        {
            using TraceReader reader = TraceReader.Open(recording);
            return ReplayArguments.LossOf(reader);
        }
        catch (TraceFormatException e)
        {
            return e.Message;
        }
    }

    private static string? WhyNotRecordable(Request request, Allocator allocator, RecordingOutput output)
    {
        if (allocator.IsNoop)
            return "--record: under noop there are no calls to record";
        if (request.Options.Loops > 1)
            return $"--record with --loop {request.Options.Loops}: record one replay, as the trace has each call once";
        // With --force it would be gone before it is read. Before it is packed, a recording is a directory of that name.
        foreach (string target in new[] { output.Name, output.Directory }.Where(t => t.Length > 0))
            if (IsWithin(request.Source.Trace.Path, target) || IsWithin(target, request.Source.Trace.Path))
                return $"--record {request.Record}: the trace itself is {(target == request.Record ? "there" : target)}; choose another name";
        return output.WhyNot(request.Force);
    }

    private static bool IsWithin(string path, string directory) =>
        $"{Path.GetFullPath(path)}/".StartsWith($"{Path.GetFullPath(directory)}/", StringComparison.Ordinal);

    /// <summary>One run under our own hook, with latency: it is to be compared with the trace, its speed says nothing.</summary>
    private static WorkerResult Record(ReplayPlan plan, Allocator allocator, Request request, string recording, Terminal terminal, CancellationToken token)
    {
        string order = ReplayArguments.NameOf(plan.Order);
        RecordSession session = Begin(new RecordOptions
        {
            Command = ["allocreplay", "replay", request.Source.Trace.Path, "--order", order, "--allocator", allocator.Name],
            Output = recording,
            Force = request.Force,
            Latency = true,
            OptIn = true,
        });
        ReplayOptions options = request.Options with { Hook = new PreloadedHook(session.HookPath, session.Environment) };
        try
        {
            WorkerResult result = terminal.WithProgress($"Replaying under {allocator.Name} and recording", progress => WorkerProcess.Run(plan, allocator, options, progress, token));
            session.Close(result.ProcessId, ExitCode.Ok, new ReplayInfo
            {
                Trace = request.Source.Trace.Path,
                Image = plan.Image,
                Calls = result.Calls,
                Order = order,
                Slowness = options.Slowness,
                Touch = ReplayArguments.NameOf(options.Touch),
                Allocator = allocator.Name,
                AllocatorPath = result.AllocatorPath,
                AllocatorBuildId = allocator.BuildId,
                Substituted = result.Substituted,
            });
            return result;
        }
        catch
        {
            Directory.Delete(recording, recursive: true); // what it holds is no replay
            throw;
        }
    }

    /// <summary>The exit codes of a recorder are for those who started a command with it.</summary>
    private static RecordSession Begin(RecordOptions options)
    {
        try
        {
            return RecordSession.Begin(options);
        }
        catch (RecordException e)
        {
            throw new ReplayException(ReplayFailure.NotPossible, e.Message);
        }
    }

    /// <summary>Two runs, as reading the memory would slow the one that is timed. At a given pace there is nothing to slow: one.</summary>
    private static (WorkerResult Timed, WorkerResult? Measured) Replay(ReplayPlan plan, Allocator allocator, ReplayOptions options, Terminal terminal, CancellationToken token)
    {
        ReplayOptions forMemory = options with { MemoryIntervalUs = ReplayOptions.MemoryPassIntervalUs };
        WorkerResult Run(string title, ReplayOptions how) =>
            terminal.WithProgress($"{title} under {allocator.Name}", progress => WorkerProcess.Run(plan, allocator, how, progress, token));
        if (allocator.IsNoop)
            return (Run("Replaying", options), null);
        WorkerResult first = Run("Replaying", options.Slowness > 0 ? forMemory : options);
        return (first, options.Slowness > 0 ? first : Run("Replaying for memory", forMemory));
    }

    private static void Print(ReplaySummary s, Terminal terminal)
    {
        Grid facts = Terminal.NewFacts();
        void Fact(string name, string value) => facts.Add(name, value);
        Fact("trace", s.Trace);
        Fact("allocator", s.AllocatorPath + (s.Version.Length > 0 ? $" ({s.Version})" : ""));
        Fact("order", $"{ReplayArguments.NameOf(s.Order)}, pace {s.Pace}, touch {ReplayArguments.NameOf(s.Touch)}");
        Fact("replayed", $"{(s.Loops > 1 ? $"{s.Loops} times, " : "")}{Quantity.Count(s.Calls, "call")} on {Quantity.Count(s.Threads.Count, "thread")}, {Quantity.Bytes(s.BytesAcquired)} acquired");
        Fact("check", "every thread's calls and bytes are those of the trace"
            + (s.FailedNow > 0 ? $"; {Quantity.Count(s.FailedNow)} of them failed" : "")
            + (s.Plan.UnknownReleases > 0 ? $", but for {Quantity.Count(s.Plan.UnknownReleases)} skipped releases of blocks never seen allocated" : ""));
        // At a given pace, or with much to wait for, calls per second say nothing of the allocator.
        Fact("elapsed", Quantity.Duration(s.ElapsedNs) + (s.Pace != ReplayArguments.Asap ? ", as the pace has it"
            : $", {s.CallsPerSecond / 1e6:0.00} M calls/s, {s.ElapsedNs / (double)s.Calls:0.0} ns/call{(s.Order == ReplayOrder.Deps ? "" : " with the waits of the order")}"));
        Fact("CPU time", $"{Quantity.Duration(s.CpuNs)}, {Quantity.Count(s.ContextSwitches)} context switches, {Quantity.Count(s.MinorFaults)} page faults");
        if (s.PeakBytes is { } peak)
        {
            string overhead = s.Order == ReplayOrder.Deps ? " (threads may run ahead of one another: --order total for the trace's)" : s.Overhead is { } ratio
                ? $", {ratio:0.00} × peak live {Quantity.Bytes(s.PeakLiveBytes)}"
                : $" (over too soon to see its peak in {Quantity.Count(s.MemorySamples ?? 0)} readings)";
            Fact("peak memory", $"{Quantity.Bytes(peak)} anonymous{overhead}");
            Fact("left at end", Quantity.Bytes(s.EndBytes ?? 0));
        }
        Fact("hand-overs", $"{Quantity.Count(s.CrossThreadBlocks)} between threads");
        Fact("waits", $"{Quantity.Count(s.Plan.Waits * s.Loops)} to enforce, {Quantity.Count(s.Waits)} were not over when met, {Quantity.Count(s.Sleeps)} of them slept");
        Fact("divergences", $"{Quantity.Count(s.FailedNow)} failed now, {Quantity.Count(s.Divergences)} other outcomes");
        if (s.Recorded is { } recording)
            Fact("recorded", recording + " (the hook's cost is in these figures)");
        if (s.Substituted.Count > 0)
            Fact("substituted", string.Join(", ", s.Substituted) + " (the allocator has no function of that name)");
        terminal.Write(facts);
    }
}
