using System.CommandLine;
using AllocReplay.Formats;
using AllocReplay.Replayer;

namespace AllocReplay.Cli;

/// <summary>What the commands that replay a trace share: options, and the way from a trace to a plan that may run.</summary>
internal static class ReplayArguments
{
    private static readonly string[] TouchNames = ["none", "first", "page", "full"]; // in the order of TouchPolicy

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

    public static TouchPolicy ParseTouch(string name) => (TouchPolicy)Array.IndexOf(TouchNames, name);

    public static string NameOf(TouchPolicy touch) => TouchNames[(int)touch];

    /// <summary>Reads and compiles a trace; refuses a damaged one unless it may be partial, and one larger than memory.</summary>
    public static ReplayPlan Compile(string path, string? process, bool partial, string? keepPlan, Terminal terminal)
    {
        using TraceReader reader = TraceReader.Open(path, process);
        if (keepPlan is not null && File.Exists(keepPlan))
            throw new UsageException($"{keepPlan}: there is a file of that name");
        ReplayPlan plan = terminal.WithProgress("Compiling the replay plan", progress => ReplayPlan.Compile(reader, keepPlan, progress));
        try
        {
            if (plan.Damage is { } damage)
            {
                if (!partial)
                    throw new TraceDamagedException(damage);
                terminal.Note($"allocreplay: {damage.Message}; replaying what is readable");
            }
            if (plan.Counts.Calls == 0)
                throw new TraceFormatException(path, null, "the trace has no calls to replay");
            MemoryGuard.Require(plan, MemoryGuard.Available());
        }
        catch
        {
            plan.Dispose();
            throw;
        }
        NoteDepartures(plan, terminal);
        return plan;
    }

    /// <summary>Names of calls for which an allocator has no function.</summary>
    public static string DescribeSubstitutions(IReadOnlyList<int> kinds) =>
        string.Join(", ", kinds.Select(k => CallKinds.CallName((CallKind)k)));

    /// <summary>What of the trace cannot be replayed as it was: never silent.</summary>
    private static void NoteDepartures(ReplayPlan plan, Terminal terminal)
    {
        PlanCounts counts = plan.Counts;
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
