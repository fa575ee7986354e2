using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>
/// Runs configurations against each other: a fresh worker for every run, every configuration once per block in an order drawn by lot for each, and
/// a pass of its own for each kind of figure. It goes on until the figures are as precise as was asked for, or the time is spent: what it stops
/// by is how wide the intervals are, never what they show.
/// </summary>
/// <remarks>
/// A configuration that fails in a run is run no more; the others go on. The time is shared out: <see cref="Pass.Share"/> is what may be used of it
/// when a pass ends, which has one block at least.
/// </remarks>
/// <param name="plans">The trace, compiled in the order of each of <see cref="Passes"/>.</param>
/// <param name="configurations">What is compared, the first with the others.</param>
/// <param name="options">How.</param>
/// <param name="runner">Runs one.</param>
/// <param name="clock">Tells the time; the system's, unless a test has its own.</param>
public sealed class Comparison(
    IReadOnlyList<ReplayPlan> plans, IReadOnlyList<Configuration> configurations, ComparisonOptions options, IRunner runner, TimeProvider? clock = null)
{
    /// <summary>A run is to last so long: what a process costs to start, and what the system does for a moment, is little beside it.</summary>
    private static readonly TimeSpan RunMin = TimeSpan.FromMilliseconds(200);

    /// <summary>Loops that make it last so are not more than these.</summary>
    private const int LoopsMax = 1000;

    /// <summary>A run that takes so many times as long as those of the others hangs.</summary>
    private const int Patience = 10;

    private static readonly TimeSpan PatienceMin = TimeSpan.FromSeconds(30);

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly IReadOnlyList<Entrant> _entrants = Entrant.Of(configurations);
    private readonly Schedule _schedule = new(configurations.Count + 1, options.Seed); // the first has a twin
    private readonly RunLog _log = new();
    private readonly Dictionary<Pass, List<TimeSpan>> _took = [];
    private readonly List<PassFacts> _passes = [];
    private readonly Pass[] _planned = [.. Passes.Where(p => options.Blocks is null ? p.BudgetMin <= options.Budget : p.BudgetMin == TimeSpan.Zero)];
    private IProgress<ComparisonProgress>? _progress;
    private CancellationToken _token;
    private long _started;
    private int _loops = 1;
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

    /// <summary>Every configuration once: files are in memory, and how often a run has to go through the trace to last a while is known.</summary>
    private void WarmUp()
    {
        long fastest = long.MaxValue, slowest = 1;
        foreach (Entrant entrant in _entrants.Where(e => e.Role != Role.Twin && e.Failure is null))
        {
            if (TryRun(Pass.Throughput, entrant, loops: 1) is not { } result || entrant.Role == Role.Reference)
                continue;
            (fastest, slowest) = (Math.Min(fastest, result.ElapsedNs), Math.Max(slowest, result.ElapsedNs));
        }
        double needed = RunMin.TotalNanoseconds / Math.Max(1, fastest), allowed = Patience * RunMin.TotalNanoseconds / slowest;
        _loops = (int)Math.Clamp(Math.Ceiling(Math.Min(needed, allowed)), 1, LoopsMax);
    }

    private void Measure(Pass pass)
    {
        var facts = new PassFacts(pass.Name, plans.First(p => p.Order == pass.Order).Order, pass.Repeats ? _loops : 1) { Stop = Stop.Interrupted };
        _passes.Add(facts);
        _width = double.PositiveInfinity;
        TimeSpan until = options.Budget * pass.Share;
        while (WhyStop(pass, facts.Blocks, until) is null)
        {
            if (!RunBlock(pass, facts.Blocks))
                break;
            facts.Blocks++;
            Tell(pass, facts.Blocks);
        }
        facts.Stop = WhyStop(pass, facts.Blocks, until) ?? Stop.Blocks;
    }

    private Stop? WhyStop(Pass pass, int blocks, TimeSpan until)
    {
        if (blocks >= (options.Blocks ?? SignedRank.PairsMax) || blocks >= pass.BlocksMax)
            return Stop.Blocks;
        if (options.Blocks is not null || blocks == 0)
            return null;
        // Looked at seldom where there are many: what is looked at are the means of every two runs.
        if (blocks >= SignedRank.PairsFor(AlphaOfClaims) && (blocks < 32 || blocks % 16 == 0))
            _width = WidestInterval(pass);
        return _width <= options.Precision ? Stop.Precision : Elapsed + TimeOfBlock(pass) / 2 > until ? Stop.Budget : null;
    }

    /// <summary>Runs all once that take part, in an order drawn by lot. False where none could.</summary>
    private bool RunBlock(Pass pass, int block)
    {
        bool ran = false;
        foreach (Entrant entrant in OrderOf(pass).Select(i => _entrants[i]).Where(e => TakesPart(e, pass)))
        {
            if (TryRun(pass, entrant, pass.Repeats ? _loops : 1) is not { } result)
                continue;
            _log.Add(LoggedRun.Of(pass, entrant.Index, block, result));
            ran = true;
        }
        return ran;
    }

    /// <summary>What is run once is compared with nothing; the first is then known to run, and how long that takes.</summary>
    private IEnumerable<int> OrderOf(Pass pass) => pass.BlocksMax > 1 ? _schedule.NextBlock() : Enumerable.Range(0, _entrants.Count);

    /// <summary>What is run once needs no twin.</summary>
    private static bool TakesPart(Entrant entrant, Pass pass) =>
        entrant.Failure is null && pass.Includes(entrant.Configuration) && (pass.BlocksMax > 1 || entrant.Role != Role.Twin);

    /// <summary>A run, or null where it failed: then there are no others of that entrant.</summary>
    private WorkerResult? TryRun(Pass pass, Entrant entrant, int loops)
    {
        _token.ThrowIfCancellationRequested();
        var how = new ReplayOptions
        {
            Touch = options.Touch,
            Instrument = pass.Instrument,
            ResidueMs = pass.ResidueMs,
            TouchCalloc = options.TouchCalloc,
            Loops = loops,
            Timeout = TimeoutOf(pass, loops),
        };
        long start = _clock.GetTimestamp();
        try
        {
            WorkerResult result = runner.Run(plans.First(p => p.Order == pass.Order), entrant.Configuration, how, token: _token);
            if (!_took.TryGetValue(pass, out List<TimeSpan>? took))
                _took[pass] = took = [];
            took.Add(_clock.GetElapsedTime(start) / loops);
            return result;
        }
        catch (ReplayException e)
        {
            // The first and its twin are one: where one fails, both have failed, and the reason is told of the first.
            foreach (Entrant same in _entrants.Where(other => ReferenceEquals(other.Configuration, entrant.Configuration)))
                same.Failure = new RowFailure(pass.Name, e.Run?.Kind, e.Run?.Code, e.Message);
            return null;
        }
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

    private TimeSpan TimeOfBlock(Pass pass)
    {
        int included = _entrants.Count(e => TakesPart(e, pass));
        return _took.TryGetValue(pass, out List<TimeSpan>? took)
            ? TimeSpan.FromTicks((long)took.Average(t => t.Ticks)) * included * (pass.Repeats ? _loops : 1)
            : TimeSpan.Zero;
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
