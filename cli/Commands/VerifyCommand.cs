using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Run;
using AllocReplay.Replayer.Verify;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay verify</c>: was the replay the recorded execution?</summary>
internal static class VerifyCommand
{
    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions();
        Argument<string> replay = new("replay") { Description = "The recording of its replay, by 'replay --record'." };
        Option<string?> order = new("--order")
        {
            Description = "Order to hold the replay to: deps, exact or total. Default: the one that it was to keep.",
            HelpName = "order",
        };
        order.AcceptOnlyFromAmong([.. ValueName.All<ReplayOrder>()]);
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = TraceArguments.Json();
        var command = new Command("verify", "Compare the recording of a replay with the trace, edge by edge: was it the same execution?");
        choice.AddTo(command);
        command.Arguments.Add(replay);
        foreach (Option option in new Option[] { order, partial, json })
            command.Options.Add(option);
        Interruptible.SetAction(command, terminal, (parse, token) => Run(
            new Request(
                choice.Of(parse), parse.GetValue(replay)!, parse.GetValue(order), parse.GetValue(partial), parse.GetValue(json)),
            terminal, token));
        return command;
    }

    private sealed record Request(TraceChoice Trace, string Replay, string? Order, bool Partial, bool Json);

    /// <summary>What <c>--json</c> prints.</summary>
    /// <param name="Trace">The trace, as it was named.</param>
    /// <param name="Replay">The recording of its replay, as it was named.</param>
    /// <param name="Info">What that was to be a replay of; null where it does not say.</param>
    /// <param name="Holds">Whether the replay was the recorded execution.</param>
    /// <param name="Report">Edge by edge.</param>
    private sealed record Output(string Trace, string Replay, ReplayInfo? Info, bool Holds, ProofReport Report);

    private static int Run(Request request, Terminal terminal, CancellationToken token)
    {
        using TraceReader replay = TraceReader.Open(request.Replay);
        ReplayInfo? info = replay.Session?.Replay;
        // Of a part of the trace, the replay is no execution of the whole.
        TraceChoice choice = request.Trace with { Range = request.Trace.Range ?? info?.Range };
        if (choice.Range != request.Trace.Range)
            terminal.Note($"Note: a part was replayed; this is {TextLine.Command(["verify", .. choice.Words, request.Replay])}");
        using TraceReader trace = TraceArguments.Open(choice, terminal, preferred: info?.Image);
        var options = new ProofOptions
        {
            Order = OrderOf(request, info),
            Pace = Pace.OfTimeScale(info?.Slowness ?? 0),
            Substituted = info?.Substituted ?? new Dictionary<int, int>(),
        };
        ProofReport report = terminal.WithProgress("Comparing the replay with the trace",
            progress => ReplayProof.Check(trace, replay, options, Path.GetTempPath(), progress, token));
        foreach (TraceFormatException damage in new[] { trace.Damage, replay.Damage }.OfType<TraceFormatException>())
        {
            if (!request.Partial)
                throw new TraceDamagedException(damage);
            terminal.Note($"allocreplay: {damage.Message}; comparing what is readable");
        }
        if (ReplayNotes.LossOf(replay.Process) is { } loss)
            terminal.Note($"Note: {loss}");
        if (request.Json)
            terminal.WriteJson("allocreplay.verify/1", new Output(request.Trace.Path, request.Replay, info, report.Holds, report));
        else
            ProofPage.Print(report, info, trace.Process.Latency, terminal);
        if (!report.Holds && info is not null)
        {
            terminal.Note($"Note: {request.Replay} is a replay of {TextLine.Plain(info.Trace)}, image {TextLine.Plain(info.Image)}, "
                + $"{Quantity.Count(info.Calls, "call")}");
        }
        if (info is null)
            terminal.Note($"Note: {request.Replay} does not say what it is a replay of: held to {ValueName.Of(options.Order)}; see --order");
        terminal.Next(report.Holds ? TextLine.Command(["compare", .. choice.Words]) : TextLine.Command("dump", request.Replay, "--thread", "N"));
        return report.Holds ? ExitCode.Ok : ExitCode.Failed;
    }

    private static ReplayOrder OrderOf(Request request, ReplayInfo? info)
    {
        string name = request.Order ?? info?.Order ?? ValueName.Of(ReplayOrder.Deps);
        return ValueName.Parse<ReplayOrder>(name)
            ?? throw new TraceFormatException(request.Replay, null, $"expected the order of the replay, found {TextLine.Plain(name)}");
    }
}
