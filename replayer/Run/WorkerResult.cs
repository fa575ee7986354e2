using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Run;

/// <summary>What a worker measured and counted in one replay.</summary>
public sealed record WorkerResult
{
    /// <summary>Path of the object that provided malloc, or <c>noop</c> or <c>ideal</c>.</summary>
    public required string AllocatorPath { get; init; }
    /// <summary>The order that was enforced.</summary>
    public required ReplayOrder Order { get; init; }
    /// <summary>Whether the harness's tables and stacks could be locked in memory (RLIMIT_MEMLOCK).</summary>
    public required bool Locked { get; init; }
    /// <summary>Nanoseconds from the opening of the gate to the end of the last thread.</summary>
    public required long ElapsedNs { get; init; }
    /// <summary>CPU time of the replay, all threads, user and system.</summary>
    public required long CpuNs { get; init; }
    /// <summary>Nanoseconds that acquiring what the trace carries took, in all loops: in none of the other figures.</summary>
    public long PrologueNs { get; init; }
    /// <summary>Of each loop in turn, nanoseconds; they sum up to <see cref="ElapsedNs"/>.</summary>
    public IReadOnlyList<long> LoopNs { get; init; } = [];
    /// <summary>Of each loop in turn, CPU time in nanoseconds.</summary>
    public IReadOnlyList<long> LoopCpuNs { get; init; } = [];
    /// <summary>Loops of each turn: <see cref="ReplayOptions.TurnLoops"/>, or all.</summary>
    public int TurnLoops { get; init; }
    /// <summary>Anonymous resident bytes with the harness in place, before the first call, of the prologue where there is one.</summary>
    public required long BaselineBytes { get; init; }
    /// <summary>
    /// Anonymous resident bytes at their highest. Under <see cref="Instrument.Memory"/> the highest reading, or the kernel's high-water mark where that is
    /// above it by more than the kernel's counters may be off; else the higher of start and end.
    /// </summary>
    public required long PeakBytes { get; init; }
    /// <summary>Anonymous resident bytes after the last thread ended.</summary>
    public required long EndBytes { get; init; }
    /// <summary>Times that the memory was read during the replay; 0 unless under <see cref="Instrument.Memory"/>.</summary>
    public required long MemorySamples { get; init; }
    /// <summary>The kernel's high-water mark of anonymous resident bytes, off by up to a batch of its counters; 0 where there is none.</summary>
    public long HighWaterBytes { get; init; }
    /// <summary>Requested bytes that were live in this replay, at their highest after a call; 0 unless under <see cref="Instrument.Memory"/>.</summary>
    public long PeakLiveBytes { get; init; }
    /// <summary>Those of the live bytes that the touch policy had written, at their highest: no allocator can hold them in less.</summary>
    public long PeakTouchedBytes { get; init; }
    /// <summary>
    /// Memory over the calls, rising in calls, from before the first to after the last; at most 1,000. Empty unless under <see cref="Instrument.Memory"/>.
    /// </summary>
    public IReadOnlyList<MemorySample> MemoryCurve { get; init; } = [];
    /// <summary>What was left some time after the last call: one reading for each of <see cref="ReplayOptions.ResidueMs"/>.</summary>
    public IReadOnlyList<ResidueReading> Residue { get; init; } = [];
    public required long MinorFaults { get; init; }
    public required long MajorFaults { get; init; }
    public required long VoluntarySwitches { get; init; }
    public required long InvoluntarySwitches { get; init; }
    /// <summary>The worker's own garbage collections and managed bytes during the replay: both 0.</summary>
    public required int ManagedCollections { get; init; }
    public required long ManagedBytes { get; init; }
    /// <summary>Instructions in user space, of all the worker's threads while it replayed; null where the machine does not count them.</summary>
    public double? Instructions { get; init; }
    /// <summary>Misses of the last cache, likewise.</summary>
    public double? CacheMisses { get; init; }
    /// <summary>How long calls took, by kind and size; empty without <see cref="Instrument.Latency"/>.</summary>
    public IReadOnlyList<WorkerLatency> Latency { get; init; } = [];
    /// <summary>What they were timed by; null without <see cref="Instrument.Latency"/>.</summary>
    public WorkerTimer? LatencyTimer { get; init; }
    /// <summary>What was wrong with blocks, a line for each kind of fault; empty without <see cref="Instrument.Blocks"/>.</summary>
    public IReadOnlyList<WorkerFault> Faults { get; init; } = [];
    /// <summary>CallKinds for which the allocator has no function, with the kind that was called instead; -1 where it has nothing like it.</summary>
    public required IReadOnlyDictionary<int, int> Substituted { get; init; }
    /// <summary>The worker's process id.</summary>
    public int ProcessId { get; init; }
    /// <summary>What the environment asked of the allocator, and what it has.</summary>
    public IReadOnlyList<AllocatorSetting> Settings { get; init; } = [];
    /// <summary>What the hook counted, by name: <c>calls</c> that passed it, <c>stops</c> of the recording; empty where there is none.</summary>
    public IReadOnlyDictionary<string, long> HookCounts { get; init; } = new Dictionary<string, long>();
    /// <summary>By thread index.</summary>
    public required IReadOnlyList<WorkerThread> Threads { get; init; }

    /// <summary>Of each turn, nanoseconds; one where the run was not made in turns.</summary>
    public IReadOnlyList<long> TurnNs => TurnLoops == 0 || LoopNs.Count == 0 ? [ElapsedNs] : [.. LoopNs.Chunk(TurnLoops).Select(t => t.Sum())];
    /// <summary>Of each turn, CPU time in nanoseconds.</summary>
    public IReadOnlyList<long> TurnCpuNs => TurnLoops == 0 || LoopCpuNs.Count == 0 ? [CpuNs] : [.. LoopCpuNs.Chunk(TurnLoops).Select(t => t.Sum())];

    public long Calls => Threads.Sum(t => t.Calls);
    public long FailedNow => Threads.Sum(t => t.FailedNow);
    public long Divergences => Threads.Sum(t => t.Divergences);
    public double CallsPerSecond => ElapsedNs == 0 ? 0 : Calls * 1e9 / ElapsedNs;
    /// <summary>What the threads were at work and not waiting, in all.</summary>
    public long WorkNs => Threads.Sum(t => Math.Max(0, t.ActiveNs - t.WaitNs));
    /// <summary>In more than half of the time no thread was at work: each waited for another. Then the figures are of the waits.</summary>
    public bool WaitsDominate => Threads.Any(t => t.WaitNs > 0) && 2 * WorkNs < ElapsedNs;
    /// <summary>Peak over the harness's own memory.</summary>
    public long PeakOverBaseline => PeakBytes - BaselineBytes;
    /// <summary>Anonymous resident bytes over the harness's own, on average over the calls; 0 without a curve.</summary>
    public long MeanBytes => MemorySample.MeanResident(MemoryCurve);
}

/// <summary>Memory at one moment of a replay.</summary>
/// <param name="Calls">Calls done.</param>
/// <param name="ResidentBytes">Anonymous resident bytes over the harness's own.</param>
/// <param name="LiveBytes">Requested and not given back.</param>
/// <param name="TouchedBytes">Those of the live bytes that the touch policy has written.</param>
public readonly record struct MemorySample(long Calls, long ResidentBytes, long LiveBytes, long TouchedBytes)
{
    /// <summary>Resident bytes on average over the calls, in a straight line from sample to sample.</summary>
    public static long MeanResident(IReadOnlyList<MemorySample> curve)
    {
        long calls = curve.Count == 0 ? 0 : curve[^1].Calls - curve[0].Calls;
        if (calls == 0)
            return 0;
        double sum = 0;
        for (int i = 1; i < curve.Count; i++)
            sum += (curve[i].Calls - curve[i - 1].Calls) * (curve[i].ResidentBytes + (double)curve[i - 1].ResidentBytes) / 2;
        return (long)(sum / calls);
    }
}

/// <summary>What was left some time after the last call.</summary>
/// <param name="AfterMs">Milliseconds after it.</param>
/// <param name="Bytes">Anonymous resident bytes over the harness's own.</param>
public readonly record struct ResidueReading(long AfterMs, long Bytes);

/// <summary>One thread of a replay.</summary>
/// <param name="Calls">Calls reissued.</param>
/// <param name="BytesRequested">Bytes requested by them.</param>
/// <param name="FailedNow">Acquisitions that succeeded when recorded and failed now.</param>
/// <param name="Divergences">
/// Calls whose outcome differs otherwise: recorded failures that succeeded, realloc to 0 bytes that freed now only.
/// </param>
/// <param name="Waits">Blocks of other threads that were not there yet.</param>
/// <param name="Sleeps">Waits that ended in sleep.</param>
/// <param name="ActiveNs">Nanoseconds from its first call to its last.</param>
/// <param name="WaitNs">Of these, what went by in waits, as every sixteenth of them tells, and each that slept.</param>
/// <param name="CarriedCalls">Calls before the clock started: of what the trace carries. They are in none of the other figures but failures.</param>
/// <param name="CarriedBytes">Bytes requested by those.</param>
public sealed record WorkerThread(
    long Calls, ulong BytesRequested, long FailedNow, long Divergences, long Waits, long Sleeps, long ActiveNs = 0, long WaitNs = 0, long CarriedCalls = 0,
    ulong CarriedBytes = 0);
