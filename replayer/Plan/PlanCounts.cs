using System.Text.Json.Serialization;

namespace AllocReplay.Replayer.Plan;

/// <summary>What became of a trace's calls when it was compiled.</summary>
public sealed class PlanCounts
{
    /// <summary>Calls in the plan, without those of its prologue.</summary>
    [JsonInclude] public long Calls { get; internal set; }
    /// <summary>Calls before the clock starts: acquisitions of what the trace carries (<see cref="CarriedBlocks"/>).</summary>
    [JsonInclude] public long CarriedCalls { get; internal set; }
    /// <summary>Blocks that one thread acquires and another gives up.</summary>
    [JsonInclude] public long CrossThreadBlocks { get; internal set; }
    /// <summary>Waits of one thread for another: those that no other wait implies.</summary>
    [JsonInclude] public long Waits { get; internal set; }
    /// <summary>Waits that the order would need without the reduction.</summary>
    [JsonInclude] public long UnreducedWaits { get; internal set; }
    /// <summary>Slots: words that hold blocks' addresses.</summary>
    [JsonInclude] public long Slots { get; internal set; }
    /// <summary>Threads that another thread of the plan creates. The others start with the replay.</summary>
    [JsonInclude] public int SpawnedThreads { get; internal set; }
    /// <summary>Releases of blocks whose acquisition is not in the trace: skipped.</summary>
    [JsonInclude] public long UnknownReleases { get; internal set; }
    /// <summary>Reallocations of such blocks: reissued with a null pointer.</summary>
    [JsonInclude] public long UnknownReallocations { get; internal set; }
    /// <summary>Blocks whose release is not in the trace, as their address was acquired again: never released.</summary>
    [JsonInclude] public long DisplacedBlocks { get; internal set; }
    /// <summary>Calls of mmap and its kin, of which a replay makes none.</summary>
    [JsonInclude] public long RegionEvents { get; internal set; }
    /// <summary>Thread creations whose child the trace does not show, or shows at work before: the child starts with the replay.</summary>
    [JsonInclude] public long UnplacedCreates { get; internal set; }
}
