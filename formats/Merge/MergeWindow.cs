using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Merge;

/// <summary>One stretch of a merge, as <see cref="TraceRange"/> describes it. What lies before it is merged too.</summary>
internal sealed class MergeWindow(uint? interval, long fromNs, long toNs)
{
    private bool _begun;
    private bool _ended;

    /// <summary>What the merge did within it.</summary>
    public MergeStatistics Statistics { get; private set; }

    /// <summary>Reads the next event of the merge, and tells whether it is of the stretch. False at the stretch's end.</summary>
    public bool Read(OwnershipMerge merge, out TraceEvent e, out bool isWithin)
    {
        isWithin = false;
        MergeStatistics before = merge.Statistics;
        if (_ended || !merge.Read(out e) || e.TimeNs >= toNs || e.Interval > interval)
        {
            _ended = true;
            e = default;
            return false;
        }
        _begun |= e.TimeNs >= fromNs;
        isWithin = _begun && (interval is null || e.Interval == interval);
        if (isWithin)
            Statistics += merge.Statistics - before;
        return true;
    }

    /// <summary>Whether an event of one thread's stream falls into it.</summary>
    public bool Has(in RawEvent e, in Clock clock) =>
        (interval is null || e.Interval == interval) && clock.ToNs(e.Ticks) is var ns && ns >= fromNs && ns < toNs;
}
