using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>
/// Runs configurations against each other: a fresh worker for every run, every configuration once per block in an order drawn by lot for each, and
/// a pass of its own for each kind of figure. Where time is measured, those of a block take turns (<see cref="TurnPlan"/>). It goes on until the
/// figures are as precise as was asked for, or the time is spent: what it stops by is how wide the intervals are, never what they show.
/// </summary>
/// <remarks>
/// A configuration that fails in a run is run no more; the others go on. The time is shared out among the passes, of which each has one block at
/// least; what one leaves is for those after it.
/// </remarks>
/// <param name="plans">The trace, compiled in the order of each of <see cref="Passes"/>.</param>
/// <param name="configurations">What is compared, the first with the others.</param>
/// <param name="options">How.</param>
/// <param name="runner">Runs one.</param>
/// <param name="clock">Tells the time; the system's, unless a test has its own.</param>
public sealed class Comparison(
    IReadOnlyList<ReplayPlan> plans, IReadOnlyList<Configuration> configurations, ComparisonOptions options, IRunner runner, TimeProvider? clock = null)
{
    /// <summary>A run that takes so many times as long as those of the others hangs.</summary>
    private const int Patience = 10;

    /// <summary>Of the time, beside 1 for a pass of which something is claimed: of a pass of which nothing is, it ends when there are intervals.</summary>
    private const double UnclaimedWeight = 0.25;

    /// <summary>Runs of what nothing is claimed of, in each pass: the time is for the others.</summary>
    internal const int ReferenceRuns = 3;

    private static readonly TimeSpan PatienceMin = TimeSpan.FromSeconds(30);

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly IReadOnlyList<Entrant> _entrants = Entrant.Of(configurations);
    private readonly Schedule _schedule = new(configurations.Count + 1, options.Seed); // the first has a twin
    private readonly RunLog _log = new();
    private readonly Dictionary<Pass, List<TimeSpan>> _took = []; // of runs, by loop
    private readonly List<PassFacts> _passes = [];
    private readonly Pass[] _planned = [.. Passes.Where(p => options.Blocks is null ? p.BudgetMin <= options.Budget : p.BudgetMin == TimeSpan.Zero)];
    private IProgress<ComparisonProgress>? _progress;
    private CancellationToken _token;
    private long _started;
    private TurnPlan _turns = new(1, 1, 1);
    private int _paired; // blocks, or heats, whose runs are paired
    private double _width;

    /// <summary>What is looked at, in turn.</summary>
    public static IReadOnlyList<Pass> Passes { get; } = [Pass.Blocks, Pass.Memory, Pass.Residue, Pass.Latency, Pass.Throughput];

    private double AlphaOfClaims => ComparisonOptions.Alpha / Math.Max(1, options.Primary.Count * _entrants.Count(e => e.IsCompared));

    /// <param name="trace">The trace, as it was named.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="token">Ends the work; what was finished is told.</param>
    /// <exception cref="OperationCanceledException">It was ended before anything was finished.</exception>
    public ComparisonReport Run(string trace, IProgress<ComparisonProgress>? progress = null, CancellationToken token = default)
    {
        (_progress, _token) = (progress, token);
        _started = _clock.GetTimestamp();
        try
        {
            foreach (Pass pass in _planned)
            {
                Measure(pass);
                // Whoever has wrong blocks may not live to the end of another run: that is looked at first.
                if (pass == Pass.Blocks)
                    WarmUp();
            }
        }
        catch (OperationCanceledException) when (_passes.Any(p => p.Blocks > 0))
        {
            // What was finished is told.
        }
        return new ReportBuilder(plans, _entrants, _log, options, AlphaOfClaims).Build(trace, _passes, isWhole: _passes.Count == _planned.Length, Elapsed);
    }

    private TimeSpan Elapsed => _clock.GetElapsedTime(_started);

    /// <summary>Every configuration once: files are in memory, and how long a replay takes is known.</summary>
    private void WarmUp()
    {
        var times = new List<TimeSpan>();
        TimeSpan prologue = TimeSpan.Zero;
        foreach (Entrant entrant in _entrants.Where(e => e.Role != Role.Twin && e.Failure is null))
        {
            if (TryRun(Pass.Throughput, entrant) is not { } result || entrant.Role == Role.Reference)
                continue;
            times.Add(TimeSpan.FromMicroseconds(result.ElapsedNs / 1e3));
            var before = TimeSpan.FromMicroseconds(result.PrologueNs / 1e3);
            prologue = before > prologue ? before : prologue;
        }
        if (times.Count > 0)
            times.Add(times[0]); // the first one's twin
        _turns = TurnPlan.Of(times, PlanOf(Pass.Throughput), options, options.AvailableBytes ?? MemoryGuard.Available(), prologue);
    }

    private ReplayPlan PlanOf(Pass pass) => plans.First(p => p.Order == pass.Order);

    private void Measure(Pass pass)
    {
        var facts = new PassFacts(pass.Name, pass.Order, pass.TakesTurns ? _turns.Loops : 1, pass.TakesTurns ? _turns.Rounds : 1)
        {
            Stop = Stop.Interrupted,
        };
        _passes.Add(facts);
        _width = double.PositiveInfinity;
        TimeSpan begun = Elapsed, until = options.Budget * ShareUntil(pass);
        while (WhyStop() is null)
        {
            if (!(pass.TakesTurns ? RunHeats(pass) : RunBlock(pass)))
                break;
            facts.Blocks++;
            Tell(pass, facts.Blocks);
        }
        facts.Stop = WhyStop() ?? Stop.Blocks;

        Stop? WhyStop() => this.WhyStop(pass, facts.Blocks, (Elapsed - begun) / Math.Max(1, facts.Blocks), until);
    }

    /// <summary>What may be used of the time when a pass ends, from 0 to 1.</summary>
    private double ShareUntil(Pass pass)
    {
        Pass[] sharing = [.. _planned.Where(p => p.BlocksMax > 1)];
        return sharing.TakeWhile(p => p != pass).Append(pass).Sum(WeightOf) / sharing.Sum(WeightOf);

        double WeightOf(Pass p) => p.BlocksMax == 1 ? 0 : options.Primary.Concat(options.Watched).Any(m => m.Pass == p) ? 1 : UnclaimedWeight;
    }

    private Stop? WhyStop(Pass pass, int blocks, TimeSpan timeOfBlock, TimeSpan until)
    {
        if (blocks >= (options.Blocks ?? SignedRank.PairsMax) || blocks >= pass.BlocksMax)
            return Stop.Blocks;
        if (options.Blocks is not null || blocks == 0)
            return null;
        // Looked at seldom where there are many: what is looked at are the means of every two runs.
        if (blocks >= SignedRank.PairsFor(AlphaOfClaims) && (blocks < 32 || blocks % 16 == 0))
            _width = WidestInterval(pass);
        return _width <= options.Precision ? Stop.Precision : Elapsed + timeOfBlock / 2 > until ? Stop.Budget : null;
    }

    /// <summary>Runs all once that take part, in an order drawn by lot. False where none could.</summary>
    private bool RunBlock(Pass pass)
    {
        bool ran = false;
        foreach (Entrant entrant in OrderOf(pass).Select(i => _entrants[i]).Where(e => TakesPart(e, pass)))
        {
            if (TryRun(pass, entrant) is not { } result)
                continue;
            _log.Add(LoggedRun.Of(pass, entrant.Index, _paired, result));
            ran = true;
        }
        _paired++;
        return ran;
    }

    /// <summary>The same for those that take turns. Runs of one heat are paired; where each runs by itself, those of the block are.</summary>
    private bool RunHeats(Pass pass)
    {
        bool ran = false;
        foreach (int[] heat in _turns.HeatsOf([.. OrderOf(pass).Where(i => TakesPart(_entrants[i], pass))], first: 0))
        {
            // Whoever failed in an earlier heat of this block, as the first one does, is run no more.
            Entrant[] entrants = [.. heat.Select(i => _entrants[i]).Where(e => e.Failure is null)];
            IReadOnlyList<RunOutcome> outcomes = runner.RunInTurns(
                PlanOf(pass), [.. entrants.Select(e => e.Configuration)], OptionsOf(pass, _turns.Loops),
                _schedule.NextRounds(entrants.Length, _turns.Rounds), _token);
            foreach ((Entrant entrant, RunOutcome outcome) in entrants.Zip(outcomes))
            {
                if (outcome.Result is not { } result)
                {
                    Fail(pass, entrant, outcome.Failure!);
                    continue;
                }
                Took(pass, TimeSpan.FromMicroseconds((result.ElapsedNs + result.PrologueNs) / 1e3 / (_turns.Loops * _turns.Rounds)));
                _log.Add(LoggedRun.Of(pass, entrant.Index, _paired, result));
                ran = true;
            }
            if (_turns.Together > 1)
                _paired++;
        }
        if (_turns.Together == 1)
            _paired++;
        return ran;
    }

    /// <summary>What is run once is compared with nothing; the first is then known to run, and how long that takes.</summary>
    private IEnumerable<int> OrderOf(Pass pass) => pass.BlocksMax > 1 ? _schedule.NextBlock() : Enumerable.Range(0, _entrants.Count);

    /// <summary>What is run once needs no twin. References are left out when they have a few runs, unless each was to have a number of them.</summary>
    private bool TakesPart(Entrant entrant, Pass pass) =>
        entrant.Failure is null && pass.Includes(entrant.Configuration) && (pass.BlocksMax > 1 || entrant.Role != Role.Twin)
        && (entrant.Role != Role.Reference || options.Blocks is not null || _passes[^1].Blocks < ReferenceRuns);

    /// <summary>A run, or null where it failed: then there are no others of that entrant.</summary>
    private WorkerResult? TryRun(Pass pass, Entrant entrant)
    {
        _token.ThrowIfCancellationRequested();
        long start = _clock.GetTimestamp();
        try
        {
            WorkerResult result = runner.Run(PlanOf(pass), entrant.Configuration, OptionsOf(pass, loops: 1), token: _token);
            Took(pass, _clock.GetElapsedTime(start));
            return result;
        }
        catch (ReplayException e)
        {
            Fail(pass, entrant, e);
            return null;
        }
    }

    /// <summary>The first and its twin are one: where one fails, both have failed, and the reason is told of the first.</summary>
    private void Fail(Pass pass, Entrant entrant, ReplayException e)
    {
        foreach (Entrant same in _entrants.Where(other => ReferenceEquals(other.Configuration, entrant.Configuration)))
            same.Failure ??= new RowFailure(pass.Name, e.Run?.Kind, e.Run?.Code, e.Message);
    }

    private ReplayOptions OptionsOf(Pass pass, int loops) => new()
    {
        Touch = options.Touch,
        Instrument = pass.Instrument,
        ResidueMs = pass.ResidueMs,
        TouchCalloc = options.TouchCalloc,
        Processors = options.Processors,
        Loops = loops,
        Timeout = TimeoutOf(pass, loops),
    };

    private void Took(Pass pass, TimeSpan time)
    {
        if (!_took.TryGetValue(pass, out List<TimeSpan>? took))
            _took[pass] = took = [];
        took.Add(time);
    }

    /// <summary>
    /// What the runs of a pass took, many times; before there are any, all the time that there is, as one order may take far longer than another.
    /// </summary>
    private TimeSpan TimeoutOf(Pass pass, int loops)
    {
        if (options.Timeout is { } asked)
            return asked;
        TimeSpan usual = _took.TryGetValue(pass, out List<TimeSpan>? took)
            ? TimeSpan.FromTicks((long)PairedStatistics.Median(took.Select(t => (double)t.Ticks))) * loops * Patience
            : options.WholeBudget ?? options.Budget;
        return usual > PatienceMin ? usual : PatienceMin;
    }

    /// <summary>Half width of the widest interval of what is claimed of a pass; 0 where nothing is.</summary>
    private double WidestInterval(Pass pass) =>
        (from metric in options.Primary
         where metric.Pass == pass
         from entrant in _entrants
         where entrant.IsCompared && TakesPart(entrant, pass)
         select _log.Ratio(metric, entrant.Index, 0, AlphaOfClaims)?.HalfWidth ?? 0).DefaultIfEmpty(0).Max();

    private void Tell(Pass pass, int blocks)
    {
        double share = options.Blocks is { } asked
            ? (_passes.Count - 1 + (double)blocks / Math.Min(asked, pass.BlocksMax)) / _planned.Length
            : Elapsed / options.Budget;
        _progress?.Report(new ComparisonProgress(pass.Name, blocks, double.IsFinite(_width) && _width > 0 ? _width : null, Math.Min(1, share)));
    }
}
