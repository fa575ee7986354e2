using AllocReplay.Formats;
using AllocReplay.Replayer.Plan;

namespace AllocReplay.Replayer.Run;

/// <summary>Runs a plan once. A protocol of many runs takes one, so that it can be tested without processes.</summary>
public interface IRunner
{
    /// <summary>Replays a plan once.</summary>
    /// <param name="plan">What to replay.</param>
    /// <param name="configuration">What to replay it under.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="token">Ends the run.</param>
    /// <exception cref="ReplayException">It crashed, ran on another allocator, or did something else than the trace.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    WorkerResult Run(
        ReplayPlan plan, Configuration configuration, ReplayOptions options, IProgress<double>? progress = null, CancellationToken token = default);
}

/// <summary>Each run in a worker process of its own, checked to be the trace.</summary>
public sealed class WorkerRunner : IRunner
{
    public static WorkerRunner Instance { get; } = new();

    /// <inheritdoc/>
    public WorkerResult Run(
        ReplayPlan plan, Configuration configuration, ReplayOptions options, IProgress<double>? progress = null, CancellationToken token = default)
    {
        IHookedRun? hooked = configuration.Hook?.Begin();
        try
        {
            WorkerResult result = WorkerProcess.Run(plan.Path, configuration, options, hooked?.Library, progress, token);
            ReplayCheck.VerifyAllocator(configuration.Allocator, result);
            ReplayCheck.Verify(configuration.Name, result, plan.Expected, options.Loops, plan.ThreadNames);
            hooked?.Complete(result.ProcessId, Describe(plan, configuration, options, result));
            return result;
        }
        catch
        {
            hooked?.Abandon();
            throw;
        }
    }

    private static ReplayInfo Describe(ReplayPlan plan, Configuration configuration, ReplayOptions options, WorkerResult result) => new()
    {
        Image = plan.Image,
        Range = plan.Range,
        Calls = result.Calls,
        Order = ValueName.Of(plan.Order),
        Slowness = options.Pace.TimeScale,
        Touch = ValueName.Of(options.Touch),
        Allocator = configuration.AllocatorName,
        AllocatorPath = result.AllocatorPath,
        AllocatorBuildId = configuration.Allocator.BuildId,
        Substituted = result.Substituted,
    };
}
