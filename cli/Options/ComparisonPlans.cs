using AllocReplay.Cli.Output;
using AllocReplay.Recorder;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Options;

/// <summary>A trace as a comparison takes it: a plan in the order of each pass.</summary>
internal static class ComparisonPlans
{
    /// <summary>Reads and compiles a trace, as <see cref="ReplayArguments"/> does, once for each order.</summary>
    /// <exception cref="ReplayException">It cannot be replayed here.</exception>
    public static IReadOnlyList<ReplayPlan> Compile(ReplayArguments.Source source, Terminal terminal, CancellationToken token)
    {
        var plans = new List<ReplayPlan>();
        try
        {
            plans.Add(ReplayArguments.Compile(source, terminal, token));
            foreach (Pass pass in Comparison.Passes.Where(p => plans.All(plan => plan.Order != p.Order)))
                plans.Add(ReplayArguments.CompileAgain(source, pass.Order, terminal, token));
            return plans;
        }
        catch (Exception e)
        {
            Dispose(plans);
            // What is in shared memory could not be brought to disk: it is this trace's failure, not that of the others.
            if (e is ControlException)
                throw new ReplayException(ReplayFailure.NotPossible, e.Message);
            throw;
        }
    }

    public static void Dispose(IReadOnlyList<ReplayPlan> plans)
    {
        foreach (ReplayPlan plan in plans)
            plan.Dispose();
    }
}
