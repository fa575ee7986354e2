using System.Globalization;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Statistics;
using AllocReplay.Formats.Summary;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace AllocReplay.Cli.Pages;

/// <summary>Which lists are shown in full.</summary>
internal sealed record InfoLists(bool AllThreads, bool AllImages);

/// <summary>
/// The page that <c>info</c> prints: what it is, its figures, how they go over time, lists, and last what to beware of.
/// </summary>
internal static class InfoPage
{
    private const int ThreadRows = 10;
    private const int ImageRows = 10;
    private const int SiteRows = 10;
    private const int SiteFrames = 8;

    private const int IntervalRows = 10;

    /// <summary>Characters of a fact on the page: breaking lines takes a second for a million of them.</summary>
    private const int FactMax = 4096;

    /// <summary>Columns of a sparkline's name before it, and of its highest value after it.</summary>
    private const int NameWidth = 12;
    private const int HighestWidth = 21;

    /// <param name="s">What it shows.</param>
    /// <param name="lists">Which lists in full.</param>
    /// <param name="width">Columns.</param>
    /// <param name="live">Up to which moment, where it is recorded on.</param>
    public static IEnumerable<IRenderable> Of(TraceSummary s, InfoLists lists, int width, LiveMoment? live = null)
    {
        yield return Facts(s, live);
        yield return Blank;
        yield return Figures(s, live is not null);
        if (s.Calls > 0)
        {
            yield return Blank;
            foreach (string line in Timeline(s, width))
                yield return new Text(line);
            yield return Kinds(s);
        }
        foreach (IRenderable part in Sites(s, width).Concat(Threads(s, lists)).Concat(Intervals(s)).Concat(Images(s, lists)).Concat(Warnings(s)))
            yield return part;
    }

    private static Text Blank => new("");

    private static Grid Facts(TraceSummary s, LiveMoment? live)
    {
        Grid facts = new Grid().AddColumn(new GridColumn { NoWrap = true, Width = NameWidth, Padding = new Padding(0) })
            .AddColumn(new GridColumn { Padding = new Padding(0) });
        void Fact(string name, string value) => facts.Add(name, Shortened(value));
        string form = s.Form == TraceForm.Packed ? "packed trace" : "recording directory";
        Fact("trace", s.Path);
        Fact("form", $"{form}, {Quantity.Bytes(s.FileBytes)} on disk"
            + $"{(s.Images.Count > 1 ? $" with {Quantity.Count(s.Images.Count)} process images" : "")}, format {s.FormatVersion}");
        Fact("program", s.Arguments.Count > 0 ? string.Join(' ', s.Arguments.Select(TextLine.Quote)) : s.Executable);
        string which = s.Images.Count > 1
            ? $"{(s.Images[0].Name == s.Image ? "the busiest" : "one")} of {Quantity.Count(s.Images.Count)}: "
                + "all figures are of it alone; --process chooses another"
            : s.Pid > 0 ? $"pid {s.Pid}" : "not known";
        Fact("process", $"{s.Image}, {which}");
        string started = s.Started == DateTimeOffset.UnixEpoch ? "" : s.Started.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
        string[] ran = [started, s.Host.Length > 0 ? "on " + s.Host : "", s.Kernel, s.Architecture, DescribeEnd(s, live is not null)];
        Fact("ran", string.Join(", ", ran.Where(t => t.Length > 0)));
        if (live is not null)
            Fact("state", $"{StateOf(live)}; figures up to {Quantity.Duration(live.UntilNs)}, "
                + TimeOf(s, live).ToString("HH:mm:ss.fff 'UTC'", CultureInfo.InvariantCulture));
        // Of an import, neither this nor the process is known.
        if (s.Allocator.Length > 0)
            Fact("allocator", s.Allocator
                + (s.AllocatorBuildId.Length > 0 ? $" (build id {s.AllocatorBuildId[..Math.Min(12, s.AllocatorBuildId.Length)]})" : "")
            + (s.RecordsOperatorNew ? ", operator new its own" : ", operator new seen as malloc"));
        if (s.LinkedAllocator is { } linked)
            Fact("linked in", $"an allocator of the program's own, {linked}");
        Fact("source", s.Source + (s.Source == ProcessInfo.FromMallocHook ? " (calloc, realloc, alignment and operator new look like malloc and free)" : "")
            + (s.Sampling.IsSample ? $", {SampleText.Of(s.Sampling)}" : ", every block")
            + (s.Latency ? ", each call's latency" : "") + (s.Stacks ? ", stacks" : ""));
        if (s.Kept is { } kept)
            Fact("kept", DescribeKept(kept, s.EventBytes));
        return facts;
    }

    /// <summary>What is whole of a recording, and what is left of the rest.</summary>
    public static string DescribeKept(KeptSummary kept, long eventBytes)
    {
        string asked = KeepText.Of(kept.KeepBytes, kept.KeepNs) is { } keep ? $" ({keep})" : "";
        string uncertain = kept.UncertainBlocks == 0 ? "" : $", {Quantity.Count(kept.UncertainBlocks)} of them uncertain";
        string where = kept.PackedInto is { } file ? $"packed into {TextLine.Plain(file)}, here are" : "gone, but for";
        return $"whole from {Quantity.Duration(kept.FromNs)} on, {Quantity.Bytes(eventBytes)}{asked}; {Quantity.Count(kept.EventsGone, "event")} before it "
            + $"{where} {Quantity.Count(kept.Blocks, "block")} ({Quantity.Bytes(kept.Bytes)}) that {(kept.Blocks == 1 ? "was" : "were")} live then; "
            + $"{Quantity.Count(kept.StillLiveBlocks)} ({Quantity.Bytes(kept.StillLiveBytes)}) still {(kept.StillLiveBlocks == 1 ? "is" : "are")}{uncertain}";
    }

    private static string Shortened(string value) =>
        value.Length <= FactMax ? value : $"{value[..FactMax]}… ({Quantity.Count(value.Length, "character")}; --json has all)";

    private static Grid Figures(TraceSummary s, bool isLive)
    {
        Grid figures = new Grid()
            .AddColumn(new GridColumn { NoWrap = true, Padding = new Padding(0, 0, 2, 0) })
            .AddColumn(new GridColumn { NoWrap = true, Alignment = Justify.Right, Padding = new Padding(0, 0, 2, 0) })
            .AddColumn(new GridColumn { Padding = new Padding(0) });
        void Figure(string name, string value, string note = "") =>
            figures.Add(name, value, note);
        Figure("duration", Quantity.Duration(s.DurationNs), DescribeTime(s));
        Figure("threads", Quantity.Count(s.Threads.Count), s.Threads is [{ Name.Length: > 0 } only] ? only.Name : "");
        Figure("calls", Quantity.Count(s.Calls), s.RecordedNs > 0 && s.Calls > 0 ? $"{Rate(s.Calls * 1e9 / s.RecordedNs)} on average" : "");
        string stored = string.Create(CultureInfo.InvariantCulture, $"{s.BytesPerEvent:0.00} B/event, {Quantity.Bytes(s.EventBytes)}");
        Figure("events", Quantity.Count(s.Events), s.BytesPerEvent == 0 && s.Events > 0 ? "" : stored);
        string inSample = s.Estimates is null ? "" : " in the sample";
        if (s.Estimates is { } e)
        {
            Figure("the program's", SampleText.Count(e.Blocks), $"blocks acquired, of {SampleText.Bytes(e.Bytes)}, by the sample");
            Figure("  peak live", SampleText.Bytes(e.PeakLiveBytes), "by the sample, rather too high: the highest of many estimates");
            Figure(isLive ? "  live now" : "  live at end", SampleText.Bytes(e.LiveBytes), $"in {SampleText.Count(e.LiveBlocks)} blocks, by the sample");
        }
        Figure("acquisitions", Quantity.Count(s.Acquisitions),
            $"{Quantity.Bytes(s.BytesAcquired)} requested{inSample}; {Quantity.Count(s.FailedCalls)} {(s.FailedCalls == 1 ? "call" : "calls")} failed");
        Figure("temporary", Quantity.Count(s.TemporaryBlocks),
            $"freed before their thread acquired another{inSample}{Share(s.TemporaryBlocks, s.Acquisitions)}");
        Figure("cross-thread", Quantity.Count(s.CrossThreadReleases), $"freed by another thread{Share(s.CrossThreadReleases, s.Acquisitions)}");
        Figure("releases of null", Quantity.Count(s.NullReleases));
        Figure("peak live", Quantity.Bytes(s.PeakLiveBytes), $"at {Quantity.Duration(s.PeakLiveNs)}{inSample}");
        if (s.Memory is { } peak)
            Figure("peak RSS", Quantity.Bytes(peak.PeakRssBytes), $"by {Quantity.Duration(peak.PeakRssNs)}"
                + DescribeBeside(peak.PeakRssBytes, s.Estimates?.PeakLiveBytes.Estimate ?? s.PeakLiveBytes, "peak live"));
        Figure(isLive ? "live now" : "live at end", Quantity.Bytes(s.LiveBytes),
            (s.LiveBlocks == 1 ? "in 1 block" : $"in {Quantity.Count(s.LiveBlocks)} blocks") + inSample
            + (s.LiveUncertainBlocks == 0 ? "" : $", {Quantity.Count(s.LiveUncertainBlocks)} of them ({Quantity.Bytes(s.LiveUncertainBytes)}) uncertain"));
        if (s.Memory is { } last)
            Figure(isLive ? "RSS now" : "RSS at end", Quantity.Bytes(last.RssBytes), $"{Quantity.Bytes(last.AnonymousBytes)} of it anonymous"
                + (last.SwapBytes == 0 ? "" : $", {Quantity.Bytes(last.SwapBytes)} more in swap")
                + DescribeBeside(last.RssBytes, last.LiveBytes, "what was live then"));
        if (s.Regions is { } mapped)
            Figure(isLive ? "mapped now" : "mapped at end", Quantity.Bytes(mapped.Bytes), $"in {Quantity.Count(mapped.Regions, "range")} by mmap, mremap and "
                + $"brk of the program's own; {Quantity.Bytes(mapped.PeakBytes)} at the most");
        if (s.Memory is { MappedBytes: { } bytes } then)
            Figure("live + mapped", Quantity.Bytes(then.LiveBytes + bytes), $"at {Quantity.Duration(then.LastNs)}, of "
                + $"{Quantity.Bytes(then.AnonymousBytes + then.SwapBytes)} anonymous, resident or in swap; what was mapped and never written to is neither");
        Figure("frees not matched", Quantity.Count(s.UnknownReleases), "of blocks whose allocation is not in the trace");
        if (s.Forked)
            Figure("of the parent", Quantity.Count(s.InheritedReleases), "frees of blocks that were there when the process was forked");
        else if (s.Source == ProcessInfo.FromAttach)
            Figure("of before", Quantity.Count(s.InheritedReleases), "frees of blocks that were there when the recorder was attached");
        Figure("frees not seen", Quantity.Count(s.ImplicitReleases + s.ReleasedWhileStopped),
            "addresses handed out again without a free"
            + (s.ReleasedWhileStopped > 0 ? $"; {Quantity.Count(s.ReleasedWhileStopped)} of them while stopped" : ""));
        Figure("merge parks", Quantity.Count(s.Parks), "waits for the event of another thread");
        Figure("forced steps", Quantity.Count(s.ForcedSteps), "waits for an event that never came");
        Figure("events lost", Quantity.Count((long)s.EventsLost));
        Figure("limits hit", s.LimitsHit.Count == 0 ? "none" : string.Join(", ", s.LimitsHit.Select(NameOf)), DescribeLimits(s));
        return figures;
    }

    private static string DescribeBeside(long resident, double live, string what) =>
        live > 0 ? string.Create(CultureInfo.InvariantCulture, $"; resident {resident / live:#,0.0} × {what}") : "";

    /// <summary>What a recording is doing that has not ended; null of one that has.</summary>
    public static string? StateOf(LiveMoment? live) => live is null ? null : live.IsRecording ? "recording" : "stopped";

    /// <summary>The wall-clock time of the moment that figures reach to.</summary>
    public static DateTimeOffset TimeOf(TraceSummary s, LiveMoment live) => s.Started.AddTicks(live.UntilNs / TimeSpan.NanosecondsPerTick);

    /// <summary>How the process ended, as far as that is known.</summary>
    public static string DescribeEnd(TraceSummary s, bool isLive)
    {
        string end = (s.State, s.ExitCode) switch
        {
            (_, > 128) => $"killed by signal {s.ExitCode - 128}",
            (_, { } code) => $"exited with {code}",
            (RecordingState.Exited, _) when s.Source == ProcessInfo.FromAttach => "recorded until it ended or was detached from",
            (RecordingState.Exited, _) => "ended in an orderly way",
            _ when isLive => "still running",
            (RecordingState.Failed, _) => "end not seen",
            _ => "still running, or ended without running its destructors",
        };
        return s.State == RecordingState.Failed ? end + "; recording ended early" : end;
    }

    private static string DescribeTime(TraceSummary s)
    {
        if ((s.FromNs ?? s.ToNs) is not null)
        {
            string from = s.FromNs is { } begin ? $" from {Quantity.Duration(begin)}" : "", to = s.ToNs is { } end ? $" up to {Quantity.Duration(end)}" : "";
            string interval = s.OnlyInterval is { } one ? $" of interval {one}," : "";
            return $"since the start; what is shown is{interval}{from}{to}, {Quantity.Duration(s.RecordedNs)} of it";
        }
        if (s.OnlyInterval is { } only)
            return $"since the start; interval {only} alone is shown, {Quantity.Duration(s.RecordedNs)} of it";
        if (s.Kept is not null)
            return $"since the start; the latest {Quantity.Duration(s.RecordedNs)} are whole";
        if (s.Intervals.Count > 1)
            return $"{Quantity.Duration(s.RecordedNs)} of it recorded, in {Quantity.Count(s.Intervals.Count)} intervals";
        return s.RecordedNs < 0.95 * s.DurationNs ? $"{Quantity.Duration(s.RecordedNs)} of it recorded" : "";
    }

    private static string NameOf(RecordingLimit limit) => limit == RecordingLimit.MaxSize ? "size" : "duration";

    private static string DescribeLimits(TraceSummary s) => string.Join(", ", new[]
    {
        s.MaxSize > 0 ? $"size at most {Quantity.Bytes(s.MaxSize)}" : "",
        s.MaxDurationNs > 0 ? $"duration at most {Quantity.Duration(s.MaxDurationNs)}" : "",
    }.Where(t => t.Length > 0));

    private static string Share(long part, long whole) =>
        whole == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", {100.0 * part / whole:0.0} % of blocks");

    private static string Rate(double perSecond) => $"{Quantity.Count((long)perSecond)} calls/s";

    /// <summary>Two sparklines over one axis of time, and a mark under the peak.</summary>
    private static IEnumerable<string> Timeline(TraceSummary s, int width)
    {
        TraceSummary.TimelineSummary line = s.Timeline;
        int columns = Math.Max(10, width - NameWidth - HighestWidth);
        double[] rates = Sparkline.Rates(line.Calls, line.BucketNs, s.DurationNs - line.StartNs, columns);
        double[] live = Sparkline.Peaks(line.PeakLiveBytes, columns);
        string Row(string name, string text, string after) => name.PadRight(NameWidth) + text.PadRight(rates.Length) + after;
        yield return Row("calls/s", Sparkline.Render(rates), $"  max {Quantity.Count((long)rates.Max())}");
        yield return Row("live bytes", Sparkline.Render(live), $"  max {Quantity.Bytes(s.PeakLiveBytes)}");
        if (s.PeakLiveBytes > 0)
        {
            int bucket = (int)Math.Clamp((s.PeakLiveNs - line.StartNs) / line.BucketNs, 0, line.Calls.Count - 1);
            int column = Sparkline.ColumnOf(bucket, line.Calls.Count, columns);
            string at = $"peak at {Quantity.Duration(s.PeakLiveNs)}";
            yield return Row("", column > at.Length ? (at + " ▲").PadLeft(column + 1) : "▲ ".PadLeft(column + 2) + at, "");
        }
        string from = Quantity.Duration(line.StartNs), to = Quantity.Duration(s.DurationNs);
        string each = $"{Quantity.Duration((double)line.BucketNs * line.Calls.Count / rates.Length)} each";
        int left = Math.Max(1, (rates.Length - each.Length) / 2 - from.Length);
        string begin = rates.Length > from.Length + each.Length + to.Length + 4 ? from + new string(' ', left) + each : from;
        yield return Row("", begin + to.PadLeft(Math.Max(to.Length + 1, rates.Length - begin.Length)), "");
    }

    private static Table Kinds(TraceSummary s)
    {
        var latencies = s.Latencies.ToDictionary(l => l.Call);
        string[] percentiles = latencies.Count > 0 ? ["p50", "p90", "p99", "p99.9", "max"] : [];
        Table kinds = Terminal.NewTable([("call", Justify.Left), ("count", Justify.Right), ("%", Justify.Right),
            .. percentiles.Select(p => (p, Justify.Right))]);
        foreach ((string name, long count) in s.CallsByKind.OrderByDescending(k => k.Value).ThenBy(k => k.Key, StringComparer.Ordinal))
        {
            IEnumerable<string> times = latencies.TryGetValue(name, out CallLatency? l)
                ? new[] { l.P50Ns, l.P90Ns, l.P99Ns, l.P999Ns, l.MaxNs }.Select(ns => Quantity.Duration(ns))
                : [];
            string share = string.Create(CultureInfo.InvariantCulture, $"{100.0 * count / s.Calls:0.0}");
            kinds.Add([name, Quantity.Count(count), share, .. times]);
        }
        return kinds;
    }

    /// <summary>Where blocks come from; the frames of each, as many as fit.</summary>
    private static IEnumerable<IRenderable> Sites(TraceSummary s, int width)
    {
        if (s.Sites.Count == 0)
            yield break;
        var rows = new List<string[]>();
        foreach (SiteSummary site in s.Sites.Take(SiteRows))
        {
            string name = site.Frames.Count == 0 ? "not known" : site.Name;
            rows.Add(site.Estimates is { } e
                ? [SampleText.Bytes(e.LiveBytes), SampleText.Count(e.LiveBlocks), SampleText.Bytes(e.Bytes), SampleText.Count(e.Blocks), name]
                : [Quantity.Bytes(site.LiveBytes), Quantity.Count(site.LiveBlocks), Quantity.Bytes(site.Bytes), Quantity.Count(site.Blocks), name]);
            // What the C library does before main is the same in all.
            string callers = string.Join(" < ", site.Frames.Skip(site.NameIndex + 1).Take(SiteFrames)
                .TakeWhile(f => !SiteHash.IsCLibrary(Path.GetFileName(f.Module))).Select(f => SiteName.Short(f.Function)));
            if (callers.Length > 0)
                rows.Add(["", "", "", "", "  < " + callers]);
        }
        yield return FittedTable.Of([("live", Justify.Right), ("blocks", Justify.Right), ("acquired", Justify.Right), ("blocks", Justify.Right),
            ("site, and who called it", Justify.Left)], rows, width);
        if (s.StacksCutBlocks > 0)
            yield return new Text($"  Stacks that end early{Share(s.StacksCutBlocks, s.Acquisitions)}.");
        if (s.StacksUnknownBlocks > 0)
            yield return new Text($"  Stacks that are not known{Share(s.StacksUnknownBlocks, s.Acquisitions)}.");
        if (s.Sites.Any(site => site.Frames.Count > 0 && site.Frames[site.NameIndex].Function.Contains("+0x", StringComparison.Ordinal)))
            yield return new Text("  Functions without names: 'allocreplay symbolize' says of each module why, and takes --debug-dir and --sysroot.");
    }

    private static IEnumerable<IRenderable> Threads(TraceSummary s, InfoLists lists)
    {
        if (s.Threads.Count < 2 && !lists.AllThreads)
            yield break;
        TraceSummary.ThreadSummary[] busiest = [.. s.Threads.OrderByDescending(t => t.Calls).ThenBy(t => t.Index)];
        Table table = Terminal.NewTable(("thread", Justify.Right), ("tid", Justify.Right), ("name", Justify.Left), ("calls", Justify.Right),
            ("requested", Justify.Right), ("first", Justify.Right), ("last", Justify.Right));
        foreach (TraceSummary.ThreadSummary t in busiest.Take(lists.AllThreads ? int.MaxValue : ThreadRows))
            table.Add(
                Quantity.Count(t.Index), t.OsTid.ToString(CultureInfo.InvariantCulture), t.Name, Quantity.Count(t.Calls),
                Quantity.Bytes(t.BytesRequested), t.FirstNs < 0 ? "-" : Quantity.Duration(t.FirstNs), t.FirstNs < 0 ? "-" : Quantity.Duration(t.LastNs));
        yield return table;
        if (table.Rows.Count < busiest.Length)
        {
            string calls = Quantity.Count(busiest.Skip(table.Rows.Count).Sum(t => t.Calls));
            yield return new Text($"  and {More(busiest.Length - table.Rows.Count, "thread")} with {calls} calls: --threads lists all.");
        }
    }

    private static IEnumerable<IRenderable> Intervals(TraceSummary s)
    {
        if (s.Intervals.Count > 1 || s.Intervals is [{ StopNs: not null }])
        {
            Table table = Terminal.NewTable(("interval", Justify.Right), ("from", Justify.Right), ("to", Justify.Right), ("length", Justify.Right));
            foreach (Interval i in s.Intervals.Take(IntervalRows))
                table.Add(Quantity.Count(i.Number), Quantity.Duration(i.StartNs), i.StopNs is { } stop ? Quantity.Duration(stop) : "the end",
                    Quantity.Duration(Math.Max(0, (i.StopNs ?? s.DurationNs) - i.StartNs)));
            yield return table;
            if (table.Rows.Count < s.Intervals.Count)
                yield return new Text($"  and {More(s.Intervals.Count - table.Rows.Count, "interval")}: --json lists all.");
        }
        if (s.Markers.Count > 0)
        {
            Table table = Terminal.NewTable(("mark", Justify.Left), ("at", Justify.Right));
            foreach (Marker marker in s.Markers.Take(IntervalRows))
                table.Add(marker.Name, Quantity.Duration(marker.TimeNs));
            yield return table;
            if (table.Rows.Count < s.Markers.Count)
                yield return new Text($"  and {More(s.Markers.Count - table.Rows.Count, "mark")}: --json lists all.");
        }
    }

    private static IEnumerable<IRenderable> Images(TraceSummary s, InfoLists lists)
    {
        if (s.Images.Count < 2)
            yield break;
        bool losses = s.Images.Any(i => i.LostEvents > 0);
        Table table = Terminal.NewTable([("process image", Justify.Left), ("program", Justify.Left), ("event bytes", Justify.Right),
            .. losses ? [("events lost", Justify.Right)] : Array.Empty<(string, Justify)>(), ("", Justify.Left)]);
        ProcessImage[] shown = [.. s.Images.Where((image, i) => lists.AllImages || i < ImageRows || image.Name == s.Image)];
        foreach (ProcessImage image in shown)
            table.Add([image.Name, Path.GetFileName(image.Executable),
                Quantity.Bytes(image.EventBytes), .. losses ? [Quantity.Count((long)Math.Min(image.LostEvents, long.MaxValue))] : Array.Empty<string>(),
                image.Name == s.Image ? "← shown above" : ""]);
        yield return table;
        if (shown.Length < s.Images.Count)
        {
            string bytes = Quantity.Bytes(s.Images.Except(shown).Sum(i => i.EventBytes));
            yield return new Text($"  and {More(s.Images.Count - shown.Length, "process image")} with {bytes}: --images lists all.");
        }
        yield return new Text("  Their sum: analyze --process all, then query.");
    }

    private static string More(int n, string thing) => n == 1 ? $"1 more {thing}" : $"{Quantity.Count(n)} more {thing}s";

    private static IEnumerable<IRenderable> Warnings(TraceSummary s)
    {
        WordedWarning[] warnings = [.. TraceWarnings.Of(s).Select(w => WordedWarning.Of(w, s))];
        if (warnings.Length == 0)
            yield break;
        yield return Blank;
        yield return new Text(warnings.Length == 1 ? "1 warning" : $"{warnings.Length} warnings");
        Grid grid = new Grid().AddColumn(new GridColumn { NoWrap = true, Padding = new Padding(2, 0, 1, 0) })
            .AddColumn(new GridColumn { Padding = new Padding(0) });
        foreach (WordedWarning warning in warnings)
        {
            grid.Add("!", warning.What);
            grid.Add("", warning.Action);
        }
        yield return grid;
    }
}
