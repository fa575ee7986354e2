using System.Globalization;
using AllocReplay.Cli.Output;
using Spectre.Console;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>top</c> shows: how the recording is going, then the sites, the threads, or both.</summary>
internal static class TopPage
{
    /// <summary>Columns beside the bars of live bytes over time.</summary>
    private const int BesideBars = 30;

    /// <summary>The lines above the tables, as wide as they are.</summary>
    public static IReadOnlyList<string> Head(TopReport r, int width)
    {
        var lines = new List<string>
        {
            $"{NameOf(r)}, pid {r.Pid}, {r.Process}   {StateOf(r)}",
            $"{Rate(r.EventsPerSecond)} events/s   {Rate(r.AllocationsPerSecond)} allocations/s   {BytesRate(r.BytesPerSecond)}/s"
                + (r.State == TopState.Ended || r.TimeNs == 0 ? "" : $"   as of {Quantity.Duration(r.LagNs)} ago"),
            $"live {Quantity.Bytes(r.LiveBytes)} in {Quantity.Count(r.LiveBlocks, "block")}   peak {Quantity.Bytes(r.PeakBytes)}   "
                + $"growth {Growth(r.GrowthPerMinute)}/min   lost {Quantity.Count(r.LostEvents, "event")}"
                + (r.RssBytes is { } rss ? $"   RSS {Quantity.Bytes(rss)}" : ""),
        };
        if (r.LiveOverTime.Count > 0)
        {
            double[] bars = Sparkline.Peaks(r.LiveOverTime, Math.Max(10, width - BesideBars));
            lines.Add($"live bytes {Sparkline.Render(bars)}  max {Quantity.Bytes(r.PeakBytes)}");
        }
        if (!r.IsCaughtUp && r.EventsBehind > 0)
        {
            lines.Add(r.EventsBehindPerSecond > 0
                ? $"behind by {Quantity.Count((long)r.EventsBehindPerSecond)} events/s: {Quantity.Count(r.EventsBehind)} are not counted yet"
                : $"catching up: {Quantity.Count(r.EventsBehind)} events are not counted yet");
        }
        if (r.Sampling.IsSample)
            lines.Add($"{SampleText.Of(r.Sampling)} is recorded: figures are of those");
        if (r.Failure is { } failure)
            lines.Add($"recording ended early: {failure}");
        if (r.Damage is { } damage)
            lines.Add($"damaged: {damage}");
        return lines;
    }

    /// <summary>The table of call sites.</summary>
    public static IReadOnlyList<string> Sites(TopReport r, int width)
    {
        if (!r.HasStacks)
            return ["no call sites: the recording has no stacks ('record --stacks auto' records them)"];
        return Table(
            [("live", Justify.Right), ("growth/min", Justify.Right), ("allocs/s", Justify.Right), ("blocks", Justify.Right), ("function", Justify.Left)],
            [.. r.Sites.Select(s => new[]
            {
                Quantity.Bytes(s.LiveBytes), Growth(s.GrowthPerMinute), Rate(s.AllocationsPerSecond), Quantity.Count(s.LiveBlocks), SiteText(s),
            })], width);
    }

    /// <summary>The table of threads.</summary>
    public static IReadOnlyList<string> Threads(TopReport r, int width) => Table(
        [("live", Justify.Right), ("growth/min", Justify.Right), ("allocs/s", Justify.Right), ("calls/s", Justify.Right), ("blocks", Justify.Right),
            ("thread", Justify.Left)],
        [.. r.Threads.Select(t => new[]
        {
            Quantity.Bytes(t.LiveBytes), Growth(t.GrowthPerMinute), Rate(t.AllocationsPerSecond), Rate(t.CallsPerSecond), Quantity.Count(t.LiveBlocks),
            $"{t.OsTid} {t.Name}{(t.HasEnded ? " (ended)" : "")}",
        })], width);

    /// <summary>What became of it, in one line.</summary>
    public static string Ending(TopReport r) =>
        $"{NameOf(r)} ({r.Process}) "
            + (r.State == TopState.Abandoned ? "is not written any more, as the process that wrote the recording was killed: " : "has ended: ")
            + $"{Quantity.Count(r.Blocks, "allocation")}, {Quantity.Bytes(r.LiveBytes)} live in {Quantity.Count(r.LiveBlocks, "block")}";

    /// <summary>Its lines, from the headers on.</summary>
    private static string[] Table((string Header, Justify Align)[] columns, string[][] rows, int width) =>
        [.. Terminal.Lines(FittedTable.Of(columns, rows, width), width).SkipWhile(l => l.Length == 0)];

    private static string NameOf(TopReport r) => Path.GetFileName(r.Executable) is { Length: > 0 } name ? TextLine.Plain(name) : r.Process;

    private static string StateOf(TopReport r)
    {
        string since = r.Started == DateTimeOffset.UnixEpoch ? "" : $" since {r.Started.LocalDateTime.ToString("HH:mm:ss", CultureInfo.InvariantCulture)}";
        string interval = r.Interval > 1 ? $", interval {r.Interval}" : "";
        string mark = r.Mark is { } name ? $", mark '{TextLine.Plain(name)}'" : "";
        return r.State switch
        {
            TopState.Recording => $"recorded{since}{(r.KeptFromNs is { } ns ? $", whole from {Quantity.Duration(ns)} on" : "")}{interval}{mark}",
            TopState.Stopped => $"stopped{interval}{mark}",
            TopState.Failed => "failed",
            TopState.Abandoned => "not written any more",
            _ => $"ended after {Quantity.Duration(r.TimeNs)}",
        };
    }

    private static string SiteText(TopSite s) => s.Function.Length == 0 ? "(not known yet)"
        : s.File.Length == 0 ? s.Function : $"{s.Function} ({s.File}{(s.Line > 0 ? $":{s.Line}" : "")})";

    private static string Rate(double? perSecond) => perSecond is { } n ? Quantity.Count((long)Math.Round(n)) : "-";

    private static string BytesRate(double? perSecond) => perSecond is { } n ? Quantity.Bytes(n) : "-";

    private static string Growth(double? perMinute) => perMinute is { } n ? (n > 0 ? "+" : "") + Quantity.Bytes(n) : "-";
}
