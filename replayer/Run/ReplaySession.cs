using AllocReplay.Replayer.Plan;

namespace AllocReplay.Replayer.Run;

/// <summary>One configuration over one plan, run as often as its figures take: <see cref="Passes"/> in turn, then <see cref="Report"/>.</summary>
/// <param name="plan">What is replayed.</param>
/// <param name="configuration">What it is replayed under.</param>
/// <param name="options">How.</param>
/// <param name="runner">Runs it once.</param>
public sealed class ReplaySession(ReplayPlan plan, Configuration configuration, ReplayOptions options, IRunner runner)
{
    private readonly Dictionary<Pass, WorkerResult> _results = [];

    /// <summary>
    /// Two, as reading the memory would slow the one that is timed. At a given pace there is nothing to slow: one. The no-op has no memory, and under a
    /// hook that of the hook would be in the figures.
    /// </summary>
    public IReadOnlyList<Pass> Passes =>
        configuration.Hook is not null || !Pass.Memory.Includes(configuration) ? [Pass.Throughput]
        : options.Pace.IsAsap ? [Pass.Throughput, Pass.Memory]
        : [Pass.Memory];

    /// <summary>Runs one of the passes.</summary>
    /// <exception cref="ReplayException">It crashed or was not the trace.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public WorkerResult Run(Pass pass, IProgress<double>? progress = null, CancellationToken token = default) =>
        _results[pass] = runner.Run(plan, configuration, options with { Instrument = pass.Instrument }, progress, token);

    /// <summary>What the passes have shown.</summary>
    /// <param name="trace">The trace, as it was named.</param>
    public ReplayReport Report(string trace) =>
        ReplayReport.Of(trace, plan, configuration, options, _results[Passes[0]], _results.GetValueOrDefault(Pass.Memory));
}
