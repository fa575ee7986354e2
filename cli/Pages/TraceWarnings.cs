using AllocReplay.Cli.Output;
using AllocReplay.Formats;

namespace AllocReplay.Cli.Pages;

/// <summary>Something that a reader of the figures must know.</summary>
/// <param name="What">What it is.</param>
/// <param name="Action">What to do about it.</param>
internal sealed record TraceWarning(string What, string Action);

/// <summary>What to know of a trace before its figures are trusted, and what to do about it.</summary>
internal static class TraceWarnings
{
    public static IEnumerable<TraceWarning> Of(TraceSummary s)
    {
        foreach (TraceWarning warning in OfRecording(s))
            yield return warning;
        if (s.Damage is not null)
            yield return new($"The trace is damaged: {s.Damage}",
                "The figures cover what lies before that place"
                + (s.Form == TraceSummary.Packed ? "; how much is missing after it, of this process image or of others, is not known" : "")
                + ". replay, compare, analyze and pack read as far with --partial.");
        foreach (TraceWarning warning in OfMerge(s))
            yield return warning;
    }

    private static IEnumerable<TraceWarning> OfRecording(TraceSummary s)
    {
        string lost = s.EventsLost == 0 ? "" : $"; {Calls(s.EventsLost)} after it {(s.EventsLost == 1 ? "was" : "were")} lost";
        if (s.LimitsHit.Contains(TraceSummary.SizeLimit))
            yield return new($"The size limit{Of(s.MaxSize > 0 ? Quantity.Bytes(s.MaxSize) : "")} was reached at {Quantity.Duration(s.DurationNs)}{lost}.",
                "The rest of the run is not in the trace. Record with a larger --max-size, or fewer blocks with --sample.");
        else if (s.Failure is not null)
            yield return new($"The recorder gave up at {Quantity.Duration(s.DurationNs)}: {s.Failure}{lost}.",
                "What came before is whole and can be used. Mend the cause (space on the disk, ulimit, a program that closes all files), and record again.");
        else if (s.EventsLost > 0)
            yield return new($"{Calls(s.EventsLost)} {(s.EventsLost == 1 ? "was" : "were")} lost.",
                "Blocks that they released count as live. Take the live figures for upper bounds, or record again.");
        if (s.LimitsHit.Contains(TraceSummary.DurationLimit))
            yield return new($"Recording stopped at its time limit of {Quantity.Duration(s.MaxDurationNs)}.",
                "The rest of the run is not in the trace. Record with a longer --duration to see it.");
        if (s.Sample > 1)
            yield return new($"Sampled: all figures are of 1 block in {s.Sample}, chosen by its address.",
                $"Multiply counts and bytes by {s.Sample} for an estimate of the program's. Compare allocators on a recording without --sample.");
        if (s.Source == ProcessInfo.FromMallocHook)
            yield return new("Recorded by MallocHook, which tells of malloc and free only.",
                "Kinds and alignments are not the program's own. Record without --via where the allocator is a shared library.");
    }

    private static IEnumerable<TraceWarning> OfMerge(TraceSummary s)
    {
        if (s.UnknownReleases > 0)
            yield return new($"{Frees(s.UnknownReleases)} of blocks whose allocation is not in the trace.",
                "They are left out of replay and of live bytes. Record from the program's start to see the blocks' whole lives.");
        if (s.ImplicitReleases > 0)
            yield return new($"{Count(s.ImplicitReleases, "block")} ended without a free in the trace: the address was handed out again.",
                "Lifetimes of these blocks are upper bounds. Something frees past the recorder: an allocator's own functions, or lost events.");
        if (s.ReleasedWhileStopped > 0)
            yield return new($"{Count(s.ReleasedWhileStopped, "block")} {(s.ReleasedWhileStopped == 1 ? "was" : "were")} freed while recording was stopped.",
                "Their lifetimes are upper bounds. Look at one interval alone with --interval N.");
        // In one thread there is no order to doubt: what a step was forced by is said above.
        if (s.ForcedSteps > 0 && s.Threads.Count > 1)
            yield return new($"{Count(s.ForcedSteps, "step")} of the merge {(s.ForcedSteps == 1 ? "was" : "were")} forced: an event to wait for is not in the trace.",
                "Each thread's order is exact, but order between threads is in doubt there. Few of them do no harm; if many, record the whole run.");
    }

    private static string Of(string quantity) => quantity.Length == 0 ? "" : " of " + quantity;

    private static string Calls(ulong n) => Count((long)n, "call");

    private static string Frees(long n) => Count(n, "free");

    private static string Count(long n, string thing) => n == 1 ? $"1 {thing}" : $"{Quantity.Count(n)} {thing}s";
}
