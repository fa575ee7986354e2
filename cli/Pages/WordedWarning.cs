using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Summary;

namespace AllocReplay.Cli.Pages;

/// <summary>A warning in words.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Count">How often there is reason for it, in calls, blocks or steps; 0 where nothing is counted.</param>
/// <param name="What">What it is, in words.</param>
/// <param name="Action">What to do about it.</param>
internal sealed record WordedWarning(TraceWarningKind Kind, long Count, string What, string Action)
{
    public static WordedWarning Of(TraceWarning warning, TraceSummary s)
    {
        (string what, string action) = Words(warning, s);
        return new WordedWarning(warning.Kind, warning.Count, what, action);
    }

    private static string Elsewhere(TraceSummary s)
    {
        string older = s.Source == ProcessInfo.FromAttach ? "They are of before the recorder was attached, or " : "They are ";
        string ways = UnrecordedMemory.IsOfPython(s.Executable)
            ? "they came from Python's own allocator: with PYTHONMALLOC=malloc, if it was not set, it has blocks that are recorded."
            : s.Regions is null ? "they did not come from a malloc that can be seen: 'record --mmap' tells of what the program maps by itself; an allocator "
                + "that is linked in is found by its symbols, and with those stripped it is not."
            : "the program mapped them: the table regions says where.";
        return $"{older}kept by the allocator (the view fragmentation shows over time how much), or {ways}";
    }

    private static (string What, string Action) Words(TraceWarning warning, TraceSummary s)
    {
        long n = warning.Count;
        string were = n == 1 ? "was" : "were", lost = n == 0 ? "" : $"; {Quantity.Count(n, "call")} after it {were} lost";
        return warning.Kind switch
        {
            TraceWarningKind.SizeLimit => (
                $"The size limit{(s.MaxSize > 0 ? $" of {Quantity.Bytes(s.MaxSize)}" : "")} was reached at {Quantity.Duration(s.DurationNs)}{lost}.",
                "The rest of the run is not in the trace. Record with a larger --max-size, or fewer blocks with --sample."),
            TraceWarningKind.GaveUp => ($"The recorder gave up at {Quantity.Duration(s.DurationNs)}: {s.Failure}{lost}.",
                "What came before is whole and can be used. Mend the cause (space on the disk, ulimit, a program that closes all files), and record again."),
            TraceWarningKind.EventsLost => ($"{Quantity.Count(n, "call")} {were} lost.",
                "Blocks that they released count as live. Take the live figures for upper bounds, or record again."),
            TraceWarningKind.DurationLimit => ($"Recording stopped at its time limit of {Quantity.Duration(s.MaxDurationNs)}.",
                "The rest of the run is not in the trace. Record with a longer --duration to see it."),
            TraceWarningKind.Sampled when s.SampleScheme == SampleScheme.Addresses => (
                $"Sampled: all figures but those marked ≈ are of 1 address in {n}, chosen by a hash.",
                "How far ≈ may be off is not known: a program may use a few addresses again and again. Record again: --sample chooses blocks now."),
            TraceWarningKind.Sampled => (
                $"Sampled: all figures but those marked ≈ are of {SampleText.Of(s.Sampling)}.",
                "What is marked ≈ is estimated for the program, with its standard error. Compare allocators on a recording without --sample."),
            TraceWarningKind.Kept => ($"What was before {Quantity.Duration(s.Kept?.FromNs ?? 0)} is "
                + (s.Kept?.PackedInto is { } file ? $"in {TextLine.Plain(file)}; here are the blocks that were live then."
                    : "gone, but for the blocks that were live then."),
                "Calls, rates, bytes acquired, lifetimes and the peak are of what followed; what is live counts all blocks."),
            TraceWarningKind.Uncertain => ($"{Quantity.Count(n, "block")} of what is live at the end {were} acquired before "
                + $"{(s.EventsLost == 0 && s.Kept is null ? "recording was stopped" : "calls were lost, or before recording was stopped")}.",
                "They may have been freed then. Take them for live at most: 'analyze' marks them as uncertain."),
            TraceWarningKind.MallocHook => ("Recorded by MallocHook, which tells of malloc and free only.",
                "Kinds and alignments are not the program's own. Record without --via where the allocator is a shared library."),
            TraceWarningKind.LinkedAllocator when s.LinkedAllocator == ProcessInfo.LinkedNotRecorded => (
                "The program has an allocator linked in, whose calls are not recorded.",
                "It forbids itself to make code (PR_SET_MDWE, MemoryDenyWriteExecute= of systemd), its functions begin in ways that cannot be led "
                + "elsewhere, or its threads could not be stopped for it. Link a shared allocator for a recording."),
            TraceWarningKind.LinkedAllocator => ("The program has an allocator linked in, and calls of some of its functions are not recorded.",
                "Blocks may be missing, or look live for ever. Link a shared allocator for a recording to be sure."),
            TraceWarningKind.MemoryElsewhere => (
                $"{Quantity.Bytes(n)} of the program's anonymous memory are not in live blocks of this trace.", Elsewhere(s)),
            TraceWarningKind.Damaged => ($"The trace is damaged: {s.Damage}", "The figures cover what lies before that place"
                + (s.Form == TraceForm.Packed ? "; how much is missing after it, of this process image or of others, is not known" : "")
                + ". replay, compare, analyze and pack read as far with --partial."),
            TraceWarningKind.UnknownReleases => ($"{Quantity.Count(n, "free")} of blocks whose allocation is not in the trace.",
                "They are left out of replay and of live bytes. Record from the program's start to see the blocks' whole lives."),
            TraceWarningKind.ImplicitReleases => ($"{Quantity.Count(n, "block")} ended without a free in the trace: the address was handed out again.",
                "Lifetimes of these blocks are upper bounds. Something frees past the recorder: an allocator's own functions, or lost events."),
            TraceWarningKind.ReleasedWhileStopped => ($"{Quantity.Count(n, "block")} {were} freed while recording was stopped.",
                "Their lifetimes are upper bounds. Look at one interval alone with --interval N."),
            _ => ($"{Quantity.Count(n, "step")} of the merge {were} forced: an event to wait for is not in the trace.",
                "Each thread's order is exact, but order between threads is in doubt there. Few of them do no harm; if many, record the whole run."),
        };
    }
}
