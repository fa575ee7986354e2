using System.Text.Json;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Replayer.Plan;

/// <summary>What a plan file holds for the replayer and not for the worker, as JSON.</summary>
internal sealed record PlanFacts
{
    /// <summary>More than those of a million threads.</summary>
    public const int BytesMax = 256 << 20;

    /// <summary>Null for the plan of a damaged trace, which nobody takes for that of a whole one.</summary>
    public required PlanIdentity? Identity { get; init; }
    public required PlanCounts Counts { get; init; }
    public required TraceTotals Trace { get; init; }
    public required CarriedBlocks? Carried { get; init; }
    public required MergeStatistics Merge { get; init; }
    public required IReadOnlyList<Departure> Departures { get; init; }
    public required IReadOnlyList<ThreadExpectation> Expected { get; init; }
    public required IReadOnlyList<string> ThreadNames { get; init; }

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this);

    /// <summary>Null where the bytes are none.</summary>
    public static PlanFacts? Of(ReadOnlySpan<byte> bytes, int threads)
    {
        try
        {
            PlanFacts? facts = JsonSerializer.Deserialize<PlanFacts>(bytes);
            bool isWhole = facts is { Counts: not null, Departures: not null, Expected: not null, ThreadNames: not null }
                && facts.Carried is null or { Blocks: >= 0, UncertainBlocks: >= 0 }
                && facts.Identity is not { Trace: null } and not { Image: null } && facts.Counts.Calls >= 0
                && facts.Expected.Count == threads && facts.ThreadNames.Count == threads
                && facts.ThreadNames.All(n => n is not null) && facts.Departures.All(d => d is { Detail: not null });
            return isWhole ? facts : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
