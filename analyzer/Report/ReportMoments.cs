namespace AllocReplay.Analyzer.Report;

/// <summary>The moments at which a report tells what is live: at regular steps, at the peak and at marks.</summary>
internal sealed class ReportMoments
{
    /// <summary>Steps from the start to the end: as many as a chart has room for, and a page for the stacks of each.</summary>
    public const int Steps = 200;

    /// <summary>Marks at more times than these have no moments of their own: the nearest of the others stand for them.</summary>
    public const int MarksMax = 100;

    private readonly long _step, _from;

    /// <summary>The moments that are not at a step, rising.</summary>
    private readonly long[] _between;

    private readonly List<long> _ns;

    /// <param name="fromNs">The first moment.</param>
    /// <param name="durationNs">From the start to the last event.</param>
    /// <param name="peakNs">When most bytes were live; null where that is not known.</param>
    /// <param name="marksNs">When marks were left.</param>
    public ReportMoments(long fromNs, long durationNs, long? peakNs, IEnumerable<long> marksNs)
    {
        _from = fromNs;
        long length = Math.Max(0, durationNs - fromNs);
        _step = Math.Max(1, Parts(length, Steps));
        int steps = (int)Math.Clamp(Parts(length, _step), 1, Steps);
        long last = At(steps);
        long[] marks = [.. marksNs.Distinct().Take(MarksMax + 1)];
        long[] wanted = [.. marks.Length <= MarksMax ? marks : [], .. peakNs is { } of ? new[] { of } : []];
        _between = [.. wanted.Where(ns => ns >= _from && ns <= last && (ns - _from) % _step != 0).Distinct().Order()];
        _ns = [.. Enumerable.Range(0, steps + 1).Select(At).Concat(_between).Order()];
        if (peakNs is { } peak && _ns.BinarySearch(peak) is var at and >= 0)
            PeakIndex = at;
    }

    /// <summary>Rising; the last is the end of the trace, or just behind it.</summary>
    public IReadOnlyList<long> Ns => _ns;

    /// <summary>The peak's place among them.</summary>
    public int? PeakIndex { get; }

    /// <summary>The place of the moment that is nearest to a time.</summary>
    public int NearestTo(long ns)
    {
        int at = _ns.BinarySearch(ns);
        if (at >= 0)
            return at;
        int after = Math.Clamp(~at, 1, _ns.Count - 1);
        return ns - _ns[after - 1] < _ns[after] - ns ? after - 1 : after;
    }

    /// <summary>SQL for the place of the first moment that is not before a time.</summary>
    /// <remarks>A block is live at a moment when it was acquired by then and ends after it: from the place of its acquisition to that of its end.</remarks>
    public string IndexOf(string ns)
    {
        string since = _from == 0 ? ns : FormattableString.Invariant($"greatest({ns} - {_from}, 0)");
        string step = FormattableString.Invariant($"greatest({since}, 0) // {_step} + CASE WHEN {since} % {_step} > 0 THEN 1 ELSE 0 END");
        string index = _between.Length > 0 ? $"{step} + {Before(ns, 0, _between.Length)}" : step;
        return FormattableString.Invariant($"CAST(least({index}, {Ns.Count}) AS INTEGER)");
    }

    /// <summary>The moment of a step. A hostile trace may end where numbers do.</summary>
    private long At(int step) => (long)Int128.Min(_from + (Int128)step * _step, long.MaxValue);

    /// <summary>How many parts of a length it takes.</summary>
    private static long Parts(long all, long length) => all / length + (all % length > 0 ? 1 : 0);

    /// <summary>SQL for how many of <see cref="_between"/> are before a time, of which it is known that it is from one number to another: by halves, as there
    /// is a row for each block.</summary>
    private string Before(string ns, int from, int to)
    {
        if (from == to)
            return FormattableString.Invariant($"{from}");
        int middle = (from + to) / 2;
        return FormattableString.Invariant(
            $"CASE WHEN {ns} > {_between[middle]} THEN {Before(ns, middle + 1, to)} ELSE {Before(ns, from, middle)} END");
    }
}
