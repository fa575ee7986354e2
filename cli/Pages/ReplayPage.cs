using AllocReplay.Cli.Output;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Run;
using Spectre.Console;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>replay</c> prints.</summary>
internal static class ReplayPage
{
    public static void Print(ReplayReport s, Terminal terminal)
    {
        Grid facts = Terminal.NewFacts();
        void Fact(string name, string value) => facts.Add(name, value);
        Fact("trace", s.Trace);
        string[] releases = [.. new[] { s.Version, s.Package }.Where(r => r.Length > 0)];
        Fact("allocator", s.AllocatorPath + (releases.Length > 0 ? $" ({string.Join(", ", releases)})" : ""));
        Fact("order", $"{ValueName.Of(s.Order)}, pace {s.Pace}, touch {ValueName.Of(s.Touch)}{(s.TouchCalloc ? ", calloc too" : "")}");
        Fact("replayed", (s.Loops > 1 ? $"{s.Loops} times, " : "")
            + $"{Quantity.Count(s.Calls, "call")} on {Quantity.Count(s.Threads.Count, "thread")}, {Quantity.Bytes(s.BytesAcquired)} acquired");
        if (CarriedText.Of(s.Carried) is { } carried)
            Fact("carried", carried);
        Fact("check", "every thread's calls and bytes are those of the trace"
            + (s.FailedNow > 0 ? $"; {Quantity.Count(s.FailedNow)} of them failed" : "")
            + (s.Plan.UnknownReleases > 0 ? $", but for {Quantity.Count(s.Plan.UnknownReleases, "skipped release")} of blocks never seen allocated" : ""));
        // At a given pace, or with much to wait for, calls per second say nothing of the allocator.
        Fact("elapsed", Quantity.Duration(s.ElapsedNs) + (!s.Pace.IsAsap ? ", as the pace has it"
            : $", {s.CallsPerSecond / 1e6:0.00} M calls/s, {s.ElapsedNs / (double)s.Calls:0.0} ns/call"
                + (s.Order == ReplayOrder.Deps ? "" : " with the waits of the order")));
        Fact("CPU time", $"{Quantity.Duration(s.CpuNs)}, "
            + $"{Quantity.Count(s.ContextSwitches, "context switch", "context switches")}, {Quantity.Count(s.MinorFaults, "page fault")}");
        if (s.PeakBytes is { } peak)
        {
            string ahead = s.Order == ReplayOrder.Deps ? " (threads may run ahead of one another: --order total for the trace's)" : "";
            Fact("peak memory", $"{Quantity.Bytes(peak)} anonymous{OverheadOf(s)}{ahead}");
            Fact("left at end", Quantity.Bytes(s.EndBytes ?? 0));
        }
        Fact("hand-overs", $"{Quantity.Count(s.CrossThreadBlocks)} between threads");
        Fact("waits", $"{Quantity.Count(s.Plan.Waits * s.Loops)} to enforce, {Quantity.Count(s.Waits, "was", "were")} not over when met, "
            + $"{Quantity.Count(s.Sleeps)} of them slept");
        Fact("divergences", $"{Quantity.Count(s.FailedNow)} failed now, {Quantity.Count(s.Divergences, "other outcome")}");
        if (s.Faults is { Count: 0 })
            Fact("blocks", "aligned, apart from each other, and as they were written");
        foreach (WorkerFault fault in s.Faults ?? [])
            Fact("fault", BlockFaultText.Of(fault));
        if (s.Recorded is { } recording)
            Fact("recorded", recording + " (the hook's cost is in these figures)");
        if (s.Substituted.Count > 0)
            Fact("substituted", string.Join(", ", s.Substituted) + " (the allocator has no function of that name)");
        terminal.Write(facts);
    }

    private static string OverheadOf(ReplayReport s)
    {
        string live = $"peak live {Quantity.Bytes(s.ReplayedPeakLiveBytes ?? 0)}";
        return s.Overhead is { } ratio ? $", {ratio:0.00} × {live}" : s.OverheadGap switch
        {
            OverheadGap.CallocUntouched => $", below {live}: blocks of calloc are not touched (--touch-calloc)",
            OverheadGap.Untouched => $", below {live}: blocks are not touched as a whole (--touch)",
            OverheadGap.ResidentBefore => $", below {live}: the allocator had some before the first call",
            _ => "",
        };
    }
}
