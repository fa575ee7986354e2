using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Merge;

/// <summary>Shows one stretch of a merge, as <see cref="TraceRange"/> describes it. What lies before it is merged too, silently.</summary>
internal sealed class MergeWindow(uint? interval, long fromNs, long toNs)
{
    private bool _begun;
    private bool _ended;

    /// <summary>What the merge did within it.</summary>
    public MergeStatistics Statistics { get; private set; }

    /// <summary>Reads the next event of the stretch. False at its end.</summary>
    public bool Read(OwnershipMerge merge, out TraceEvent e)
    {
        MergeStatistics before = merge.Statistics;
        while (!_ended && merge.Read(out e) && e.TimeNs < toNs && !(e.Interval > interval))
        {
            MergeStatistics after = merge.Statistics;
            _begun |= e.TimeNs >= fromNs;
            if (_begun && (interval is null || e.Interval == interval))
            {
                Statistics += after - before;
                return true;
            }
            before = after;
        }
        _ended = true;
        e = default;
        return false;
    }

    /// <summary>Whether an event of one thread's stream falls into it.</summary>
    public bool Has(in RawEvent e, in Clock clock) =>
        (interval is null || e.Interval == interval) && clock.ToNs(e.Ticks) is var ns && ns >= fromNs && ns < toNs;
}
