namespace AllocReplay.Formats.Summary;

/// <summary>What a reader of a trace's figures must know.</summary>
public enum TraceWarningKind
{
    /// <summary>Recording ended at its size limit; the count is of calls known to be missing after it.</summary>
    SizeLimit,
    /// <summary>The recorder gave up; the count is of calls known to be missing after that.</summary>
    GaveUp,
    /// <summary>Calls were lost.</summary>
    EventsLost,
    /// <summary>Recording ended at its time limit; the count is 0.</summary>
    DurationLimit,
    /// <summary>The figures are of a sample, of 1 in so many blocks, bytes or addresses as the count says.</summary>
    Sampled,
    /// <summary>The oldest part of the recording is gone but for the blocks that were live; the count is of events that are gone.</summary>
    Kept,
    /// <summary>Blocks that look live at the end and may have been given back unseen.</summary>
    Uncertain,
    /// <summary>Recorded by MallocHook, which tells of malloc and free only; the count is 0.</summary>
    MallocHook,
    /// <summary>An allocator is linked into the program, and calls of it are not recorded; the count is 0.</summary>
    LinkedAllocator,
    /// <summary>Most of the program's memory is not in blocks that were recorded; the count is of its anonymous bytes beside those that are live.</summary>
    MemoryElsewhere,
    /// <summary>The trace is damaged; the count is 0.</summary>
    Damaged,
    /// <summary>Releases of blocks whose acquisition is not in the trace.</summary>
    UnknownReleases,
    /// <summary>Blocks whose address was acquired again without a release.</summary>
    ImplicitReleases,
    /// <summary>Blocks that were released while recording was stopped.</summary>
    ReleasedWhileStopped,
    /// <summary>Steps of the merge that waited for an event which is not in the trace.</summary>
    ForcedSteps,
}

/// <summary>A warning, and how often there is reason for it.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Count">What it counts: see the kind.</param>
public readonly record struct TraceWarning(TraceWarningKind Kind, long Count = 0);

/// <summary>What to know of a trace before its figures are trusted.</summary>
public static class TraceWarnings
{
    /// <summary>What there is to know of a trace, of the recording first, of the merge last.</summary>
    public static IEnumerable<TraceWarning> Of(TraceSummary s)
    {
        if (s.LimitsHit.Contains(RecordingLimit.MaxSize))
            yield return new(TraceWarningKind.SizeLimit, (long)s.EventsLost);
        else if (s.Failure is not null)
            yield return new(TraceWarningKind.GaveUp, (long)s.EventsLost);
        else if (s.EventsLost > 0)
            yield return new(TraceWarningKind.EventsLost, (long)s.EventsLost);
        if (s.LimitsHit.Contains(RecordingLimit.Duration))
            yield return new(TraceWarningKind.DurationLimit);
        if (s.Sample > 1)
            yield return new(TraceWarningKind.Sampled, s.Sample);
        if (s.Kept is not null)
            yield return new(TraceWarningKind.Kept, s.Kept.EventsGone);
        if (s.LiveUncertainBlocks > 0)
            yield return new(TraceWarningKind.Uncertain, s.LiveUncertainBlocks);
        if (s.Source == ProcessInfo.FromMallocHook)
            yield return new(TraceWarningKind.MallocHook);
        if (s.LinkedAllocator is ProcessInfo.LinkedPartly or ProcessInfo.LinkedNotRecorded)
            yield return new(TraceWarningKind.LinkedAllocator);
        if (ElsewhereOf(s) is > 0 and var bytes)
            yield return new(TraceWarningKind.MemoryElsewhere, bytes);
        if (s.Damage is not null)
            yield return new(TraceWarningKind.Damaged);
        if (s.UnknownReleases > 0)
            yield return new(TraceWarningKind.UnknownReleases, s.UnknownReleases);
        if (s.ImplicitReleases > 0)
            yield return new(TraceWarningKind.ImplicitReleases, s.ImplicitReleases);
        if (s.ReleasedWhileStopped > 0)
            yield return new(TraceWarningKind.ReleasedWhileStopped, s.ReleasedWhileStopped);
        // In one thread there is no order to doubt: what a step was forced by is said above.
        if (s.ForcedSteps > 0 && s.Threads.Count > 1)
            yield return new(TraceWarningKind.ForcedSteps, s.ForcedSteps);
    }
    /// <summary>
    /// Anonymous bytes beside those that were live and mapped when it was looked, where they are most of it; else 0. Of an attached program, what is older
    /// is among them.
    /// </summary>
    private static long ElsewhereOf(TraceSummary s)
    {
        if (s.Memory is not { } memory)
            return 0;
        double known = (double)memory.LiveBytes + (memory.MappedBytes ?? 0);
        return UnrecordedMemory.Is(memory.AnonymousBytes, known) ? memory.AnonymousBytes - (long)known : 0;
    }
}
