using AllocReplay.Cli.Output;
using AllocReplay.Recorder;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;

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
            ReplayOrder[] others = [.. Comparison.Passes.Select(p => p.Order).Distinct().Where(order => order != source.Options.Order)];
            plans.Add(ReplayArguments.Compile(source, terminal, token, others));
            foreach (ReplayOrder order in others)
                plans.Add(ReplayArguments.CompileAgain(source, order, terminal, token));
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
