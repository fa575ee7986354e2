using AllocReplay.Formats;
using AllocReplay.Replayer.Allocators;
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
    /// <exception cref="ReplayException">
    /// It did not end with figures, and why: <see cref="ReplayException.Run"/>. What it started has ended with it.
    /// </exception>
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
        IReadOnlyList<AllocatorSetting> settings = AllocatorSettings.Require(configuration.Allocator, configuration.Environment);
        IHookedRun? hooked = configuration.Hook?.Begin();
        try
        {
            WorkerResult result = WorkerProcess.Run(plan.Path, configuration, options, hooked, progress, token) with { Settings = settings };
            ReplayCheck.Verify(configuration.Label, result, plan.Expected, options.Loops, plan.ThreadNames);
            if (hooked is null)
                return result;
            IHookedRun ending = hooked;
            hooked = null;
            return result with { HookCounts = ending.Complete(result.ProcessId, Describe(plan, configuration, options, result)) };
        }
        finally
        {
            hooked?.Abandon();
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
