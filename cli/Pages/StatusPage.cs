using System.Globalization;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Recorder;
using Spectre.Console;

namespace AllocReplay.Cli.Pages;

/// <summary>The page that <c>control TARGET status</c> prints: the process images, and how the process that writes them does.</summary>
internal static class StatusPage
{
    private const string NotKnown = "-";

    /// <summary>A row for each process image.</summary>
    public static Table Images(RecordingStatus s)
    {
        Table table = Terminal.NewTable(("process image", Justify.Left), ("state", Justify.Left), ("interval", Justify.Right), ("threads", Justify.Right),
            ("live", Justify.Right), ("bytes/s", Justify.Right), ("lost", Justify.Right));
        foreach (ImageStatus i in s.Images)
            table.Add(i.Image, i.State, Quantity.Count(i.Interval), Quantity.Count(i.Threads), i.LiveBytes is { } live ? Quantity.Bytes(live) : NotKnown,
                i.BytesPerSecond is { } rate ? Quantity.Bytes(rate) : NotKnown, Count(i.LostEvents));
        foreach (TableColumn column in table.Columns)
            column.Padding = new Padding(0, 0, 2, 0);
        return table;
    }

    /// <summary>What is told of all of them together.</summary>
    /// <param name="s">The recording.</param>
    /// <param name="target">How it was named.</param>
    public static Grid Facts(RecordingStatus s, string target)
    {
        Grid facts = Terminal.NewFacts();
        facts.Add("recorder", Recorder(s.Drain, s.Images.Any(i => i.Alive)));
        bool isLive = s.Drain.State != DrainState.Ended;
        if (isLive)
        {
            facts.Add("rate", (s.BytesPerSecond is { } late ? $"{Quantity.Bytes(late)}/s of events in the last second" : "not told in the last seconds")
                + (s.BytesPerSecondSinceStart is { } all
                    ? $", {Quantity.Bytes(all)}/s since the start {Quantity.Duration((s.RunsSeconds ?? 0) * 1e9)} ago" : ""));
        }
        if (Live(s, target) is { } live)
            facts.Add("live", live);
        facts.Add("disk", $"{Quantity.Bytes(s.DiskBytes)}{(s.MaxSize > 0 ? $", events at most {Quantity.Bytes(s.MaxSize)} of each process image" : "")}"
            + $"{(KeepText.Of(s.KeepBytes, s.KeepNs) is { } keep ? $", the latest part whole ({keep})" : "")}; "
            + $"{Quantity.Bytes(s.DiskFreeBytes)} free");
        if (isLive)
        {
            facts.Add("backlog", $"{Quantity.Bytes(s.BacklogBytes)} to be written, {Quantity.Bytes(s.UnfinishedBytes)} in chunks that are not full; of "
                + $"{Quantity.Bytes(s.SharedBytes)} of shared memory, at most {Quantity.Bytes(s.SharedBytesMax)} for each process image");
            ulong waits = s.Images.Aggregate(0ul, (sum, i) => sum + Math.Min(i.Waits, ulong.MaxValue - sum));
            facts.Add("waits", $"{Count(waits)}{(waits > 0 ? ": threads found no room, as events come faster than they are written" : "")}");
        }
        ulong lost = s.Images.Aggregate(0ul, (sum, i) => sum + Math.Min(i.LostEvents, ulong.MaxValue - sum));
        facts.Add("events lost", Count(lost));
        return facts;
    }

    /// <param name="d">The process that writes it.</param>
    /// <param name="isRecorded">Whether a program runs whose recording it is.</param>
    private static string Recorder(DrainStatus d, bool isRecorded)
    {
        string replaced = d.Replaced > 0 ? $"; the {Ordinal(d.Replaced + 1)}, as {Quantity.Count(d.Replaced)} {(d.Replaced == 1 ? "was" : "were")} killed" : "";
        string usage = d is { MemoryBytes: { } memory, CpuSeconds: { } cpu, RunsSeconds: { } runs }
            ? string.Create(CultureInfo.InvariantCulture,
                $", {Quantity.Bytes(memory)} of memory, {cpu:0.00} s of processor time ({100 * cpu / Math.Max(runs, 0.01):0.0} %)") : "";
        return d.State switch
        {
            DrainState.Running => $"pid {d.Pid}{usage}{replaced}",
            DrainState.Stopped => $"pid {d.Pid} is stopped: kill -CONT {d.Pid} lets it go on. "
                + $"The figures are of what is on disk and in shared memory{replaced}",
            DrainState.Dead => "was killed, and none has taken over. The figures are of what is on disk and in shared memory; "
                + $"the next command that reads the recording brings in the rest{replaced}",
            _ when isRecorded => "none: the program writes the recording itself. The figures are of the files",
            _ => "has ended, and all is on disk: the figures are of the files",
        };
    }

    /// <summary>What is live in those where that was counted; why it was not.</summary>
    private static string? Live(RecordingStatus s, string target)
    {
        ImageStatus[] alive = [.. s.Images.Where(i => i.Alive)], counted = [.. alive.Where(i => i.LiveBytes is not null)];
        if (alive.Length == 0)
            return null;
        string left = counted.Length == alive.Length ? ""
            : $"{(counted.Length == 0 ? "" : "; ")}{(counted.Length == 0 ? "not counted" : Quantity.Count(alive.Length - counted.Length) + " not counted")}: "
                + $"more than {Quantity.Bytes(StatusReading.CountedMax)} would have to be read; {TextLine.Command("top", target)} follows it";
        if (counted.Length == 0)
            return left;
        UInt128 bytes = counted.Aggregate((UInt128)0, (sum, i) => sum + i.LiveBytes!.Value);
        return $"{Quantity.Bytes((double)bytes)} in {Quantity.Count(counted.Sum(i => i.LiveBlocks!.Value), "block")}, "
            + $"after {Quantity.Count(counted.Sum(i => i.Events!.Value), "event")}{left}";
    }

    private static string Count(ulong n) => Quantity.Count((long)Math.Min(n, long.MaxValue));

    private static string Ordinal(uint n) =>
        Quantity.Count(n) + (n % 100 is >= 11 and <= 13 ? "th" : (n % 10) switch { 1 => "st", 2 => "nd", 3 => "rd", _ => "th" });
}
