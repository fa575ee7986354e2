using AllocReplay.Formats;

namespace AllocReplay.Cli;

/// <summary>What <c>info</c> shows, in the shape that <c>info --json</c> prints.</summary>
internal sealed record TraceSummary
{
    public required string Path { get; init; }
    public required string FormatVersion { get; init; }
    public required string Image { get; init; }
    public required IReadOnlyList<ProcessImage> Images { get; init; }
    public required IReadOnlyList<string> Command { get; init; }
    public required IReadOnlyList<string> Arguments { get; init; }
    public required string Executable { get; init; }
    public required string Host { get; init; }
    public required string Kernel { get; init; }
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
    public required long DurationNs { get; init; }
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
    public required ulong PeakLiveBytes { get; init; }
    public required long PeakLiveNs { get; init; }
    public required long LiveBlocks { get; init; }
    public required ulong LiveBytes { get; init; }
    public required IReadOnlyList<Interval> Intervals { get; init; }
    public required IReadOnlyList<Marker> Markers { get; init; }
    public required long UnknownReleases { get; init; }
    public required long ReleasedWhileStopped { get; init; }
    public required long ImplicitReleases { get; init; }
    public required long Parks { get; init; }
    public required long ForcedSteps { get; init; }
    public required ulong EventsLost { get; init; }
    public required string? Failure { get; init; }
    public required string? Damage { get; init; }
    public required IReadOnlyList<ThreadSummary> Threads { get; init; }

    public sealed record ThreadSummary(
        int Index, uint OsTid, string Name, int Parent, long Calls, ulong BytesRequested, long FirstNs, long LastNs, long? ExitNs);

    public static TraceSummary Of(TraceReader reader, TraceStatistics statistics)
    {
        ProcessInfo process = reader.Process;
        bool isRoot = reader.Session?.Pid == process.Pid;
        return new TraceSummary
        {
            Path = reader.Path,
            FormatVersion = process.FormatVersion,
            Image = reader.Image,
            Images = reader.Images,
            Command = reader.Session?.Command ?? [],
            Arguments = process.Arguments,
            Executable = process.Executable,
            Host = reader.Session?.Host ?? "",
            Kernel = reader.Session?.Kernel ?? "",
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
            DurationNs = statistics.DurationNs,
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
            PeakLiveBytes = statistics.PeakLiveBytes,
            PeakLiveNs = statistics.PeakLiveNs,
            LiveBlocks = statistics.LiveBlocks,
            LiveBytes = statistics.LiveBytes,
            Intervals = reader.Intervals,
            Markers = reader.Markers,
            UnknownReleases = reader.Merge.UnknownReleases,
            ReleasedWhileStopped = reader.Merge.ReleasedWhileStopped,
            ImplicitReleases = reader.Merge.ImplicitReleases,
            Parks = reader.Merge.Parks,
            ForcedSteps = reader.Merge.ForcedSteps,
            EventsLost = process.LostEvents,
            Failure = process.Failure,
            Damage = reader.Damage?.Message,
            Threads = statistics.Threads.Select((t, i) => new ThreadSummary(
                i, reader.Threads[i].OsTid, reader.Threads[i].Name, t.Parent, t.Calls, t.BytesRequested, t.FirstNs, t.LastNs, t.ExitNs)).ToList(),
        };
    }

    private static string DescribeEnd(ProcessInfo process, int? exitCode) => (process.State, exitCode) switch
    {
        (RecordingState.Failed, _) => "recording ended early",
        (_, > 128) => $"killed by signal {exitCode - 128}",
        (_, { } code) => $"exited with {code}",
        (RecordingState.Exited, _) => "ended in an orderly way",
        _ => "still running, or ended without running its destructors",
    };

    private static Dictionary<string, long> CallsOf(TraceStatistics statistics)
    {
        var calls = new Dictionary<string, long>();
        foreach (CallKind kind in Enum.GetValues<CallKind>())
            if (statistics.CountOf(kind) > 0 && !CallKinds.IsThreadEvent(kind) && !CallKinds.IsReallocBegin(kind))
                calls[CallKinds.CallName(kind)] = statistics.CountOf(kind);
        return calls;
    }
}
