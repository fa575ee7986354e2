using AllocReplay.Formats.Calls;
using MessagePack;

namespace AllocReplay.Formats;

/// <summary>What a recorded replay was to do: enough to compare its recording with the trace.</summary>
[MessagePackObject]
public sealed record ReplayInfo
{
    /// <summary>The trace, as it was named.</summary>
    [Key("trace")] public string Trace { get; init; } = "";
    /// <summary>Name of its process image, <c>pPID.N</c>.</summary>
    [Key("image")] public string Image { get; init; } = "";
    /// <summary>The part of it that was replayed; null for all.</summary>
    [Key("range")] public TraceRange? Range { get; init; }
    /// <summary>Calls made.</summary>
    [Key("calls")] public long Calls { get; init; }
    /// <summary>The order that was kept: <c>deps</c>, <c>exact</c> or <c>total</c>.</summary>
    [Key("order")] public string Order { get; init; } = "";
    /// <summary>Time that a second of the trace took: 1 at the recorded pace, 0 as little as could be.</summary>
    [Key("slowness")] public double Slowness { get; init; }
    /// <summary>What was written into new blocks: <c>none</c>, <c>first</c>, <c>page</c> or <c>full</c>.</summary>
    [Key("touch")] public string Touch { get; init; } = "";
    /// <summary>The allocator as it was named, settings included.</summary>
    [Key("allocator")] public string Allocator { get; init; } = "";
    /// <summary>The file that provided malloc.</summary>
    [Key("allocator_path")] public string AllocatorPath { get; init; } = "";
    /// <summary>Its build id in hexadecimal, or empty.</summary>
    [Key("allocator_build_id")] public string AllocatorBuildId { get; init; } = "";
    /// <summary>Kinds of call (numbers of <see cref="CallKind"/>) that the allocator has no function for, with those that were called instead.</summary>
    [Key("substituted")] public IReadOnlyDictionary<int, int> Substituted { get; init; } = new Dictionary<int, int>();

    /// <summary>False where a file has nil in the place of what every replay has.</summary>
    [IgnoreMember]
    internal bool IsWhole => (object?)Trace is not null && (object?)Image is not null && (object?)Order is not null && (object?)Touch is not null
        && (object?)Allocator is not null && (object?)AllocatorPath is not null && (object?)AllocatorBuildId is not null && (object?)Substituted is not null;
}
