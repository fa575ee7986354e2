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

    public static TouchPolicy ParseTouch(string name) => ValueName.Parse<TouchPolicy>(name)!.Value;

    /// <summary>What of a trace is to be compiled, and how.</summary>
    internal sealed record Source(TraceChoice Trace, PlanCheck Check, PlanOptions Options, string? KeepPlan = null);

    /// <summary>Reads and compiles a trace; refuses a damaged one unless it may be partial, and one larger than memory. Says what is not as it was.</summary>
    public static ReplayPlan Compile(Source source, Terminal terminal, CancellationToken token)
    {
        if (WhyNotKept(source.KeepPlan) is { } why)
            throw new UsageException(why);
        using TraceReader reader = TraceArguments.Open(source.Trace, terminal);
        ReplayPlan plan = Compile(reader, source, "Compiling the replay plan", terminal, token);
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
        return Compile(reader, again, $"Compiling the plan in order {ValueName.Of(order)}", terminal, token);
    }

    private static ReplayPlan Compile(TraceReader reader, Source source, string title, Terminal terminal, CancellationToken token) =>
        terminal.WithProgress(title, progress => ReplayPlan.Compile(reader, source.Options, source.KeepPlan, progress, token));

    private static string? WhyNotKept(string? plan)
    {
        if (plan is null)
            return null;
        if (plan.Length == 0)
            return "--keep-plan: expected a file name, found none";
        if (Path.Exists(plan))
            return $"--keep-plan {plan}: already there; choose another name";
        string directory = Path.GetDirectoryName(Path.GetFullPath(plan))!;
        return Directory.Exists(directory) ? null : $"--keep-plan {plan}: no such directory: {directory}";
    }
}
