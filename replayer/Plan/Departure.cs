using AllocReplay.Formats;

namespace AllocReplay.Replayer.Plan;

/// <summary>Why a replay is not all that the program did.</summary>
public enum DepartureReason
{
    /// <summary>The trace is a sample, of 1 in <see cref="Departure.Count"/> blocks, bytes or addresses.</summary>
    Sampled,
    /// <summary>The recording ended early; so many calls after that are known to be missing.</summary>
    RecordingFailed,
    /// <summary>Calls that were lost when it was recorded.</summary>
    EventsLost,
    /// <summary>Releases of blocks never seen allocated: skipped.</summary>
    UnknownReleases,
    /// <summary>Reallocations of such blocks: reissued with a null pointer.</summary>
    UnknownReallocations,
    /// <summary>Blocks whose release is not in the trace: never released.</summary>
    DisplacedBlocks,
    /// <summary>Calls of mmap and its kin: left out.</summary>
    RegionEvents,
    /// <summary>Thread creations without their child in the trace, or after its first call.</summary>
    UnplacedCreates,
}

/// <summary>What of a program's execution a plan cannot have as it was: never silent.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Count">How many.</param>
/// <param name="Detail">The recorder's own words, where it has any.</param>
public sealed record Departure(DepartureReason Reason, long Count, string Detail = "")
{
    internal static IReadOnlyList<Departure> Of(ProcessInfo process, PlanCounts counts)
    {
        var departures = new List<Departure>();
        if (process.Sample > 1)
            departures.Add(new Departure(DepartureReason.Sampled, process.Sample));
        if (process.Failure is { } failure)
            departures.Add(new Departure(DepartureReason.RecordingFailed, (long)process.LostEvents, failure));
        else
            Add(DepartureReason.EventsLost, (long)process.LostEvents);
        Add(DepartureReason.UnknownReleases, counts.UnknownReleases);
        Add(DepartureReason.UnknownReallocations, counts.UnknownReallocations);
        Add(DepartureReason.DisplacedBlocks, counts.DisplacedBlocks);
        Add(DepartureReason.RegionEvents, counts.RegionEvents);
        Add(DepartureReason.UnplacedCreates, counts.UnplacedCreates);
        return departures;

        void Add(DepartureReason reason, long count)
        {
            if (count > 0)
                departures.Add(new Departure(reason, count));
        }
    }
}
