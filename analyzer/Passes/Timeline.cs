using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Analyzer.Passes;

/// <summary>
/// Live bytes and blocks in the course of the trace, of the process, of its threads and of its call sites: rows of the table <c>timeline</c>. How long the
/// trace is is not known before its end, so the moments begin a microsecond apart, and where they do not reach, every other one goes and they are twice as
/// far apart. Memory is bounded: the first threads and sites, so many as <see cref="CurvesMax"/>, have a curve; those with the highest peaks have rows.
/// </summary>
internal sealed class Timeline
{
    /// <summary>Threads, and sites, that have rows.</summary>
    public const int RowsOf = 64;

    /// <summary>Threads, and sites, that are followed: 48 KiB each.</summary>
    private const int CurvesMax = 1024;

    private const long FirstStepNs = 1000;

    private readonly TimelineCurve _process = new();
    private readonly List<TimelineCurve?> _threads = []; // by thread
    private readonly Dictionary<long, TimelineCurve> _sites = [];
    private int _threadCurves;
    private (long Site, TimelineCurve? Curve) _lastSite;

    /// <summary>Nanoseconds between two moments.</summary>
    public long StepNs { get; private set; } = FirstStepNs;

    /// <summary>Takes a block, in any order.</summary>
    public void Add(in AllocationRow row)
    {
        bool ends = row.EndKind != EndKind.AliveAtEnd;
        while (MomentOf(ends ? Math.Max(row.AllocNs, row.EndNs) : row.AllocNs) >= TimelineCurve.Moments)
            Double();
        int acquired = (int)MomentOf(row.AllocNs), ended = ends ? Math.Max(acquired, (int)MomentOf(row.EndNs)) : TimelineCurve.Moments;
        _process.Add(acquired, ended, row.Size);
        CurveOf(row.AllocThread)?.Add(acquired, ended, row.Size);
        if (row.Site != 0)
            CurveOf(row.Site)?.Add(acquired, ended, row.Size);
    }

    /// <param name="endNs">The end of the trace, nanoseconds since its start.</param>
    public IEnumerable<TimelineRow> Rows(long endNs)
    {
        while (endNs / StepNs >= TimelineCurve.Moments)
            Double();
        int moments = (int)(endNs / StepNs) + 1;
        IEnumerable<TimelineRow> rows = _process.Rows(TimelineScope.Process, -1, 0, StepNs, moments);
        foreach ((TimelineCurve? curve, int thread) in _threads.Select((c, i) => (c, i)).Where(c => c.c is not null)
            .OrderByDescending(c => c.c!.Peak).ThenBy(c => c.i).Take(RowsOf).OrderBy(c => c.i))
            rows = rows.Concat(curve!.Rows(TimelineScope.Thread, thread, 0, StepNs, moments));
        foreach ((long site, TimelineCurve curve) in _sites.OrderByDescending(s => s.Value.Peak).ThenBy(s => s.Key).Take(RowsOf))
            rows = rows.Concat(curve.Rows(TimelineScope.Site, -1, site, StepNs, moments));
        return rows;
    }

    /// <summary>The first moment that is not before a time.</summary>
    private long MomentOf(long ns) => (ns + StepNs - 1) / StepNs;

    private void Double()
    {
        StepNs *= 2;
        _process.Halve();
        foreach (TimelineCurve? curve in _threads)
            curve?.Halve();
        foreach (TimelineCurve curve in _sites.Values)
            curve.Halve();
    }

    private TimelineCurve? CurveOf(int thread)
    {
        while (_threads.Count <= thread)
            _threads.Add(null);
        if (_threads[thread] is null && _threadCurves < CurvesMax)
        {
            _threads[thread] = new TimelineCurve();
            _threadCurves++;
        }
        return _threads[thread];
    }

    private TimelineCurve? CurveOf(long site)
    {
        if (_lastSite.Site == site)
            return _lastSite.Curve;
        if (!_sites.TryGetValue(site, out TimelineCurve? curve) && _sites.Count < CurvesMax)
            _sites.Add(site, curve = new TimelineCurve());
        _lastSite = (site, curve);
        return curve;
    }
}
