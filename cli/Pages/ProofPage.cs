using System.Globalization;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Run;
using AllocReplay.Replayer.Verify;
using Spectre.Console;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>verify</c> prints.</summary>
internal static class ProofPage
{
    public static void Print(ProofReport report, ReplayInfo? info, bool hasLatency, Terminal terminal)
    {
        string what = info is null ? "" : $" under {TextLine.Plain(info.Allocator)}, pace {Pace.OfTimeScale(info.Slowness)}";
        terminal.Line($"{Quantity.Count(report.Calls, "call")} and {Quantity.Count(report.Creations, "thread creation")} on "
            + $"{Quantity.Count(report.Threads, "thread")}, order {ValueName.Of(report.Order)}{what}");
        if (report.Prologue is { } prologue && CarriedText.Of(prologue.Carried) is { } carried)
            terminal.Line($"and before them, apart, {carried}");
        bool isPartial = report.AllEdges.Any(e => e.NotChecked > 0);
        (string, Justify)[] partial = isPartial ? [("not checked", Justify.Right)] : [];
        Table table = Terminal.NewTable([("", Justify.Left), ("edges", Justify.Left), ("checked", Justify.Right), ("held", Justify.Right), .. partial]);
        foreach (EdgeCheck e in report.AllEdges)
        {
            string[] notChecked = isPartial ? [Quantity.Count(e.NotChecked)] : [];
            table.Add([e.Name, e.Meaning, Quantity.Count(e.Checked), Share(e), .. notChecked]);
        }
        terminal.Write(table);
        foreach (EdgeCheck e in report.AllEdges.Where(e => e.FirstViolation is not null))
        {
            string violation = TextLine.Plain(e.FirstViolation!).Replace(" in the replay", "\n  in the replay", StringComparison.Ordinal);
            terminal.Out.WriteLine($"first violation of {e.Name}: {violation}");
        }
        if (report.NeighbourPairs > 0)
        {
            terminal.Line($"inversions  {Quantity.Count(report.Inversions)} of {Quantity.Count(report.NeighbourPairs)} neighbours of two threads "
                + "came the other way round");
            if (report.Inversions > 0 && report.Order == ReplayOrder.Exact)
            {
                string more = hasLatency ? "" : "; one of record --latency tells more";
                terminal.Line($"            (they may have overlapped, as far as the trace tells{more})");
            }
        }
        if (report.Timing is { } t)
        {
            terminal.Line($"timing      gaps are off by {Quantity.Duration(t.Median)} in the median, p90 {Quantity.Duration(t.P90)}, "
                + $"p99 {Quantity.Duration(t.P99)}, max {Quantity.Duration(t.Max)}");
        }
        if (report.SucceededNow > 0)
            terminal.Line($"outcomes    {Quantity.Count(report.SucceededNow, "call")} that had failed gave a block, released at once");
        if (report.Substituted > 0)
            terminal.Line($"substitutes {Quantity.Count(report.Substituted, "call was", "calls were")} made by the nearest that the allocator has");
        if (report.SkippedReleases + report.UnknownReallocations > 0)
        {
            terminal.Line($"skipped     {Quantity.Count(report.SkippedReleases, "release")} and "
                + $"{Quantity.Count(report.UnknownReallocations, "old block", "old blocks")} of reallocations never seen allocated");
        }
        if (CarriedText.Uncertain(report.Prologue?.Carried) is { } uncertain)
            terminal.Line($"uncertain   {uncertain}");
        terminal.Line(report.Holds ? "The replay is the recorded execution." : "The replay is NOT the recorded execution.");
    }

    private static string Share(EdgeCheck e) => e.Held == e.Checked
        ? "100 %"
        : string.Create(CultureInfo.InvariantCulture, $"{Quantity.Count(e.Held)} ({Math.Floor(1e4 * e.Held / e.Checked) / 100:0.00} %)");
}
