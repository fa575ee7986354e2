using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Analyzer.Passes;

/// <summary>
/// Live bytes and blocks in the course of the trace, of the process, of its threads and of its call sites: rows of the table <c>timeline</c>. How long the
/// trace is is not known before its end, so the moments begin a microsecond apart, and where they do not reach, every other one goes and they are twice as
/// far apart. Threads, and sites, with the highest peaks have rows, and which these are is not known before the end either: each has a curve, and where
/// there are too many for that none has, and those that have rows are read from the blocks that were written.
/// </summary>
/// <param name="fromNs">The first moment, nanoseconds since the start of the recording. What is acquired before it is live there.</param>
/// <param name="followed">Threads, and sites, that have a curve while the trace is read: 48 KiB each.</param>
internal sealed class Timeline(long fromNs = 0, int followed = Timeline.Followed)
{
    /// <summary>Threads, and sites, that have rows.</summary>
    public const int RowsOf = 64;

    private const int Followed = 1024;
    private const long FirstStepNs = 1000;

    private readonly TimelineCurve _process = new();
    private readonly CurveSet _threads = new(followed), _sites = new(followed);

    /// <summary>Nanoseconds between two moments.</summary>
    public long StepNs { get; private set; } = FirstStepNs;

    /// <summary>Takes a block, in any order.</summary>
    public void Add(in AllocationRow row)
    {
        bool ends = row.EndKind != EndKind.AliveAtEnd;
        while (MomentOf(ends ? Math.Max(row.AllocNs, row.EndNs) : row.AllocNs) >= TimelineCurve.Moments)
            Double();
        int acquired = (int)MomentOf(row.AllocNs), ended = ends ? Math.Max(acquired, (int)MomentOf(row.EndNs)) : TimelineCurve.Moments;
        _process.Add(acquired, ended, row.Size, row.Carried);
        _threads.Of(row.AllocThread)?.Add(acquired, ended, row.Size, row.Carried);
        if (row.Site != 0)
            _sites.Of(row.Site)?.Add(acquired, ended, row.Size, row.Carried);
    }

    /// <param name="endNs">The end of the trace, nanoseconds since its start.</param>
    /// <param name="written">Reads those that were too many to follow.</param>
    public IEnumerable<TimelineRow> Rows(long endNs, WrittenCurves? written)
    {
        long lengthNs = Math.Max(0, endNs - fromNs);
        while (lengthNs / StepNs >= TimelineCurve.Moments)
            Double();
        int moments = (int)(lengthNs / StepNs) + 1;
        IEnumerable<TimelineRow> rows = _process.Rows(TimelineScope.Process, -1, 0, fromNs, StepNs, moments);
        foreach ((long thread, TimelineCurve curve) in Highest(_threads, TimelineKey.Thread).OrderBy(t => t.Key))
            rows = rows.Concat(curve.Rows(TimelineScope.Thread, (int)thread, 0, fromNs, StepNs, moments));
        foreach ((long site, TimelineCurve curve) in Highest(_sites, TimelineKey.Site))
            rows = rows.Concat(curve.Rows(TimelineScope.Site, -1, site, fromNs, StepNs, moments));
        return rows;

        IEnumerable<(long Key, TimelineCurve Curve)> Highest(CurveSet curves, TimelineKey key) =>
            curves.Highest(RowsOf) ?? written?.Highest(key, fromNs, StepNs, RowsOf) ?? [];
    }

    /// <summary>The first moment that is not before a time.</summary>
    private long MomentOf(long ns)
    {
        (long moment, long after) = Math.DivRem(Math.Max(0, ns - fromNs), StepNs);
        return after > 0 ? moment + 1 : moment;
    }

    private void Double()
    {
        StepNs *= 2;
        _process.Halve();
        _threads.Halve();
        _sites.Halve();
    }

    /// <summary>A curve for each key that is met, as long as they are not too many: then for none.</summary>
    private sealed class CurveSet(int most)
    {
        private Dictionary<long, TimelineCurve>? _curves = [];
        private (long Key, TimelineCurve? Curve) _last = (-1, null); // many blocks in a row are of one

        public TimelineCurve? Of(long key)
        {
            if (_curves is null || _last is { Curve: not null } last && last.Key == key)
                return _last.Curve;
            if (!_curves.TryGetValue(key, out TimelineCurve? curve))
            {
                if (_curves.Count == most)
                {
                    (_curves, _last) = (null, default);
                    return null;
                }
                _curves.Add(key, curve = new TimelineCurve());
            }
            _last = (key, curve);
            return curve;
        }

        /// <summary>Those with the highest peaks, the highest first; of equal ones the least key. Null where there were too many.</summary>
        public IEnumerable<(long Key, TimelineCurve Curve)>? Highest(int count) =>
            _curves?.OrderByDescending(c => c.Value.Peak).ThenBy(c => c.Key).Take(count).Select(c => (c.Key, c.Value));

        public void Halve()
        {
            foreach (TimelineCurve curve in _curves?.Values ?? Enumerable.Empty<TimelineCurve>())
                curve.Halve();
        }
    }
}
