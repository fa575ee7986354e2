using System.CommandLine;
using AllocReplay.Formats;
using Spectre.Console;

namespace AllocReplay.Cli;

/// <summary><c>allocreplay info</c>: what a trace holds, at a glance.</summary>
internal static class InfoCommand
{
    private const int ImageRows = 20;

    public static Command Create(Terminal terminal)
    {
        Argument<string> trace = TraceArguments.Trace();
        Option<string?> process = TraceArguments.Process();
        Option<uint?> interval = TraceArguments.Interval();
        Option<bool> json = TraceArguments.Json();
        var command = new Command("info", "Show what a trace holds.") { trace, process, interval, json };
        command.SetAction(parse => Run(parse.GetValue(trace)!, parse.GetValue(process), parse.GetValue(interval), parse.GetValue(json), terminal));
        return command;
    }

    private static int Run(string path, string? process, uint? interval, bool json, Terminal terminal)
    {
        using TraceReader reader = TraceReader.Open(path, process, interval);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        TraceSummary summary = TraceSummary.Of(reader, statistics);
        if (json)
            terminal.WriteJson(summary);
        else
            Print(summary, process is null ? path : $"{path} --process {process}", terminal);
        if (reader.Damage is null)
            return ExitCode.Ok;
        terminal.Note($"allocreplay: {reader.Damage.Message}");
        return ExitCode.BadInput;
    }

    /// <summary>An argument as one would type it in a shell, on one line.</summary>
    private static string Quote(string argument)
    {
        string line = argument.ReplaceLineEndings("⏎");
        return line.Length > 0 && line.All(c => char.IsLetterOrDigit(c) || "-_=./:,+@%".Contains(c)) ? line : $"'{line}'";
    }

    private static void Print(TraceSummary s, string target, Terminal terminal)
    {
        var facts = new Grid().AddColumn(new GridColumn { NoWrap = true }).AddColumn();
        void Fact(string name, string value) => facts.AddRow(Markup.Escape(name), Markup.Escape(value));
        Fact("recording", s.Path);
        Fact("program", s.Arguments.Count > 0 ? string.Join(' ', s.Arguments.Select(Quote)) : s.Executable);
        // Of an import, neither is known.
        if (s.Pid > 0)
            Fact("process", $"{s.Image} (pid {s.Pid}), {s.Started:yyyy-MM-dd HH:mm:ss} UTC{(s.Host.Length > 0 ? " on " + s.Host : "")}, {s.End}");
        if (s.Allocator.Length > 0)
            Fact("allocator", s.Allocator + (s.RecordsOperatorNew ? ", its operator new included" : ", operator new as the malloc it calls") + (s.AllocatorBuildId.Length > 0 ? $" (build id {s.AllocatorBuildId[..Math.Min(12, s.AllocatorBuildId.Length)]})" : ""));
        if (s.Sample > 1)
            Fact("sampled", $"1 block in {s.Sample}, by a hash of its address");
        Fact("source", s.Source == ProcessInfo.FromMallocHook ? s.Source + " (calloc, realloc, alignment and operator new look like malloc and free)" : s.Source);
        Fact("duration", Quantity.Duration(s.DurationNs));
        Fact("threads", Quantity.Count(s.Threads.Count));
        Fact("calls", $"{Quantity.Count(s.Calls)} in {Quantity.Count(s.Events)} events, {s.BytesPerEvent:0.00} B/event");
        Fact("acquisitions", $"{Quantity.Count(s.Acquisitions)}, {Quantity.Bytes(s.BytesAcquired)}; {Quantity.Count(s.FailedCalls)} calls failed");
        Fact("releases of null", Quantity.Count(s.NullReleases));
        Fact("peak live", $"{Quantity.Bytes(s.PeakLiveBytes)} at {Quantity.Duration(s.PeakLiveNs)}");
        Fact("live at end", $"{Quantity.Count(s.LiveBlocks)} blocks, {Quantity.Bytes(s.LiveBytes)}");
        Fact("cross-thread", $"{Quantity.Count(s.CrossThreadReleases)} blocks freed by another thread");
        foreach (Interval interval in s.Intervals.Where(_ => s.Intervals.Count > 1 || s.Intervals[0].StopNs is not null).Take(ImageRows))
            Fact($"interval {interval.Number}", $"{Quantity.Duration(interval.StartNs)} to {(interval.StopNs is { } stop ? Quantity.Duration(stop) : "the end")}");
        foreach (Marker marker in s.Markers.Take(ImageRows))
            Fact("mark", $"'{marker.Name}' at {Quantity.Duration(marker.TimeNs)}");
        Fact("not seen", $"{Quantity.Count(s.UnknownReleases)} frees of blocks allocated before recording, {Quantity.Count(s.ImplicitReleases)} addresses reused without a free"
            + (s.ReleasedWhileStopped > 0 ? $", {Quantity.Count(s.ReleasedWhileStopped)} freed while stopped" : ""));
        Fact("merge", $"{Quantity.Count(s.Parks)} parks, {Quantity.Count(s.ForcedSteps)} forced steps");
        Fact("events lost", Quantity.Count((long)s.EventsLost) + (s.Failure is null ? "" : $" ({s.Failure})"));
        terminal.Write(facts);

        Table kinds = Terminal.NewTable(("call", Justify.Left), ("count", Justify.Right));
        foreach ((string name, long count) in s.CallsByKind.OrderByDescending(k => k.Value))
            kinds.AddRow(Markup.Escape(name), Quantity.Count(count));
        terminal.Write(kinds);

        if (s.Images.Count > 1)
        {
            Table images = Terminal.NewTable(("process image", Justify.Left), ("program", Justify.Left), ("event bytes", Justify.Right));
            foreach (ProcessImage image in s.Images.Take(ImageRows))
                images.AddRow(Markup.Escape(image.Name), Markup.Escape(Path.GetFileName(image.Executable)), Quantity.Bytes(image.EventBytes));
            terminal.Write(images);
            string shown = s.Images.Count > ImageRows ? $"the {ImageRows} busiest are listed, --json lists all; " : "";
            terminal.Note($"{s.Images.Count} process images; {shown}this is {s.Image}; --process chooses another.");
        }
        if (s.Calls == 0)
            terminal.Note("No calls were recorded: the program makes none, or has an allocator linked into its executable. If that is gperftools' tcmalloc, try: allocreplay record --via mallochook");
        else
            terminal.Note($"Next: allocreplay compare {target}   or   allocreplay analyze {target} -o DIR");
    }
}
