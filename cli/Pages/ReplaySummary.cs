using AllocReplay.Cli.Options;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>replay</c> shows, in the shape that <c>replay --json</c> prints.</summary>
internal sealed record ReplaySummary
{
    public required string Trace { get; init; }
    public required string Allocator { get; init; }
    public required string AllocatorPath { get; init; }
    public required string Version { get; init; }
    public required string BuildId { get; init; }
    public required IReadOnlyList<string> Environment { get; init; }
    public required ReplayOrder Order { get; init; }
    public required string Pace { get; init; }
    public required int Loops { get; init; }
    public required TouchPolicy Touch { get; init; }
    public required long Calls { get; init; }
    /// <summary>Bytes of successful acquisitions, as the trace has them, of all loops.</summary>
    public required ulong BytesAcquired { get; init; }
    public required long ElapsedNs { get; init; }
    public required double CallsPerSecond { get; init; }
    public required long CpuNs { get; init; }
    public required long MinorFaults { get; init; }
    public required long ContextSwitches { get; init; }
    public required ulong PeakLiveBytes { get; init; }
    /// <summary>Anonymous resident bytes at their peak, over the harness's own; null for the no-op.</summary>
    public required long? PeakBytes { get; init; }
    public required long? EndBytes { get; init; }
    public required long? MemorySamples { get; init; }
    /// <summary>Peak over peak live; null where the order leaves it to the replay what is live, or where the replay was over before its peak could be seen.</summary>
    public required double? Overhead { get; init; }
    /// <summary>Whether the harness's tables could be locked in memory.</summary>
    public required bool Locked { get; init; }
    public required long CrossThreadBlocks { get; init; }
    public required long Waits { get; init; }
    public required long Sleeps { get; init; }
    public required long FailedNow { get; init; }
    public required long Divergences { get; init; }
    /// <summary>Calls for which the allocator has no function; the nearest it has was called.</summary>
    public required IReadOnlyList<string> Substituted { get; init; }
    /// <summary>Where the replay itself was recorded, or null.</summary>
    public string? Recorded { get; init; }
    public required PlanCounts Plan { get; init; }
    public required IReadOnlyList<WorkerThread> Threads { get; init; }

    /// <summary>Fewer readings than these and a peak may lie between them.</summary>
    private const int EnoughSamples = 20;

    public static ReplaySummary Of(
        string trace, ReplayPlan plan, Allocator allocator, ReplayOptions options, WorkerResult timed, WorkerResult? measured) => new()
        {
            Trace = trace,
            Allocator = allocator.Name,
            AllocatorPath = timed.AllocatorPath,
            Version = allocator.Version,
            BuildId = allocator.BuildId,
            Environment = allocator.Environment,
            Order = timed.Order,
            Pace = ReplayArguments.NameOfPace(options.Slowness),
            Loops = options.Loops,
            Touch = allocator.IsNoop ? TouchPolicy.None : options.Touch,
            Calls = timed.Calls,
            BytesAcquired = plan.Trace.BytesAcquired * (ulong)options.Loops,
            ElapsedNs = timed.ElapsedNs,
            CallsPerSecond = timed.CallsPerSecond,
            CpuNs = timed.CpuNs,
            MinorFaults = timed.MinorFaults,
            ContextSwitches = timed.VoluntarySwitches + timed.InvoluntarySwitches,
            PeakLiveBytes = plan.Trace.PeakLiveBytes,
            PeakBytes = measured?.PeakOverBaseline,
            EndBytes = measured is null ? null : measured.EndBytes - measured.BaselineBytes,
            MemorySamples = measured?.MemorySamples,
            Overhead = measured is null || plan.Trace.PeakLiveBytes == 0 || timed.Order == ReplayOrder.Deps || measured.MemorySamples < EnoughSamples ? null : (double)measured.PeakOverBaseline / plan.Trace.PeakLiveBytes,
            Locked = timed.Locked,
            CrossThreadBlocks = plan.Counts.CrossThreadBlocks * options.Loops,
            Waits = timed.Threads.Sum(t => t.Waits),
            Sleeps = timed.Threads.Sum(t => t.Sleeps),
            FailedNow = timed.FailedNow,
            Divergences = timed.Divergences,
            Substituted = [.. timed.Substituted.Keys.Select(k => CallKinds.CallName((CallKind)k))],
            Plan = plan.Counts,
            Threads = timed.Threads,
        };
}
