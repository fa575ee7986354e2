using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Pages;

/// <summary>What of a trace or of the recording of its replay is not there, in words.</summary>
internal static class ReplayNotes
{
    public static void Print(ReplayPlan plan, Terminal terminal)
    {
        if (plan.Damage is { } damage)
            terminal.Note($"allocreplay: {damage.Message}; replaying what is readable: {Quantity.Count(plan.Counts.Calls, "call")}");
        if (CarriedText.Uncertain(plan.Carried) is { } uncertain)
            terminal.Note($"Note: {uncertain}");
        foreach (Departure departure in plan.Departures)
            terminal.Note("Note: " + Text(departure));
    }

    /// <summary>What a replay tells that mostly waited.</summary>
    public static string WaitsDominate(ReplayReport report) =>
        $"in more than half of the time every thread waited for another ({Quantity.Count(report.Waits, "wait")}): the figures are of the waits, not of the "
        + "allocator; " + (report.Order == ReplayOrder.Deps ? "record the program on fewer threads" : "--order deps waits for blocks alone");

    private static string Text(Departure departure)
    {
        string Count(string one, string? many = null) => Quantity.Count(departure.Count, one, many);
        return departure.Reason switch
        {
            DepartureReason.Sampled =>
                "a sampled trace: these are the calls of some of the program's blocks; figures do not tell how an allocator does on all",
            DepartureReason.RecordingFailed =>
                $"recording ended early ({departure.Detail}): {Count("call after that is", "calls after that are")} known to be missing",
            DepartureReason.EventsLost => $"{Count("call was", "calls were")} lost when it was recorded",
            DepartureReason.UnknownReleases => $"{Count("release")} of blocks never seen allocated: skipped",
            DepartureReason.UnknownReallocations => $"{Count("reallocation")} of blocks never seen allocated: reissued with a null pointer",
            DepartureReason.RegionEvents => $"{Count("event")} of mmap, munmap, mremap and brk: left out",
            DepartureReason.DisplacedBlocks => $"{Count("block")} whose release is not in the trace: never released",
            _ => $"{Count("thread creation")} without the child in the trace, or after its first call",
        };
    }

    /// <summary>What is missing of the recording of a replay, or null.</summary>
    public static string? LossOf(ProcessInfo replay) => replay.Failure is null && replay.LostEvents == 0 ? null
        : $"the replay was not recorded to its end: {replay.Failure ?? "events lost"}, "
            + $"{Quantity.Count((long)replay.LostEvents, "call is", "calls are")} known to be missing";
}
