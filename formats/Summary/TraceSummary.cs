using System.Globalization;
using System.Text.Json.Serialization;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Formats.Summary;

/// <summary>What a process image's trace holds, in figures: what <c>info</c> shows. Times are nanoseconds since the start of the recording.</summary>
/// <remarks>Not sealed: who shows it may put words to the figures.</remarks>
public record TraceSummary
{
    /// <summary>The path that the trace was opened by.</summary>
    public required string Path { get; init; }
    /// <summary>How it is stored.</summary>
    public required TraceForm Form { get; init; }
    /// <summary>Bytes of the trace's files, all process images included.</summary>
    public required long FileBytes { get; init; }
    /// <summary>Version of the format, as major.minor.</summary>
    public required string FormatVersion { get; init; }
    /// <summary>The process image that the figures are of.</summary>
    public required string Image { get; init; }
    /// <summary>All process images, busiest first.</summary>
    public required IReadOnlyList<ProcessImage> Images { get; init; }
    /// <summary>The command that was recorded, where the recorder was asked.</summary>
    public required IReadOnlyList<string> Command { get; init; }
    /// <summary>Arguments of the process.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }
    /// <summary>Its executable.</summary>
    public required string Executable { get; init; }
    /// <summary>Host name; empty when it is not known.</summary>
    public required string Host { get; init; }
    /// <summary>Kernel; empty when it is not known.</summary>
    public required string Kernel { get; init; }
    /// <summary><c>x86-64</c> or <c>aarch64</c>; of a newer recorder <c>unknown (N)</c>; empty when it is not known.</summary>
    public required string Architecture { get; init; }
    /// <summary>Process id; 0 when it is not known.</summary>
    public required uint Pid { get; init; }
    /// <summary>When recording began, UTC; the Unix epoch when that is not known.</summary>
    public required DateTimeOffset Started { get; init; }
    /// <summary>How the recording ended.</summary>
    public required RecordingState State { get; init; }
    /// <summary>Whether the process began as a fork of a recorded one.</summary>
    public required bool Forked { get; init; }
    /// <summary>Exit code of the command as a shell gives it, where the image is its first and it has ended; else null.</summary>
    public required int? ExitCode { get; init; }
    /// <summary>Path of the allocator in the program; empty when it is not known.</summary>
    public required string Allocator { get; init; }
    /// <summary>Its build id; empty without one.</summary>
    public required string AllocatorBuildId { get; init; }
    /// <summary>Whether operator new is recorded as such.</summary>
    public required bool RecordsOperatorNew { get; init; }
    /// <summary>1 in so many blocks, or bytes, is chosen; 1: all blocks are recorded.</summary>
    public required uint Sample { get; init; }
    /// <summary>How, where not all blocks are recorded.</summary>
    public required SampleScheme SampleScheme { get; init; }
    /// <summary>Which of the program's blocks are recorded.</summary>
    [JsonIgnore]
    public Sampling Sampling => new(SampleScheme, Sample);
    /// <summary>What a sample says of all of the program's blocks; null where all were recorded, and are in the other figures.</summary>
    public required EstimatedBlocks? Estimates { get; init; }
    /// <summary>Whether each call carries how long it took.</summary>
    public required bool Latency { get; init; }
    /// <summary>preload, or mallochook: then every call looks like malloc or free.</summary>
    public required string Source { get; init; }

    /// <summary>See <see cref="ProcessInfo.LinkedAllocator"/>.</summary>
    public required string? LinkedAllocator { get; init; }
    /// <summary>Whether each acquisition carries where it was made.</summary>
    public required bool Stacks { get; init; }
    /// <summary>Where most was acquired: those with most live bytes at the end, then those with most bytes, ten of each. Empty without stacks.</summary>
    public required IReadOnlyList<SiteSummary> Sites { get; init; }
    /// <summary>Blocks whose stack ends before its thread's first frame: it was deeper than asked for, or could not be walked on.</summary>
    public required long StacksCutBlocks { get; init; }
    /// <summary>Blocks whose stack is not known at all, where stacks were recorded.</summary>
    public required long StacksUnknownBlocks { get; init; }
    /// <summary>Time of the first event; of a recording whose oldest part is gone, when what is there whole begins; -1 without events.</summary>
    public required long FirstNs { get; init; }
    /// <summary>Time of the last event.</summary>
    public required long DurationNs { get; init; }
    /// <summary>Time that was recorded and is there whole, up to the last event: the intervals' lengths.</summary>
    public required long RecordedNs { get; init; }
    /// <summary>Events of all kinds.</summary>
    public required long Events { get; init; }
    /// <inheritdoc cref="TraceReader.EventBytes"/>
    public required long EventBytes { get; init; }
    /// <summary>0 without events, and where the part that the figures are of is bounded in time: what is stored does not end there.</summary>
    public required double BytesPerEvent { get; init; }
    /// <summary>Calls; a reallocation is one.</summary>
    public required long Calls { get; init; }
    /// <summary>Calls by name; a reallocation counts once.</summary>
    public required IReadOnlyDictionary<string, long> CallsByKind { get; init; }
    /// <summary>How long calls took, by name; empty without latency.</summary>
    public required IReadOnlyList<CallLatency> Latencies { get; init; }
    /// <summary>Blocks acquired.</summary>
    public required long Acquisitions { get; init; }
    /// <summary>Bytes that they requested; at most 2^63 − 1.</summary>
    public required ulong BytesAcquired { get; init; }
    /// <summary>Acquisitions that failed.</summary>
    public required long FailedCalls { get; init; }
    /// <summary>Releases of a null pointer.</summary>
    public required long NullReleases { get; init; }
    /// <summary>Blocks released by another thread than acquired them.</summary>
    public required long CrossThreadReleases { get; init; }
    /// <summary>Blocks that were released before their thread acquired another.</summary>
    public required long TemporaryBlocks { get; init; }
    /// <summary>Bytes of live blocks at their highest.</summary>
    public required ulong PeakLiveBytes { get; init; }
    /// <summary>When that was.</summary>
    public required long PeakLiveNs { get; init; }
    /// <summary>Live blocks at the end.</summary>
    public required long LiveBlocks { get; init; }
    /// <summary>Their bytes.</summary>
    public required ulong LiveBytes { get; init; }
    /// <summary>Live blocks at the end that may have been given back unseen: calls were lost, or recording was stopped, after they were acquired.</summary>
    public required long LiveUncertainBlocks { get; init; }
    /// <summary>Their bytes.</summary>
    public required ulong LiveUncertainBytes { get; init; }
    /// <summary>How much memory the process had; null where nobody looked.</summary>
    public required MemorySummary? Memory { get; init; }
    /// <summary>What the kernel mapped for the program; null where that was not recorded.</summary>
    public required RegionSummary? Regions { get; init; }
    /// <summary>What is kept of a recording whose oldest part is gone; null where it is there from its beginning.</summary>
    public required KeptSummary? Kept { get; init; }
    /// <summary>What the sparklines show.</summary>
    public required TimelineSummary Timeline { get; init; }
    /// <summary>The interval that the figures are of; null: all.</summary>
    public required uint? OnlyInterval { get; init; }
    /// <summary>The intervals that were recorded.</summary>
    public required IReadOnlyList<Interval> Intervals { get; init; }
    /// <summary>Marks, in order of time.</summary>
    public required IReadOnlyList<Marker> Markers { get; init; }
    /// <summary>Where the part that the figures are of begins and ends, nanoseconds since the start of the recording; null where it is not bounded.</summary>
    public required long? FromNs { get; init; }
    /// <inheritdoc cref="FromNs"/>
    public required long? ToNs { get; init; }
    /// <inheritdoc cref="MergeStatistics.UnknownReleases"/>
    public required long UnknownReleases { get; init; }
    /// <inheritdoc cref="MergeStatistics.InheritedReleases"/>
    public required long InheritedReleases { get; init; }
    /// <inheritdoc cref="MergeStatistics.ReleasedWhileStopped"/>
    public required long ReleasedWhileStopped { get; init; }
    /// <inheritdoc cref="MergeStatistics.ImplicitReleases"/>
    public required long ImplicitReleases { get; init; }
    /// <inheritdoc cref="MergeStatistics.Parks"/>
    public required long Parks { get; init; }
    /// <inheritdoc cref="MergeStatistics.ForcedSteps"/>
    public required long ForcedSteps { get; init; }
    /// <summary>Calls that are not in the trace.</summary>
    public required ulong EventsLost { get; init; }
    /// <summary>Bytes of events that were allowed; 0: no limit.</summary>
    public required long MaxSize { get; init; }
    /// <summary>Time that was allowed; 0: no limit.</summary>
    public required long MaxDurationNs { get; init; }
    /// <summary>The limits that ended the recording.</summary>
    public required IReadOnlyList<RecordingLimit> LimitsHit { get; init; }
    /// <summary>Why recording ended early; null when it did not.</summary>
    public required string? Failure { get; init; }
    /// <summary>The damage that the trace has; null without.</summary>
    public required string? Damage { get; init; }
    /// <summary>The threads, up to the last that has events.</summary>
    public required IReadOnlyList<ThreadSummary> Threads { get; init; }
    /// <summary>A thread's totals, as <see cref="TraceStatistics.ThreadTotals"/> has them.</summary>
    public sealed record ThreadSummary(
        int Index, uint OsTid, string Name, int Parent, long Calls, ulong BytesRequested, long FirstNs, long LastNs, long? ExitNs);

    /// <summary>Calls and live bytes over time.</summary>
    /// <param name="StartNs">Start of the first bucket.</param>
    /// <param name="BucketNs">Width of each.</param>
    /// <param name="Calls">Calls in each bucket.</param>
    /// <param name="PeakLiveBytes">Bytes of live blocks at their highest in each bucket.</param>
    public sealed record TimelineSummary(long StartNs, long BucketNs, IReadOnlyList<long> Calls, IReadOnlyList<ulong> PeakLiveBytes);

    /// <summary>Reads a trace from where it stands to its end, and sums it up.</summary>
    /// <param name="reader">The trace; it is left at its end.</param>
    /// <param name="symbols">What the code of its stacks is called; null for what is stored in the trace.</param>
    /// <param name="progress">Told the share that is read.</param>
    /// <param name="token">Ends the reading.</param>
    /// <exception cref="IOException">The disk failed.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static TraceSummary Read(TraceReader reader, SymbolTable? symbols = null, IProgress<double>? progress = null, CancellationToken token = default)
    {
        var statistics = new TraceStatistics(reader.Carried, reader.Process.Sampling);
        statistics.Certainty.See(reader);
        var latencies = new LatencyStatistics();
        var sites = new SiteStatistics(reader.Process.Sampling);
        var look = new LastLook(statistics, reader.MemorySamples);
        List<ITraceSink> sinks = [reader.MemorySamples.Count > 0 ? look : statistics];
        if (reader.Process.Latency)
            sinks.Add(latencies);
        if (reader.Process.Stacks)
            sinks.Add(sites);
        reader.ForEach(sinks, progress, token);
        return Of(reader, statistics, look, latencies, SitesOf(reader, sites, symbols ?? reader.Symbols), CutOf(reader, sites));
    }

    private static IReadOnlyList<SiteSummary> SitesOf(TraceReader reader, SiteStatistics sites, SymbolTable symbols)
    {
        const int most = 10;
        List<SiteSummary> all = [.. sites.Sites.GroupBy(s => SiteHash.Of(symbols.FramesOf(reader.Frames, s.Stack, out _), symbols))
            .Select(g => SiteOf(reader, g.Key, [.. g], symbols))];
        var byLive = all.Where(s => s.LiveBytes > 0).OrderByDescending(s => s.Estimates?.LiveBytes.Estimate).ThenByDescending(s => s.LiveBytes)
            .ThenBy(s => s.Site, StringComparer.Ordinal).Take(most);
        var byBytes = all.OrderByDescending(s => s.Estimates?.Bytes.Estimate).ThenByDescending(s => s.Bytes)
            .ThenBy(s => s.Site, StringComparer.Ordinal).Take(most);
        return [.. byLive.Concat(byBytes).Distinct()];
    }

    private static (long Cut, long Unknown) CutOf(TraceReader reader, SiteStatistics sites)
    {
        (long cut, long unknown) = (0, 0);
        foreach (SiteStatistics.Site site in sites.Sites)
            if (reader.Frames.Of(site.Stack, out bool isWhole).Count == 0)
                unknown += site.Blocks;
            else if (!isWhole)
                cut += site.Blocks;
        return (cut, unknown);
    }

    private static SiteSummary SiteOf(TraceReader reader, ulong hash, IReadOnlyList<SiteStatistics.Site> stacks, SymbolTable symbols)
    {
        IReadOnlyList<Frame> frames = symbols.FramesOf(reader.Frames, stacks.MaxBy(s => (s.LiveBytes, s.Bytes))!.Stack, out bool isWhole);
        StackLine[] lines = [.. symbols.Lines(frames)];
        int name = SiteName.IndexIn(lines);
        return new SiteSummary(
            hash == 0 ? "" : hash.ToString("x16", CultureInfo.InvariantCulture), lines.Length == 0 ? "" : SiteName.Of(lines[name]),
            stacks.Sum(s => s.Blocks), Total(stacks.Select(s => s.Bytes)),
            stacks.Sum(s => s.LiveBlocks), Total(stacks.Select(s => s.LiveBytes)), stacks.Count,
            name, [.. lines.Select(FunctionSummary.Of)], isWhole, EstimatesOf(stacks, reader.Process.Sampling));
    }

    private static EstimatedBlocks? EstimatesOf(IEnumerable<SiteStatistics.Site> stacks, Sampling sampling) =>
        sampling.IsSample ? stacks.Aggregate(default(BlockEstimates), (sum, s) => sum + s.Estimates).ToTotals(sampling) : null;

    private static ulong Total(IEnumerable<ulong> bytes) => ByteCount.Of(bytes.Aggregate((UInt128)0, (sum, n) => sum + n));

    private static TraceSummary Of(TraceReader reader, TraceStatistics statistics, LastLook look, LatencyStatistics latencies,
        IReadOnlyList<SiteSummary> sites, (long Cut, long Unknown) ended)
    {
        (long fromNs, long toNs) = reader.Bounds;
        ProcessInfo process = reader.Process;
        bool isRoot = reader.Session?.Pid == process.Pid;
        LiveCertainty live = statistics.MeasureLive();
        var regions = RegionSummary.Of(process, statistics.Regions);
        return new TraceSummary
        {
            Path = reader.Path,
            Form = reader.Trace.IsPacked ? TraceForm.Packed : TraceForm.Recording,
            FileBytes = reader.Trace.MeasureFiles(),
            FormatVersion = process.FormatVersion,
            Image = reader.Image,
            Images = reader.Images,
            Command = reader.Session?.Command ?? [],
            Arguments = process.Arguments,
            Executable = process.Executable,
            Host = reader.Session?.Host ?? "",
            Kernel = reader.Session?.Kernel ?? "",
            Architecture = process.Architecture,
            Pid = process.Pid,
            Started = process.Started,
            State = process.State,
            Forked = process.Forked,
            ExitCode = isRoot ? reader.Session!.ExitCode : null,
            Allocator = process.AllocatorPath,
            AllocatorBuildId = process.AllocatorBuildId,
            RecordsOperatorNew = process.RecordsOperatorNew,
            Sample = process.Sample,
            SampleScheme = process.SampleScheme,
            Estimates = process.Sampling.IsSample ? statistics.Estimates : null,
            Latency = process.Latency,
            Source = process.Source,
            LinkedAllocator = process.LinkedAllocator,
            FirstNs = statistics.Events == 0 ? -1 : statistics.Timeline.StartNs,
            DurationNs = statistics.DurationNs,
            RecordedNs = RecordedOf(reader, statistics.DurationNs),
            Events = statistics.Events,
            EventBytes = reader.EventBytes,
            BytesPerEvent = statistics.Events == 0 || reader.Range is { BoundsTime: true } ? 0
                : (double)reader.EventBytes / (statistics.Events + statistics.CarriedEvents),
            Calls = statistics.Calls,
            CallsByKind = CallsOf(statistics),
            Latencies = latencies.Calls,
            Stacks = reader.Process.Stacks,
            Sites = sites,
            StacksCutBlocks = ended.Cut,
            StacksUnknownBlocks = ended.Unknown,
            Acquisitions = statistics.Acquisitions,
            BytesAcquired = statistics.BytesAcquired,
            FailedCalls = statistics.FailedCalls,
            NullReleases = statistics.NullReleases,
            CrossThreadReleases = statistics.CrossThreadReleases,
            TemporaryBlocks = statistics.TemporaryBlocks,
            PeakLiveBytes = statistics.PeakLiveBytes,
            PeakLiveNs = statistics.PeakLiveNs,
            LiveBlocks = statistics.LiveBlocks,
            LiveBytes = statistics.LiveBytes,
            LiveUncertainBlocks = live.UncertainBlocks,
            LiveUncertainBytes = live.UncertainBytes,
            Memory = MemorySummary.Of(reader.MemorySamples, look, regions is not null),
            Regions = regions,
            Kept = KeptSummary.Of(reader, statistics, live),
            Timeline = new TimelineSummary(
                statistics.Timeline.StartNs, statistics.Timeline.BucketNs, statistics.Timeline.Calls, statistics.Timeline.PeakLiveBytes),
            OnlyInterval = reader.Range?.Interval,
            Intervals = reader.Intervals,
            Markers = reader.Markers,
            FromNs = fromNs == 0 ? null : fromNs,
            ToNs = toNs == long.MaxValue ? null : toNs,
            UnknownReleases = reader.Merge.UnknownReleases,
            InheritedReleases = reader.Merge.InheritedReleases,
            ReleasedWhileStopped = reader.Merge.ReleasedWhileStopped,
            ImplicitReleases = reader.Merge.ImplicitReleases,
            Parks = reader.Merge.Parks,
            ForcedSteps = reader.Merge.ForcedSteps,
            EventsLost = process.LostEvents,
            MaxSize = reader.Session?.MaxSize ?? 0,
            MaxDurationNs = reader.Session?.MaxDurationNs ?? 0,
            LimitsHit = [.. LimitsOf(reader)],
            Failure = process.Failure,
            Damage = reader.Damage?.Message,
            Threads = statistics.Threads.Select((t, i) => new ThreadSummary(
                i, reader.Threads[i].OsTid, reader.Threads[i].Name, t.Parent, t.Calls, t.BytesRequested, t.FirstNs, t.LastNs, t.ExitNs)).ToList(),
        };
    }

    private static long RecordedOf(TraceReader reader, long endNs)
    {
        (long fromNs, long toNs) = reader.Bounds;
        fromNs = Math.Max(fromNs, reader.Carried?.UntilNs ?? 0);
        IEnumerable<(long StartNs, long StopNs)> spans = reader.Intervals.Count == 0 ? [(0, endNs)]
            : reader.Intervals.Where(i => reader.Range?.Interval is not { } only || i.Number == only).Select(i => (i.StartNs, i.StopNs ?? endNs));
        return spans.Sum(s => Math.Max(0, Math.Min(s.StopNs, toNs) - Math.Max(s.StartNs, fromNs)));
    }

    private static IEnumerable<RecordingLimit> LimitsOf(TraceReader reader)
    {
        if (reader.Process.SizeLimitReached)
            yield return RecordingLimit.MaxSize;
        // The recorder notes what it allowed, not that it stopped: it stopped if the last interval ends no earlier than that. The
        // session's clock and the process's are not the same, so a little is allowed for.
        if (reader.Session is { MaxDurationNs: > 0 } session && reader.Intervals is [.., { StopNs: { } stop }])
        {
            double stopped = (reader.Process.Started - DateTimeOffset.UnixEpoch).TotalNanoseconds + stop - session.StartedNs;
            if (stopped >= session.MaxDurationNs * 0.99)
                yield return RecordingLimit.Duration;
        }
    }

    private static Dictionary<string, long> CallsOf(TraceStatistics statistics)
    {
        var calls = new Dictionary<string, long>();
        foreach (CallKind kind in Enum.GetValues<CallKind>())
            if (statistics.CountOf(kind) > 0 && CallKinds.IsOfBlock(kind) && !CallKinds.IsReallocBegin(kind))
                calls[CallKinds.CallName(kind)] = statistics.CountOf(kind);
        return calls;
    }
}
