using System.CommandLine;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Options;

/// <summary>What the commands that replay a trace share: options, and the way from a trace to a plan that may run.</summary>
internal static class ReplayArguments
{
    /// <summary>What plans take of the disk is told from so many bytes on.</summary>
    private const long ToldFrom = 256 << 20;

    public static Option<string> Touch()
    {
        var touch = new Option<string>("--touch")
        {
            Description = "What is written into new blocks. none: nothing; first: the first byte; page: a byte in every page; full: every byte.",
            HelpName = "bytes",
            DefaultValueFactory = _ => ValueName.Of(TouchPolicy.Page),
        };
        touch.AcceptOnlyFromAmong([.. ValueName.All<TouchPolicy>()]);
        return touch;
    }

    public static Option<bool> TouchCalloc() => new("--touch-calloc")
    {
        Description = "Touch blocks of calloc as well, which are left to the allocator otherwise.",
    };

    public static Option<string> Order()
    {
        var order = new Option<string>("--order")
        {
            Description = "deps: each thread in its order, each block from hand to hand. exact: as well, what had ended before something began does so "
                + "again. total: one call at a time, in the order of the trace.",
            HelpName = "order",
            DefaultValueFactory = _ => ValueName.Of(ReplayOrder.Exact),
        };
        order.AcceptOnlyFromAmong([.. ValueName.All<ReplayOrder>()]);
        return order;
    }

    public static ReplayOrder ParseOrder(string name) => ValueName.Parse<ReplayOrder>(name)!.Value;

    public static Option<string> Pace() => new("--pace")
    {
        Description = "asap: each call as soon as its order allows. recorded: at its recorded time. x2: twice as fast; x0.5: half as fast.",
        HelpName = "pace",
        DefaultValueFactory = _ => Replayer.Run.Pace.Asap.ToString(),
    };

    /// <exception cref="UsageException">It is no pace.</exception>
    public static Pace ParsePace(string text) =>
        Replayer.Run.Pace.Parse(text) ?? throw new UsageException($"--pace {text}: expected asap, recorded, or xK with a speed K such as x2 or x0.5");

    public static Option<string?> MaxLive() => new("--max-live")
    {
        Description = "Let a trace with so many bytes live at its peak run, whatever memory the machine has.",
        HelpName = "size",
    };

    public static long? ParseMaxLive(string? text) => text is null ? null : Quantity.ParseBytes("--max-live", text);

    public static Option<string?> Pin() => new("--pin")
    {
        Description = "Keep replays on these processors, such as 0,2-3. With one, threads do not run at once.",
        HelpName = "cpus",
    };

    /// <exception cref="UsageException">It is no list of processors, or of some that may not be used.</exception>
    public static IReadOnlyList<int> ParsePin(string? list)
    {
        if (list is null)
            return [];
        IReadOnlyList<int> allowed = ProcessorSet.Allowed();
        IReadOnlyList<int> asked = ProcessorSet.Parse(list) ?? throw new UsageException($"--pin {list}: expected processors such as 0,2-3");
        return asked.All(allowed.Contains) ? asked : throw new UsageException(
            $"--pin {list}: processor {asked.First(p => !allowed.Contains(p))} may not be used; there are {string.Join(',', allowed)}");
    }

    public static TouchPolicy ParseTouch(string name) => ValueName.Parse<TouchPolicy>(name)!.Value;

    /// <summary>What of a trace is to be compiled, and how.</summary>
    /// <param name="Trace">The trace.</param>
    /// <param name="Check">Whether the plan may run.</param>
    /// <param name="Options">What it keeps.</param>
    /// <param name="Kept">Where it is kept; null for nowhere.</param>
    internal sealed record Source(TraceChoice Trace, PlanCheck Check, PlanOptions Options, KeptPlans? Kept = null);

    /// <summary>Reads and compiles a trace; refuses a damaged one unless it may be partial, and one larger than memory. Says what is not as it was.</summary>
    /// <param name="source">The trace.</param>
    /// <param name="terminal">Where progress and notes go.</param>
    /// <param name="token">Ends it.</param>
    /// <param name="others">Orders in which it will be compiled besides, while this plan is there.</param>
    public static ReplayPlan Compile(Source source, Terminal terminal, CancellationToken token, params IEnumerable<ReplayOrder> others)
    {
        if (source.Kept?.WhyNot() is { } why)
            throw new UsageException(why);
        using TraceReader reader = TraceArguments.Open(source.Trace, terminal);
        ReplayPlan plan = Obtain(reader, source, others, "Compiling the replay plan", terminal, token);
        try
        {
            source.Check.Require(plan, source.Trace.Path);
        }
        catch
        {
            plan.Dispose();
            throw;
        }
        ReplayNotes.Print(plan, terminal);
        return plan;
    }

    /// <summary>A second plan of a trace that has been compiled already, in another order: what there is to say of the trace has been said.</summary>
    public static ReplayPlan CompileAgain(Source source, ReplayOrder order, Terminal terminal, CancellationToken token)
    {
        using TraceReader reader = TraceReader.Open(source.Trace.Path, source.Trace.Process, source.Trace.Range);
        Source again = source with { Options = source.Options with { Order = order } };
        return Obtain(reader, again, [], $"Compiling the plan in order {ValueName.Of(order)}", terminal, token);
    }

    /// <summary>The plan that was kept, or a new one.</summary>
    private static ReplayPlan Obtain(
        TraceReader reader, Source source, IEnumerable<ReplayOrder> others, string title, Terminal terminal, CancellationToken token)
    {
        if (source.Kept?.Take(reader, source.Options, terminal) is { } taken)
            return taken;
        string? keepAs = source.Kept?.FileFor(source.Options.Order);
        string directory = keepAs is null ? Path.GetTempPath() : Path.GetDirectoryName(Path.GetFullPath(keepAs))!;
        PlanForecast forecast = PlanForecast.Of(reader, [source.Options, .. others.Select(o => source.Options with { Order = o })], directory);
        forecast.Require();
        if (forecast.LikelyBytes >= ToldFrom)
            title += $" (about {Quantity.Bytes(forecast.LikelyBytes)} in {directory})";
        if (forecast.LikelyBytes > forecast.FreeBytes)
            terminal.Note($"Note: {directory} may be too small for it: {Quantity.Bytes(forecast.FreeBytes)} are free; TMPDIR moves it elsewhere");
        ReplayPlan plan = terminal.WithProgress(title, progress => ReplayPlan.Compile(reader, source.Options, keepAs, progress, token));
        if (keepAs is not null)
            terminal.Note($"Wrote {keepAs}.");
        return plan;
    }
}
