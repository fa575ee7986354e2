using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Verify;
using Spectre.Console;

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
            Description = "Order to hold the replay to. Default: the one that it was to keep.",
            HelpName = string.Join('|', ReplayArguments.OrderNames),
        };
        order.AcceptOnlyFromAmong([.. ReplayArguments.OrderNames]);
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
    private sealed record Output(string Trace, string Replay, ReplayInfo? Info, bool Holds, ClosureReport Report);

    private static int Run(Request request, Terminal terminal, CancellationToken token)
    {
        using TraceReader replay = TraceReader.Open(request.Replay);
        ReplayInfo? info = replay.Session?.Replay;
        using TraceReader trace = TraceArguments.Open(request.Trace, terminal, preferred: info?.Image);
        var options = new ClosureOptions
        {
            Order = OrderOf(request, info),
            Slowness = info?.Slowness ?? 0,
            Substituted = info?.Substituted ?? new Dictionary<int, int>(),
        };
        ClosureReport report = terminal.WithProgress("Comparing the replay with the trace",
            progress => Closure.Check(trace, replay, options, Path.GetTempPath(), progress, token));
        foreach (TraceFormatException damage in new[] { trace.Damage, replay.Damage }.OfType<TraceFormatException>())
        {
            if (!request.Partial)
                throw new TraceDamagedException(damage);
            terminal.Note($"allocreplay: {damage.Message}; comparing what is readable");
        }
        if (ReplayArguments.LossOf(replay) is { } loss)
            terminal.Note($"Note: {loss}");
        if (request.Json)
            terminal.WriteJson("allocreplay.verify/1", new Output(request.Trace.Path, request.Replay, info, report.Holds, report));
        else
            Print(report, info, trace.Process.Latency, terminal);
        if (!report.Holds && info is not null)
            terminal.Note($"Note: {request.Replay} is a replay of {TextLine.Plain(info.Trace)}, image {TextLine.Plain(info.Image)}, {Quantity.Count(info.Calls)} calls");
        if (info is null)
            terminal.Note($"Note: {request.Replay} does not say what it is a replay of: held to {ReplayArguments.NameOf(options.Order)}; see --order");
        terminal.Next(report.Holds ? TextLine.Command(["compare", .. request.Trace.Words]) : TextLine.Command("dump", request.Replay, "--thread", "N"));
        return report.Holds ? ExitCode.Ok : ExitCode.Failed;
    }

    private static ReplayOrder OrderOf(Request request, ReplayInfo? info)
    {
        string name = request.Order ?? info?.Order ?? ReplayArguments.NameOf(ReplayOrder.Deps);
        return ReplayArguments.OrderNames.Contains(name)
            ? ReplayArguments.ParseOrder(name)
            : throw new TraceFormatException(request.Replay, null, $"expected the order of the replay, found {TextLine.Plain(name)}");
    }

    private static void Print(ClosureReport report, ReplayInfo? info, bool hasLatency, Terminal terminal)
    {
        string what = info is null ? "" : $" under {TextLine.Plain(info.Allocator)}, pace {ReplayArguments.NameOfPace(info.Slowness)}";
        terminal.Line($"{Quantity.Count(report.Calls, "call")} and {Quantity.Count(report.Creations, "thread creation")} on {Quantity.Count(report.Threads, "thread")}, order {ReplayArguments.NameOf(report.Order)}{what}");
        bool isPartial = report.Edges.Any(e => e.NotChecked > 0);
        Table table = Terminal.NewTable(
            [("", Justify.Left), ("edges", Justify.Left), ("checked", Justify.Right), ("held", Justify.Right), .. isPartial ? [("not checked", Justify.Right)] : Array.Empty<(string, Justify)>()]);
        foreach (EdgeCheck e in report.Edges)
            table.AddRow([e.Name, Markup.Escape(e.Meaning), Quantity.Count(e.Checked), Share(e), .. isPartial ? [Quantity.Count(e.NotChecked)] : Array.Empty<string>()]);
        terminal.Write(table);
        foreach (EdgeCheck e in report.Edges.Where(e => e.FirstViolation is not null))
            terminal.Out.WriteLine($"first violation of {e.Name}: {TextLine.Plain(e.FirstViolation!).Replace(" in the replay", "\n  in the replay", StringComparison.Ordinal)}");
        if (report.NeighbourPairs > 0)
        {
            terminal.Line($"inversions  {Quantity.Count(report.Inversions)} of {Quantity.Count(report.NeighbourPairs)} neighbours of two threads came the other way round");
            if (report.Inversions > 0 && report.Order == ReplayOrder.Exact)
                terminal.Line($"            (they may have overlapped, as far as the trace tells{(hasLatency ? "" : "; one of record --latency tells more")})");
        }
        if (report.Timing is { } t)
        {
            terminal.Line($"timing      gaps are off by {Quantity.Duration(t.Median)} in the median, p90 {Quantity.Duration(t.P90)}, "
                + $"p99 {Quantity.Duration(t.P99)}, max {Quantity.Duration(t.Max)}");
        }
        if (report.SucceededNow > 0)
            terminal.Line($"outcomes    {Quantity.Count(report.SucceededNow)} calls that had failed gave a block, released at once");
        if (report.Substituted > 0)
            terminal.Line($"substitutes {Quantity.Count(report.Substituted)} calls were made by the nearest that the allocator has");
        if (report.SkippedReleases + report.UnknownReallocations > 0)
            terminal.Line($"skipped     {Quantity.Count(report.SkippedReleases)} releases and {Quantity.Count(report.UnknownReallocations)} old blocks of reallocations never seen allocated");
        terminal.Line(report.Holds ? "The replay is the recorded execution." : "The replay is NOT the recorded execution.");
    }

    private static string Share(EdgeCheck e) => e.Held == e.Checked
        ? "100 %"
        : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Quantity.Count(e.Held)} ({Math.Floor(1e4 * e.Held / e.Checked) / 100:0.00} %)");
}
