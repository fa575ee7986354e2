using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>info</c> shows, in the shape that <c>info --json</c> prints.</summary>
internal sealed record TraceSummary
{
    public const string Packed = "packed";
    public const string Recording = "recording";
    public const string SizeLimit = "max_size";
    public const string DurationLimit = "duration";

    public required string Path { get; init; }
    /// <summary>recording or packed.</summary>
    public required string Form { get; init; }
    /// <summary>Bytes of the trace's files, all process images included.</summary>
    public required long FileBytes { get; init; }
    public required string FormatVersion { get; init; }
    public required string Image { get; init; }
    public required IReadOnlyList<ProcessImage> Images { get; init; }
    public required IReadOnlyList<string> Command { get; init; }
    public required IReadOnlyList<string> Arguments { get; init; }
    public required string Executable { get; init; }
    public required string Host { get; init; }
    public required string Kernel { get; init; }
    public required string Architecture { get; init; }
    public required uint Pid { get; init; }
    public required DateTimeOffset Started { get; init; }
    /// <summary>How the recording ended, in words.</summary>
    public required string End { get; init; }
    public required int? ExitCode { get; init; }
    public required string Allocator { get; init; }
    public required string AllocatorBuildId { get; init; }
    public required bool RecordsOperatorNew { get; init; }
    public required uint Sample { get; init; }
    public required bool Latency { get; init; }
    /// <summary>preload, or mallochook: then every call looks like malloc or free.</summary>
    public required string Source { get; init; }
    /// <summary>Time of the first event; -1 without events.</summary>
    public required long FirstNs { get; init; }
    /// <summary>Time of the last event.</summary>
    public required long DurationNs { get; init; }
    /// <summary>Time that was recorded, up to the last event: the intervals' lengths.</summary>
    public required long RecordedNs { get; init; }
    public required long Events { get; init; }
    public required long EventBytes { get; init; }
    public required double BytesPerEvent { get; init; }
    public required long Calls { get; init; }
    /// <summary>Calls by name; a reallocation counts once.</summary>
    public required IReadOnlyDictionary<string, long> CallsByKind { get; init; }
    public required long Acquisitions { get; init; }
    public required ulong BytesAcquired { get; init; }
    public required long FailedCalls { get; init; }
    public required long NullReleases { get; init; }
    public required long CrossThreadReleases { get; init; }
    /// <summary>Blocks that were released before their thread acquired another.</summary>
    public required long TemporaryBlocks { get; init; }
    public required ulong PeakLiveBytes { get; init; }
    public required long PeakLiveNs { get; init; }
    public required long LiveBlocks { get; init; }
    public required ulong LiveBytes { get; init; }
    /// <summary>What the sparklines show.</summary>
    public required TimelineSummary Timeline { get; init; }
    /// <summary>The interval that the figures are of; null: all.</summary>
    public required uint? OnlyInterval { get; init; }
    public required IReadOnlyList<Interval> Intervals { get; init; }
    public required IReadOnlyList<Marker> Markers { get; init; }
    public required long UnknownReleases { get; init; }
    public required long ReleasedWhileStopped { get; init; }
    public required long ImplicitReleases { get; init; }
    public required long Parks { get; init; }
    public required long ForcedSteps { get; init; }
    public required ulong EventsLost { get; init; }
    /// <summary>Bytes of events that were allowed; 0: no limit.</summary>
    public required long MaxSize { get; init; }
    /// <summary>Time that was allowed; 0: no limit.</summary>
    public required long MaxDurationNs { get; init; }
    /// <summary>Those of max_size and duration that ended the recording.</summary>
    public required IReadOnlyList<string> LimitsHit { get; init; }
    public required string? Failure { get; init; }
    public required string? Damage { get; init; }
    public required IReadOnlyList<ThreadSummary> Threads { get; init; }
    public IReadOnlyList<TraceWarning> Warnings => [.. TraceWarnings.Of(this)];

    public sealed record ThreadSummary(
        int Index, uint OsTid, string Name, int Parent, long Calls, ulong BytesRequested, long FirstNs, long LastNs, long? ExitNs);

    /// <param name="StartNs">Start of the first bucket.</param>
    /// <param name="BucketNs">Width of each.</param>
    /// <param name="Calls">Calls in each bucket.</param>
    /// <param name="PeakLiveBytes">Bytes of live blocks at their highest in each bucket.</param>
    public sealed record TimelineSummary(long StartNs, long BucketNs, IReadOnlyList<long> Calls, IReadOnlyList<ulong> PeakLiveBytes);

    public static TraceSummary Of(TraceReader reader, TraceStatistics statistics)
    {
        ProcessInfo process = reader.Process;
        bool isRoot = reader.Session?.Pid == process.Pid;
        return new TraceSummary
        {
            Path = reader.Path,
            Form = reader.Trace.IsPacked ? Packed : Recording,
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
            End = DescribeEnd(process, isRoot ? reader.Session!.ExitCode : null),
            ExitCode = isRoot ? reader.Session!.ExitCode : null,
            Allocator = process.AllocatorPath,
            AllocatorBuildId = process.AllocatorBuildId,
            RecordsOperatorNew = process.RecordsOperatorNew,
            Sample = process.Sample,
            Latency = process.Latency,
            Source = process.Source,
            FirstNs = statistics.Events == 0 ? -1 : statistics.Timeline.StartNs,
            DurationNs = statistics.DurationNs,
            RecordedNs = RecordedOf(reader, statistics.DurationNs),
            Events = statistics.Events,
            EventBytes = reader.EventBytes,
            BytesPerEvent = statistics.Events == 0 ? 0 : (double)reader.EventBytes / statistics.Events,
            Calls = statistics.Calls,
            CallsByKind = CallsOf(statistics),
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
            Timeline = new TimelineSummary(
                statistics.Timeline.StartNs, statistics.Timeline.BucketNs, statistics.Timeline.Calls, statistics.Timeline.PeakLiveBytes),
            OnlyInterval = reader.Range?.Interval,
            Intervals = reader.Intervals,
            Markers = reader.Markers,
            UnknownReleases = reader.Merge.UnknownReleases,
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

    private static string DescribeEnd(ProcessInfo process, int? exitCode)
    {
        string end = (process.State, exitCode) switch
        {
            (_, > 128) => $"killed by signal {exitCode - 128}",
            (_, { } code) => $"exited with {code}",
            (RecordingState.Exited, _) => "ended in an orderly way",
            (RecordingState.Failed, _) => "end not seen",
            _ => "still running, or ended without running its destructors",
        };
        return process.State == RecordingState.Failed ? end + "; recording ended early" : end;
    }

    private static long RecordedOf(TraceReader reader, long endNs) =>
        reader.Intervals.Count == 0
            ? endNs
            : reader.Intervals.Where(i => reader.Range?.Interval is null || i.Number == reader.Range?.Interval)
                .Sum(i => Math.Max(0, (i.StopNs ?? endNs) - i.StartNs));

    private static IEnumerable<string> LimitsOf(TraceReader reader)
    {
        if (reader.Process.SizeLimitReached)
            yield return SizeLimit;
        // The recorder notes what it allowed, not that it stopped: it stopped if the last interval ends no earlier than that. The
        // session's clock and the process's are not the same, so a little is allowed for.
        if (reader.Session is { MaxDurationNs: > 0 } session && reader.Intervals is [.., { StopNs: { } stop }])
        {
            double stopped = (reader.Process.Started - DateTimeOffset.UnixEpoch).TotalNanoseconds + stop - session.StartedNs;
            if (stopped >= session.MaxDurationNs * 0.99)
                yield return DurationLimit;
        }
    }

    private static Dictionary<string, long> CallsOf(TraceStatistics statistics)
    {
        var calls = new Dictionary<string, long>();
        foreach (CallKind kind in Enum.GetValues<CallKind>())
            if (statistics.CountOf(kind) > 0 && !CallKinds.IsThreadEvent(kind) && !CallKinds.IsReallocBegin(kind))
                calls[CallKinds.CallName(kind)] = statistics.CountOf(kind);
        return calls;
    }
}
