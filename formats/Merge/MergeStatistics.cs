namespace AllocReplay.Formats.Merge;

/// <summary>How the merge had to depart from the timestamps.</summary>
/// <param name="Parks">Times a stream waited for the event of another stream that its next event depends on.</param>
/// <param name="ForcedSteps">Waits that outlasted the bound: that event is not in the trace.</param>
/// <param name="UnknownReleases">Releases of blocks whose acquisition is not in the trace; of a process that had none when recording began.</param>
/// <param name="ImplicitReleases">Acquisitions of an address that was still live: its release is not in the trace.</param>
/// <param name="ReleasedWhileStopped">The same, where the older block is of an earlier interval: it was released while nothing was recorded.</param>
/// <param name="InheritedReleases">Releases of blocks whose acquisition is not in the trace, by a process that had blocks when recording began:
/// its parent's, where it was forked, or its own, where the recorder was attached. That one waited for them is no forced step.</param>
public readonly record struct MergeStatistics(
    long Parks, long ForcedSteps, long UnknownReleases, long ImplicitReleases, long ReleasedWhileStopped = 0, long InheritedReleases = 0)
{
    /// <summary>What two stretches of a trace have together.</summary>
    public static MergeStatistics operator +(MergeStatistics a, MergeStatistics b) => new(
        a.Parks + b.Parks, a.ForcedSteps + b.ForcedSteps, a.UnknownReleases + b.UnknownReleases,
        a.ImplicitReleases + b.ImplicitReleases, a.ReleasedWhileStopped + b.ReleasedWhileStopped,
        a.InheritedReleases + b.InheritedReleases);

    /// <summary>What a stretch of a trace has without its beginning.</summary>
    public static MergeStatistics operator -(MergeStatistics a, MergeStatistics b) => new(
        a.Parks - b.Parks, a.ForcedSteps - b.ForcedSteps, a.UnknownReleases - b.UnknownReleases,
        a.ImplicitReleases - b.ImplicitReleases, a.ReleasedWhileStopped - b.ReleasedWhileStopped,
        a.InheritedReleases - b.InheritedReleases);
}
