using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Statistics;

/// <summary>
/// Whether a block that is outstanding is known to be live. It is uncertain where calls that are not in the trace may have given it back: it was acquired
/// no later than a gap in the recording of some thread, or in an earlier interval than the latest that is read, so that recording was stopped in between.
/// A block whose release is in the trace is never uncertain.
/// </summary>
/// <remarks>Of all gaps and intervals the latest alone count: what a recording that lets go of its oldest events (<c>record --keep</c>) always has.</remarks>
public sealed class Certainty
{
    private const long NoGap = -1;

    /// <summary>When the latest gap was told, nanoseconds since the start of the recording; -1 where there is none.</summary>
    public long LatestGapNs { get; private set; } = NoGap;

    /// <summary>Number of the latest interval; 0 where none was begun.</summary>
    public uint LatestInterval { get; private set; }

    /// <summary>Takes a thread's event, in any order; only gaps count. They are told after the calls that are missing.</summary>
    public void See(in ThreadEvent e)
    {
        if (e.Kind == CallKind.Gap)
            LatestGapNs = Math.Max(LatestGapNs, e.TimeNs);
    }

    /// <summary>Takes the intervals of a trace, or of the part of it that is read.</summary>
    public void See(TraceReader reader) => See(reader, reader.Bounds.ToNs);

    /// <summary>Takes those of them that had begun before a moment: whether a block was known to be live there.</summary>
    /// <param name="reader">The trace.</param>
    /// <param name="beforeNs">The moment, nanoseconds since the start of the recording.</param>
    public void See(TraceReader reader, long beforeNs)
    {
        foreach (Interval interval in reader.Intervals)
            if (interval.StartNs < beforeNs && (reader.Range?.Interval is not { } only || interval.Number <= only))
                See(interval.Number);
    }

    /// <summary>Takes the interval of an event, which had begun by then whatever the counters of two cores say.</summary>
    public void See(uint interval) => LatestInterval = Math.Max(LatestInterval, interval);

    /// <summary>Whether a block that is outstanding may have been given back unseen. Final when the trace has been read to its end.</summary>
    /// <param name="acquiredNs">When it was acquired, nanoseconds since the start of the recording.</param>
    /// <param name="interval">The interval that it was acquired in.</param>
    public bool IsUncertain(long acquiredNs, uint interval) => acquiredNs <= LatestGapNs || interval < LatestInterval;
}
