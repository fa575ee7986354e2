using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Merge;

/// <summary>
/// The stretch of a recording that is followed, as <see cref="TraceRange"/> describes it. What bounds it may be yet to come: a mark that nobody has left
/// begins nothing, and ends nothing.
/// </summary>
/// <remarks>
/// A mark is in its file before events behind it are final, as those wait for the horizon: none of its stretch is read before it is known.
/// </remarks>
internal sealed class FollowedWindow(TraceRange range)
{
    private long? _fromNs;
    private long _toNs = long.MaxValue, _endNs = long.MaxValue; // the second: of the interval too
    private bool _begun;

    public TraceRange Range => range;

    /// <summary>Whether nothing of it is to come.</summary>
    public bool IsPast { get; private set; }

    /// <summary>Takes what has come to be known.</summary>
    public void Update(IReadOnlyList<Interval> intervals, IReadOnlyList<Marker> markers)
    {
        (_fromNs, long? toNs) = range.Known(markers);
        _toNs = _endNs = toNs ?? long.MaxValue;
        if (range.Interval is { } only && intervals.FirstOrDefault(i => i.Number == only)?.StopNs is { } stop)
            _endNs = Math.Min(_toNs, stop);
    }

    /// <summary>Whether the next event falls into it.</summary>
    public bool Has(in TraceEvent e)
    {
        if (e.TimeNs >= _toNs || e.Interval > range.Interval)
            IsPast = true;
        _begun |= e.TimeNs >= _fromNs;
        return !IsPast && _begun && (range.Interval is null || e.Interval == range.Interval);
    }

    /// <summary>All was read up to a moment.</summary>
    public void Reached(long ns) => IsPast |= ns > _endNs;
}
