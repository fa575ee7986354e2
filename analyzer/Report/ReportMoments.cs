namespace AllocReplay.Analyzer.Report;

/// <summary>The moments at which a report tells what is live: at regular steps, and at the peak.</summary>
internal sealed class ReportMoments
{
    /// <summary>Steps from the start to the end: as many as a chart has room for, and a page for the stacks of each.</summary>
    public const int Steps = 200;

    private readonly long _step;
    private readonly long? _peak;

    /// <param name="durationNs">From the start to the last event.</param>
    /// <param name="peakNs">When most bytes were live; null where that is not known.</param>
    public ReportMoments(long durationNs, long? peakNs)
    {
        _step = Math.Max(1, (durationNs + Steps - 1) / Steps);
        int steps = (int)Math.Clamp((durationNs + _step - 1) / _step, 1, Steps);
        var moments = Enumerable.Range(0, steps + 1).Select(k => k * _step).ToList();
        if (peakNs is { } peak and >= 0 && peak <= moments[^1])
        {
            int at = moments.BinarySearch(peak);
            if (at < 0)
            {
                _peak = peak;
                moments.Insert(at = ~at, peak);
            }
            PeakIndex = at;
        }
        Ns = moments;
    }

    /// <summary>Rising; the last is the end of the trace, or just behind it.</summary>
    public IReadOnlyList<long> Ns { get; }

    /// <summary>The peak's place among them.</summary>
    public int? PeakIndex { get; }

    /// <summary>SQL for the place of the first moment that is not before a time.</summary>
    /// <remarks>A block is live at a moment when it was acquired by then and ends after it: from the place of its acquisition to that of its end.</remarks>
    public string IndexOf(string ns)
    {
        string step = FormattableString.Invariant($"greatest({ns} + {_step - 1}, 0) // {_step}");
        string index = _peak is { } peak ? FormattableString.Invariant($"{step} + CASE WHEN {ns} > {peak} THEN 1 ELSE 0 END") : step;
        return FormattableString.Invariant($"CAST(least({index}, {Ns.Count}) AS INTEGER)");
    }
}
