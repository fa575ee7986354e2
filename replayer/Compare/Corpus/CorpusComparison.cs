using AllocReplay.Formats;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare.Corpus;

/// <summary>
/// Compares the same configurations on several traces, one after the other: a <see cref="Comparison"/> each, with an equal part of the time that is left.
/// A trace that cannot be read or replayed is told with its reason; the others go on.
/// </summary>
/// <param name="traces">The traces, in their turn.</param>
/// <param name="configurations">What is compared, the first with the others.</param>
/// <param name="options">How; the budget is that of all traces, the precision that of each.</param>
/// <param name="runner">Runs one.</param>
/// <param name="clock">Tells the time; the system's, unless a test has its own.</param>
public sealed class CorpusComparison(
    IReadOnlyList<CorpusTrace> traces, IReadOnlyList<Configuration> configurations, ComparisonOptions options, IRunner runner, TimeProvider? clock = null)
{
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;

    /// <param name="watcher">Told of each trace; null where nobody is.</param>
    /// <param name="token">Ends the work; what was finished is told.</param>
    /// <exception cref="OperationCanceledException">It was ended before anything was finished.</exception>
    public CorpusReport Run(ICorpusWatcher? watcher = null, CancellationToken token = default)
    {
        long started = _clock.GetTimestamp();
        var results = new List<TraceResult>();
        for (int i = 0; i < traces.Count; i++)
        {
            TimeSpan left = options.Budget - _clock.GetElapsedTime(started);
            // An order of its own for each: what a place within a block does must not come twice in the same way, as the traces are taken for independent.
            var turn = new CorpusTurn(
                traces[i], i + 1, traces.Count, options with
                {
                    Budget = CorpusTime.Share(left, traces.Count - i),
                    WholeBudget = options.Budget,
                    Seed = unchecked(options.Seed + i),
                });
            TraceResult result = ResultOf(turn, watcher, token);
            results.Add(watcher?.Ended(result) ?? result);
        }
        if (token.IsCancellationRequested && results.All(r => r.Report is null))
            throw new OperationCanceledException(token);
        return CorpusReport.Of(results, options, _clock.GetElapsedTime(started));
    }

    private TraceResult ResultOf(CorpusTurn turn, ICorpusWatcher? watcher, CancellationToken token)
    {
        TraceResult Without(TraceFailureKind kind, string reason, Exception? cause = null) =>
            new(turn.Trace.Name, turn.Trace.Trace, new TraceFailure(kind, reason, cause), null);
        IReadOnlyList<ReplayPlan> plans = [];
        try
        {
            token.ThrowIfCancellationRequested();
            plans = turn.Trace.Compile(token);
            var comparison = new Comparison(plans, configurations, turn.Options, runner, _clock);
            ComparisonReport Compare(IProgress<ComparisonProgress>? progress) => comparison.Run(turn.Trace.Trace, progress, token);
            return new TraceResult(turn.Trace.Name, turn.Trace.Trace, null, watcher is null ? Compare(null) : watcher.Watch(turn, Compare));
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            return Without(TraceFailureKind.Interrupted, "interrupted before it had figures");
        }
        catch (TracePartException e)
        {
            return Without(TraceFailureKind.NoSuchPart, e.Message, e);
        }
        catch (Exception e) when (e is TraceFormatException or IOException or UnauthorizedAccessException)
        {
            return Without(TraceFailureKind.Unreadable, e.Message, e);
        }
        catch (ReplayException e)
        {
            return Without(TraceFailureKind.NotPossible, e.Message, e);
        }
        finally
        {
            foreach (ReplayPlan plan in plans)
                plan.Dispose();
        }
    }
}
