using System.CommandLine;
using System.Globalization;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Options;

/// <summary>What the commands that replay a trace share: options, and the way from a trace to a plan that may run.</summary>
internal static class ReplayArguments
{
    private static readonly string[] TouchNames = ["none", "first", "page", "full"]; // in the order of TouchPolicy
    public static readonly IReadOnlyList<string> OrderNames = ["deps", "exact", "total"]; // in the order of ReplayOrder
    public const string Asap = "asap";
    private const string Recorded = "recorded";

    public static Option<string> Touch()
    {
        var touch = new Option<string>("--touch")
        {
            Description = "What is written into new blocks: nothing, the first byte, a byte in every page, every byte.",
            HelpName = string.Join('|', TouchNames),
            DefaultValueFactory = _ => NameOf(TouchPolicy.Page),
        };
        touch.AcceptOnlyFromAmong(TouchNames);
        return touch;
    }

    public static Option<string> Order()
    {
        var order = new Option<string>("--order")
        {
            Description = "deps: each thread in its order, each block from hand to hand. exact: as well, what had ended before something began does so "
                + "again. total: one call at a time, in the order of the trace.",
            HelpName = string.Join('|', OrderNames),
            DefaultValueFactory = _ => NameOf(ReplayOrder.Exact),
        };
        order.AcceptOnlyFromAmong([.. OrderNames]);
        return order;
    }

    public static ReplayOrder ParseOrder(string name) => (ReplayOrder)OrderNames.ToList().IndexOf(name);

    public static string NameOf(ReplayOrder order) => OrderNames[(int)order];

    public static Option<string> Pace() => new("--pace")
    {
        Description = "asap: each call as soon as its order allows. recorded: at its recorded time. x2: twice as fast; x0.5: half as fast.",
        HelpName = "asap|recorded|xK",
        DefaultValueFactory = _ => Asap,
    };

    /// <summary>The time that a second of the recording takes, 0 for as little as can be.</summary>
    /// <exception cref="UsageException">It is no pace.</exception>
    public static double ParsePace(string text)
    {
        if (text is Asap or Recorded)
            return text == Asap ? 0 : 1;
        bool isNumber = double.TryParse(text.AsSpan(Math.Min(1, text.Length)), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double speed);
        return text.StartsWith('x') && isNumber && speed is >= 0.001 and <= 1e6
            ? 1 / speed
            : throw new UsageException($"--pace {text}: expected asap, recorded, or xK with a speed K such as x2 or x0.5");
    }

    public static string NameOfPace(double slowness) =>
        slowness == 0 ? Asap : slowness == 1 ? Recorded : string.Create(CultureInfo.InvariantCulture, $"x{1 / slowness:0.######}");

    public static Option<string?> MaxLive() => new("--max-live")
    {
        Description = "Let a trace with so many bytes live at its peak run, whatever memory the machine has.",
        HelpName = "size",
    };

    public static long? ParseMaxLive(string? text) => text is null ? null : Quantity.ParseBytes("--max-live", text);

    public static TouchPolicy ParseTouch(string name) => (TouchPolicy)Array.IndexOf(TouchNames, name);

    public static string NameOf(TouchPolicy touch) => TouchNames[(int)touch];

    /// <summary>What of a trace is to be compiled, and how.</summary>
    internal sealed record Source(TraceChoice Trace, bool Partial, long? MaxLive, PlanOptions Options, string? KeepPlan = null);

    /// <summary>Reads and compiles a trace; refuses a damaged one unless it may be partial, and one larger than memory.</summary>
    public static ReplayPlan Compile(Source source, Terminal terminal, CancellationToken token)
    {
        if (WhyNotKept(source.KeepPlan) is { } why)
            throw new UsageException(why);
        using TraceReader reader = TraceArguments.Open(source.Trace, terminal);
        ReplayPlan plan = Compile(reader, source, "Compiling the replay plan", terminal, token);
        try
        {
            if (plan.Damage is { } damage)
            {
                if (!source.Partial)
                    throw new TraceDamagedException(damage);
                terminal.Note($"allocreplay: {damage.Message}; replaying what is readable: {Quantity.Count(plan.Counts.Calls)} calls");
            }
            if (plan.Counts.Calls == 0)
                throw new TraceFormatException(source.Trace.Path, null, "the trace has no calls to replay");
            MemoryGuard.Require(plan, MemoryGuard.Available(), source.MaxLive);
        }
        catch
        {
            plan.Dispose();
            throw;
        }
        NoteDepartures(plan, reader, terminal);
        return plan;
    }

    /// <summary>A second plan of a trace that has been compiled already, in another order: what there is to say of the trace has been said.</summary>
    public static ReplayPlan CompileAgain(Source source, Terminal terminal, CancellationToken token)
    {
        using TraceReader reader = TraceReader.Open(source.Trace.Path, source.Trace.Process, source.Trace.Range);
        return Compile(reader, source, $"Compiling the plan in order {NameOf(source.Options.Order)}", terminal, token);
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

    /// <summary>What is missing of the recording of a replay, or null.</summary>
    public static string? LossOf(TraceReader replay) => replay.Process.Failure is null && replay.Process.LostEvents == 0 ? null
        : $"the replay was not recorded to its end: {replay.Process.Failure ?? "events lost"}, {Quantity.Count((long)replay.Process.LostEvents)} calls are known to be missing";

    /// <summary>Names of calls for which an allocator has no function.</summary>
    public static string DescribeSubstitutions(IReadOnlyList<int> kinds) =>
        string.Join(", ", kinds.Select(k => CallKinds.CallName((CallKind)k)));

    /// <summary>What of the trace cannot be replayed as it was: never silent.</summary>
    private static void NoteDepartures(ReplayPlan plan, TraceReader reader, Terminal terminal)
    {
        PlanCounts counts = plan.Counts;
        if (reader.Process.Sample > 1)
            terminal.Note($"Note: a sampled trace: these are the calls of 1 block in {reader.Process.Sample}; figures do not tell how an allocator does on all");
        if (reader.Process.Failure is { } failure)
            terminal.Note($"Note: recording ended early ({failure}): {Quantity.Count((long)reader.Process.LostEvents)} calls after that are known to be missing");
        else if (reader.Process.LostEvents > 0)
            terminal.Note($"Note: {Quantity.Count((long)reader.Process.LostEvents)} calls were lost when it was recorded");
        void Note(long count, string what)
        {
            if (count > 0)
                terminal.Note($"Note: {Quantity.Count(count)} {what}");
        }
        Note(counts.UnknownReleases, "releases of blocks never seen allocated: skipped");
        Note(counts.UnknownReallocations, "reallocations of blocks never seen allocated: reissued with a null pointer");
        Note(counts.DisplacedBlocks, "blocks whose release is not in the trace: never released");
        Note(counts.UnplacedCreates, "thread creations without their child in the trace, or after its first call");
    }
}
