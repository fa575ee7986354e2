using AllocReplay.Replayer;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Tests.Support;

/// <summary>A runner that starts no process: it keeps what was asked of it, and answers as the test has it.</summary>
internal sealed class FakeRunner(Func<FakeRunner.Request, WorkerResult> answer) : IRunner
{
    /// <summary>One run, by its place among all.</summary>
    public sealed record Request(int Index, ReplayPlan Plan, Configuration Configuration, ReplayOptions Options);

    public List<Request> Requests { get; } = [];

    /// <summary>The order of turns, for each heat.</summary>
    public List<IReadOnlyList<int[]>> Rounds { get; } = [];

    public WorkerResult Run(
        ReplayPlan plan, Configuration configuration, ReplayOptions options, IProgress<double>? progress = null, CancellationToken token = default)
    {
        Requests.Add(new Request(Requests.Count, plan, configuration, options));
        return answer(Requests[^1]);
    }

    /// <inheritdoc/>
    public IReadOnlyList<RunOutcome> RunInTurns(
        ReplayPlan plan, IReadOnlyList<Configuration> configurations, ReplayOptions options, IReadOnlyList<int[]> rounds, CancellationToken token = default)
    {
        Rounds.Add(rounds);
        RunOutcome[] outcomes = [.. configurations.Select(c => Outcome(() => Run(plan, c, options, token: token)))];
        token.ThrowIfCancellationRequested();
        return outcomes;
    }

    private static RunOutcome Outcome(Func<WorkerResult> run)
    {
        try
        {
            return new RunOutcome(run(), null);
        }
        catch (ReplayException e)
        {
            return new RunOutcome(null, e);
        }
    }

    /// <summary>A run of so many calls in a second, with so much memory at its peak.</summary>
    public static WorkerResult Result(Request request, long calls = 1000, long peakBytes = 1 << 20, long peakLiveBytes = 1 << 20) => new()
    {
        AllocatorPath = request.Configuration.Name,
        Order = request.Plan.Order,
        Locked = true,
        ElapsedNs = 1_000_000_000,
        CpuNs = 500_000_000,
        BaselineBytes = 0,
        PeakBytes = peakBytes,
        EndBytes = 0,
        MemorySamples = request.Options.Instrument == Instrument.Memory ? 1 : 0,
        MemoryCurve = request.Options.Instrument == Instrument.Memory ? [new MemorySample(calls, peakBytes, peakLiveBytes, peakLiveBytes)] : [],
        PeakLiveBytes = peakLiveBytes,
        PeakTouchedBytes = peakLiveBytes,
        MinorFaults = 1,
        MajorFaults = 0,
        VoluntarySwitches = 2,
        InvoluntarySwitches = 3,
        ManagedCollections = 0,
        ManagedBytes = 0,
        Substituted = new Dictionary<int, int>(),
        Threads = [new WorkerThread(calls, 0, 0, 0, 0, 0)],
    };
}
