using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Run;

/// <summary>What a worker measured and counted in one replay.</summary>
public sealed record WorkerResult
{
    /// <summary>Path of the object that provided malloc, or <c>noop</c>.</summary>
    public required string AllocatorPath { get; init; }
    /// <summary>The order that was enforced.</summary>
    public required ReplayOrder Order { get; init; }
    /// <summary>Whether the harness's tables and stacks could be locked in memory (RLIMIT_MEMLOCK).</summary>
    public required bool Locked { get; init; }
    /// <summary>Nanoseconds from the opening of the gate to the end of the last thread.</summary>
    public required long ElapsedNs { get; init; }
    /// <summary>CPU time of the replay, all threads, user and system.</summary>
    public required long CpuNs { get; init; }
    /// <summary>Of each loop in turn, nanoseconds; they sum up to <see cref="ElapsedNs"/>.</summary>
    public IReadOnlyList<long> LoopNs { get; init; } = [];
    /// <summary>Of each loop in turn, CPU time in nanoseconds.</summary>
    public IReadOnlyList<long> LoopCpuNs { get; init; } = [];
    /// <summary>Anonymous resident bytes with the harness in place, before the first call.</summary>
    public required long BaselineBytes { get; init; }
    /// <summary>Anonymous resident bytes at their highest: sampled when sampling was asked for, else the higher of start and end.</summary>
    public required long PeakBytes { get; init; }
    /// <summary>Anonymous resident bytes after the last thread ended.</summary>
    public required long EndBytes { get; init; }
    /// <summary>Times that the memory was read during the replay; 0 when it was not sampled.</summary>
    public required long MemorySamples { get; init; }
    public required long MinorFaults { get; init; }
    public required long MajorFaults { get; init; }
    public required long VoluntarySwitches { get; init; }
    public required long InvoluntarySwitches { get; init; }
    /// <summary>The worker's own garbage collections and managed bytes during the replay: both 0.</summary>
    public required int ManagedCollections { get; init; }
    public required long ManagedBytes { get; init; }
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

    public long Calls => Threads.Sum(t => t.Calls);
    public long FailedNow => Threads.Sum(t => t.FailedNow);
    public long Divergences => Threads.Sum(t => t.Divergences);
    public double CallsPerSecond => ElapsedNs == 0 ? 0 : Calls * 1e9 / ElapsedNs;
    /// <summary>Peak over the harness's own memory.</summary>
    public long PeakOverBaseline => PeakBytes - BaselineBytes;
}

/// <summary>One thread of a replay.</summary>
/// <param name="Calls">Calls reissued.</param>
/// <param name="BytesRequested">Bytes requested by them.</param>
/// <param name="FailedNow">Acquisitions that succeeded when recorded and failed now.</param>
/// <param name="Divergences">
/// Calls whose outcome differs otherwise: recorded failures that succeeded, realloc to 0 bytes that freed now only.
/// </param>
/// <param name="Waits">Blocks of other threads that were not there yet.</param>
/// <param name="Sleeps">Waits that ended in sleep.</param>
public sealed record WorkerThread(long Calls, ulong BytesRequested, long FailedNow, long Divergences, long Waits, long Sleeps);
