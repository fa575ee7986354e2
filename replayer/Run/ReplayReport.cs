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
    /// <summary>Path of the object that provided malloc, or <c>noop</c> or <c>ideal</c>.</summary>
    public required string AllocatorPath { get; init; }
    /// <summary>The allocator's release, as itself tells; empty where it does not.</summary>
    public required string Version { get; init; }
    /// <summary>Debian's package of its library and that one's version; empty where dpkg does not know the file.</summary>
    public required string Package { get; init; }
    /// <summary>Build id of that object in hexadecimal, or empty.</summary>
    public required string BuildId { get; init; }
    /// <summary>Variables set for the worker, as NAME=VALUE.</summary>
    public required IReadOnlyList<string> Environment { get; init; }
    /// <summary>The order that was enforced.</summary>
    public required ReplayOrder Order { get; init; }
    /// <summary>When calls were made: <c>asap</c>, <c>recorded</c>, or a speed such as <c>x2</c>.</summary>
    public required Pace Pace { get; init; }
    /// <summary>Times that the trace was replayed, in one process.</summary>
    public required int Loops { get; init; }
    /// <summary>What was written into new blocks.</summary>
    public required TouchPolicy Touch { get; init; }
    /// <summary>Whether blocks of calloc were written into as well.</summary>
    public required bool TouchCalloc { get; init; }
    /// <summary>Calls made, of all loops.</summary>
    public required long Calls { get; init; }
    /// <summary>Bytes of successful acquisitions, as the trace has them, of all loops.</summary>
    public required ulong BytesAcquired { get; init; }
    /// <summary>Blocks that the trace carries, acquired before the clock started, in each loop; null where it is there from its beginning.</summary>
    public required CarriedBlocks? Carried { get; init; }
    /// <summary>From the first call to the end of the last thread.</summary>
    public required long ElapsedNs { get; init; }
    /// <summary>Calls made in a second.</summary>
    public required double CallsPerSecond { get; init; }
    /// <summary>CPU time of all threads, user and system.</summary>
    public required long CpuNs { get; init; }
    /// <summary>Page faults that needed no reading.</summary>
    public required long MinorFaults { get; init; }
    /// <summary>Context switches, voluntary or not.</summary>
    public required long ContextSwitches { get; init; }
    /// <summary>Bytes requested and live at the peak, as the trace has them.</summary>
    public required ulong PeakLiveBytes { get; init; }
    /// <summary>Anonymous resident bytes at their peak, over the harness's own; null for the no-op.</summary>
    public required long? PeakBytes { get; init; }
    /// <summary>What is left of that after the last thread ended.</summary>
    public required long? EndBytes { get; init; }
    /// <summary>Times that the memory was read; null where it was not.</summary>
    public required long? MemorySamples { get; init; }
    /// <summary>Requested bytes live at the peak of the replay itself, which an order other than total leaves to it; null where memory was not read.</summary>
    public required long? ReplayedPeakLiveBytes { get; init; }
    /// <summary>Those of the live bytes that were written into, at their peak; null where memory was not read.</summary>
    public required long? PeakTouchedBytes { get; init; }
    /// <summary>Anonymous resident bytes, over the harness's own, on average over the calls; null where memory was not read.</summary>
    public required long? MeanBytes { get; init; }
    /// <summary>Peak over the replay's own peak live; null where that says nothing.</summary>
    public required double? Overhead { get; init; }
    /// <summary>Why there is no overhead.</summary>
    public required OverheadGap OverheadGap { get; init; }
    /// <summary>Memory over the calls; empty where it was not read.</summary>
    public required IReadOnlyList<MemorySample> MemoryCurve { get; init; }
    /// <summary>Whether the harness's tables could be locked in memory.</summary>
    public required bool Locked { get; init; }
    /// <summary>Blocks that one thread acquired and another gave up.</summary>
    public required long CrossThreadBlocks { get; init; }
    /// <summary>Waits that were not over when they were met.</summary>
    public required long Waits { get; init; }
    /// <summary>Waits that ended in sleep.</summary>
    public required long Sleeps { get; init; }
    /// <summary>Nanoseconds that threads were at work and not waiting, in all.</summary>
    public required long WorkNs { get; init; }
    /// <summary>Whether in more than half of the time no thread was at work, as fast as it goes: then the figures are of the waits.</summary>
    public required bool WaitsDominate { get; init; }
    /// <summary>Acquisitions that succeeded when recorded and failed now.</summary>
    public required long FailedNow { get; init; }
    /// <summary>Calls whose outcome differs in another way.</summary>
    public required long Divergences { get; init; }
    /// <summary>Calls for which the allocator has no function; the nearest it has was called.</summary>
    public required IReadOnlyList<string> Substituted { get; init; }
    /// <summary>What was wrong with blocks, a line for each kind of fault; null where nobody looked.</summary>
    public IReadOnlyList<WorkerFault>? Faults { get; init; }
    /// <summary>Where the replay itself was recorded, or null.</summary>
    public string? Recorded { get; init; }
    /// <summary>What became of the calls when the trace was compiled.</summary>
    public required PlanCounts Plan { get; init; }
    /// <summary>By thread index.</summary>
    public required IReadOnlyList<WorkerThread> Threads { get; init; }

    internal static ReplayReport Of(
        string trace, ReplayPlan plan, Configuration configuration, ReplayOptions options, WorkerResult timed, WorkerResult? measured)
    {
        MemoryOverhead overhead = measured is null ? new(null, OverheadGap.NotMeasured) : MemoryOverhead.Of(measured, options.Touch);
        return new ReplayReport
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
            TouchCalloc = options.TouchCalloc && !configuration.Allocator.IsNoop,
            Calls = timed.Calls,
            BytesAcquired = plan.Trace.BytesAcquired * (ulong)options.Loops,
            Carried = plan.Carried,
            ElapsedNs = timed.ElapsedNs,
            CallsPerSecond = timed.CallsPerSecond,
            CpuNs = timed.CpuNs,
            MinorFaults = timed.MinorFaults,
            ContextSwitches = timed.VoluntarySwitches + timed.InvoluntarySwitches,
            PeakLiveBytes = plan.Trace.PeakLiveBytes,
            PeakBytes = measured?.PeakOverBaseline,
            EndBytes = measured is null ? null : measured.EndBytes - measured.BaselineBytes,
            MemorySamples = measured?.MemorySamples,
            ReplayedPeakLiveBytes = measured?.PeakLiveBytes,
            PeakTouchedBytes = measured?.PeakTouchedBytes,
            MeanBytes = measured?.MeanBytes,
            Overhead = overhead.Ratio,
            OverheadGap = overhead.Gap,
            MemoryCurve = measured?.MemoryCurve ?? [],
            Locked = timed.Locked,
            CrossThreadBlocks = plan.Counts.CrossThreadBlocks * options.Loops,
            Waits = timed.Threads.Sum(t => t.Waits),
            Sleeps = timed.Threads.Sum(t => t.Sleeps),
            WorkNs = timed.WorkNs,
            WaitsDominate = options.Pace.IsAsap && timed.WaitsDominate,
            FailedNow = timed.FailedNow,
            Divergences = timed.Divergences,
            Substituted = [.. timed.Substituted.Keys.Select(k => CallKinds.CallName((CallKind)k))],
            Plan = plan.Counts,
            Threads = timed.Threads,
        };
    }
}
