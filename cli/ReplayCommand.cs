using System.CommandLine;
using AllocReplay.Replayer;
using Spectre.Console;

namespace AllocReplay.Cli;

/// <summary><c>allocreplay replay</c>: a trace once more, on real threads, under one allocator.</summary>
internal static class ReplayCommand
{
    private const string Deps = "deps";

    public static Command Create(Terminal terminal)
    {
        Argument<string> trace = TraceArguments.Trace();
        Option<string> allocator = new("--allocator")
        {
            Description = "Allocator to replay under: a name that 'allocators' lists, or name=path.so[,VARIABLE=value…].",
            HelpName = "name",
            DefaultValueFactory = _ => "glibc",
        };
        Option<string> touch = ReplayArguments.Touch();
        Option<string> order = new("--order")
        {
            Description = "deps: each thread in its order, each block from hand to hand as recorded.",
            HelpName = Deps,
            DefaultValueFactory = _ => Deps,
        };
        order.AcceptOnlyFromAmong(Deps);
        Option<string?> process = TraceArguments.Process();
        Option<bool> partial = TraceArguments.Partial();
        Option<string?> keepPlan = new("--keep-plan") { Description = "Keep the compiled plan as this file.", HelpName = "file" };
        Option<bool> json = TraceArguments.Json();
        var command = new Command("replay", "Replay a trace on real threads under an allocator, and check that the replay was the trace.")
        {
            trace, allocator, touch, order, process, partial, keepPlan, json,
        };
        command.SetAction(parse => Run(
            new Request(
                parse.GetValue(trace)!, parse.GetValue(allocator)!, ReplayArguments.ParseTouch(parse.GetValue(touch)!),
                parse.GetValue(process), parse.GetValue(partial),
                parse.GetValue(keepPlan), parse.GetValue(json)),
            terminal));
        return command;
    }

    private sealed record Request(string Trace, string Allocator, TouchPolicy Touch, string? Process, bool Partial, string? KeepPlan, bool Json);

    private static int Run(Request request, Terminal terminal)
    {
        IReadOnlyList<Allocator> allocators = AllocatorCatalog.Parse(request.Allocator);
        if (allocators.Count != 1)
            throw new UsageException($"--allocator {request.Allocator}: replay takes one; compare takes several");
        using ReplayPlan plan = ReplayArguments.Compile(request.Trace, request.Process, request.Partial, request.KeepPlan, terminal);
        // Two runs: reading the memory would slow the one that is timed.
        WorkerResult timed = Replay(plan, allocators[0], request, 0, terminal, "Replaying");
        WorkerResult? measured = allocators[0].IsNoop
            ? null
            : Replay(plan, allocators[0], request, ReplayOptions.MemoryPassIntervalUs, terminal, "Replaying for memory");
        ReplaySummary summary = ReplaySummary.Of(request.Trace, plan, allocators[0], request.Touch, timed, measured);
        if (request.Json)
            terminal.WriteJson(summary);
        else
            Print(summary, terminal);
        if (request.KeepPlan is not null)
            terminal.Note($"Wrote {request.KeepPlan}.");
        terminal.Note($"Next: allocreplay compare {request.Trace}");
        return ExitCode.Ok;
    }

    private static WorkerResult Replay(ReplayPlan plan, Allocator allocator, Request request, int intervalUs, Terminal terminal, string title) =>
        terminal.WithProgress($"{title} under {allocator.Name}", _ =>
            WorkerProcess.Run(plan, allocator, new ReplayOptions { Touch = request.Touch, MemoryIntervalUs = intervalUs }));

    private static void Print(ReplaySummary s, Terminal terminal)
    {
        var facts = new Grid().AddColumn(new GridColumn { NoWrap = true }).AddColumn();
        void Fact(string name, string value) => facts.AddRow(Markup.Escape(name), Markup.Escape(value));
        Fact("trace", s.Trace);
        Fact("allocator", s.AllocatorPath + (s.Version.Length > 0 ? $" ({s.Version})" : ""));
        Fact("order", $"{s.Order}, touch {ReplayArguments.NameOf(s.Touch)}");
        Fact("replayed", $"{Quantity.Count(s.Calls)} calls on {Quantity.Threads(s.Threads.Count)}, {Quantity.Bytes(s.BytesAcquired)} acquired");
        Fact("check", "every thread's calls and bytes are those of the trace"
            + (s.Plan.UnknownReleases > 0 ? $", but for {Quantity.Count(s.Plan.UnknownReleases)} skipped releases of blocks never seen allocated" : ""));
        Fact("elapsed", $"{Quantity.Duration(s.ElapsedNs)}, {s.CallsPerSecond / 1e6:0.00} M calls/s, {s.ElapsedNs / (double)s.Calls:0.0} ns/call");
        Fact("CPU time", $"{Quantity.Duration(s.CpuNs)}, {Quantity.Count(s.ContextSwitches)} context switches, {Quantity.Count(s.MinorFaults)} page faults");
        if (s.PeakBytes is { } peak)
        {
            string overhead = s.Overhead is { } ratio ? $", {ratio:0.00} × peak live {Quantity.Bytes(s.PeakLiveBytes)}" : "";
            Fact("peak memory", $"{Quantity.Bytes(peak)} anonymous{overhead}");
            Fact("left at end", Quantity.Bytes(s.EndBytes ?? 0));
        }
        Fact("hand-overs", $"{Quantity.Count(s.CrossThreadBlocks)} between threads, {Quantity.Count(s.Waits)} waited for, {Quantity.Count(s.Sleeps)} asleep");
        Fact("divergences", $"{Quantity.Count(s.FailedNow)} failed now, {Quantity.Count(s.Divergences)} other outcomes");
        if (s.Substituted.Count > 0)
            Fact("substituted", string.Join(", ", s.Substituted) + " (the allocator has no function of that name)");
        terminal.Write(facts);
    }
}
