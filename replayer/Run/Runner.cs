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

    /// <summary>
    /// Replays a plan under several configurations in turns: each in a process of its own, of which one runs at a time and the others stand still, so
    /// that turns that are to be compared are close together in time. One that fails takes no more turns.
    /// </summary>
    /// <param name="plan">What to replay.</param>
    /// <param name="configurations">What to replay it under.</param>
    /// <param name="options">How; the loops are those of a turn, and the time that is allowed is a turn's.</param>
    /// <param name="rounds">Each configuration's place once, in the order of the turns of each round.</param>
    /// <param name="token">Ends the runs.</param>
    /// <returns>What became of each.</returns>
    /// <exception cref="OperationCanceledException">They were ended.</exception>
    IReadOnlyList<RunOutcome> RunInTurns(
        ReplayPlan plan, IReadOnlyList<Configuration> configurations, ReplayOptions options, IReadOnlyList<int[]> rounds, CancellationToken token = default);
}

/// <summary>What became of a run: one of the two.</summary>
/// <param name="Result">What it measured.</param>
/// <param name="Failure">Why it did not end with figures.</param>
public readonly record struct RunOutcome(WorkerResult? Result, ReplayException? Failure);

/// <summary>Each run in a worker process of its own, checked to be the trace.</summary>
public sealed class WorkerRunner : IRunner
{
    public static WorkerRunner Instance { get; } = new();

    /// <inheritdoc/>
    public WorkerResult Run(
        ReplayPlan plan, Configuration configuration, ReplayOptions options, IProgress<double>? progress = null, CancellationToken token = default)
    {
        using var run = new CheckedRun(plan, configuration, options);
        run.Await(progress, token);
        return run.Complete();
    }

    /// <inheritdoc/>
    public IReadOnlyList<RunOutcome> RunInTurns(
        ReplayPlan plan, IReadOnlyList<Configuration> configurations, ReplayOptions options, IReadOnlyList<int[]> rounds, CancellationToken token = default)
    {
        ReplayOptions all = options with { Loops = options.Loops * rounds.Count, TurnLoops = options.Loops };
        var runs = new CheckedRun?[configurations.Count];
        var outcomes = new RunOutcome[configurations.Count];
        try
        {
            // They get ready side by side; what they measure begins with their turns.
            for (int i = 0; i < runs.Length; i++)
                Attempt(i, () => runs[i] = new CheckedRun(plan, configurations[i], all));
            foreach (CheckedRun? run in runs)
                run?.Await(null, token);
            foreach (int i in rounds.SelectMany(order => order))
                runs[i]?.TakeTurn(token);
            // Someone else may have stopped one in the middle of a turn.
            foreach (CheckedRun? run in runs)
                while (run is { HasEnded: false })
                    run.TakeTurn(token);
            for (int i = 0; i < runs.Length; i++)
                Attempt(i, () => outcomes[i] = new RunOutcome(runs[i]!.Complete(), null));
            return outcomes;
        }
        finally
        {
            foreach (CheckedRun? run in runs)
                run?.Dispose();
        }

        void Attempt(int i, Action action)
        {
            if (outcomes[i].Failure is not null)
                return;
            try
            {
                action();
            }
            catch (ReplayException e)
            {
                outcomes[i] = new RunOutcome(null, e);
            }
        }
    }

    /// <summary>A worker with its hook, from the start to what it measured: ended where it does not come so far.</summary>
    private sealed class CheckedRun : IDisposable
    {
        private readonly ReplayPlan _plan;
        private readonly Configuration _configuration;
        private readonly ReplayOptions _options;
        private readonly IReadOnlyList<AllocatorSetting> _settings;
        private readonly WorkerProcess _worker;
        private IHookedRun? _hooked;

        public CheckedRun(ReplayPlan plan, Configuration configuration, ReplayOptions options)
        {
            (_plan, _configuration, _options) = (plan, configuration, options);
            _settings = AllocatorSettings.Require(configuration.Allocator, configuration.Environment);
            _hooked = configuration.Hook?.Begin();
            try
            {
                _worker = new WorkerProcess(plan.Path, configuration, options, _hooked);
            }
            catch
            {
                _hooked?.Abandon();
                throw;
            }
        }

        public bool HasEnded => _worker.HasEnded;

        public void Await(IProgress<double>? progress, CancellationToken token) => _worker.Await(progress, token);

        public void TakeTurn(CancellationToken token)
        {
            _worker.Continue();
            _worker.Await(null, token);
        }

        /// <summary>What it measured, and what its hook counted.</summary>
        /// <exception cref="ReplayException">It was not the trace, or did not end with figures.</exception>
        public WorkerResult Complete()
        {
            WorkerResult result = _worker.Result() with { Settings = _settings };
            ReplayCheck.Verify(_configuration.Label, result, _plan.Expected, _options.Loops, _plan.ThreadNames);
            if (_hooked is not { } hooked)
                return result;
            _hooked = null;
            return result with { HookCounts = hooked.Complete(result.ProcessId, Describe(result)) };
        }

        /// <summary>The worker first: what a hook needs of it is there as long as it runs.</summary>
        public void Dispose()
        {
            _worker.Dispose();
            _hooked?.Abandon();
        }

        private ReplayInfo Describe(WorkerResult result) => new()
        {
            Image = _plan.Image,
            Range = _plan.Range,
            Calls = result.Calls,
            Order = ValueName.Of(_plan.Order),
            Slowness = _options.Pace.TimeScale,
            Touch = ValueName.Of(_options.Touch),
            Allocator = _configuration.AllocatorName,
            AllocatorPath = result.AllocatorPath,
            AllocatorBuildId = _configuration.Allocator.BuildId,
            Substituted = result.Substituted,
        };
    }
}
