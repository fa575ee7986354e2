using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;

namespace AllocReplay.Replayer.Run;

/// <summary>What a replay shows, in the shape that <c>replay --json</c> prints.</summary>
public sealed record ReplayReport
{
    /// <summary>The trace, as it was named.</summary>
    public required string Trace { get; init; }
    /// <summary>The configuration as it was named, settings included.</summary>
    public required string Allocator { get; init; }
    public required string AllocatorPath { get; init; }
    /// <inheritdoc cref="Allocators.Allocator.Version"/>
    public required string Version { get; init; }
    /// <inheritdoc cref="Allocators.Allocator.Package"/>
    public required string Package { get; init; }
    public required string BuildId { get; init; }
    public required IReadOnlyList<string> Environment { get; init; }
    public required ReplayOrder Order { get; init; }
    public required Pace Pace { get; init; }
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
    /// <inheritdoc cref="MemoryOverhead"/>
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

    internal static ReplayReport Of(
        string trace, ReplayPlan plan, Configuration configuration, ReplayOptions options, WorkerResult timed, WorkerResult? measured) => new()
        {
            Trace = trace,
            Allocator = configuration.AllocatorName,
            AllocatorPath = timed.AllocatorPath,
            Version = configuration.Allocator.Version,
            Package = configuration.Allocator.Package,
            BuildId = configuration.Allocator.BuildId,
            Environment = configuration.Environment,
            Order = timed.Order,
            Pace = options.Pace,
            Loops = options.Loops,
            Touch = configuration.Allocator.IsNoop ? TouchPolicy.None : options.Touch,
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
            Overhead = measured is null ? null : MemoryOverhead.Of(measured, plan.Trace.PeakLiveBytes),
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
