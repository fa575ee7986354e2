using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Statistics;

/// <summary>
/// Whether a block that is outstanding is known to be live. It is uncertain where calls that are not in the trace may have given it back: it was acquired
/// no later than a gap in the recording of some thread, or in an earlier interval than the latest that is read, so that recording was stopped in between.
/// Where more calls were lost than the gaps that were read tell of, or recording ended early, no outstanding block is certain: a gap is told by the next event
/// of its thread, and there was none. A block whose release is in the trace is never uncertain.
/// </summary>
/// <remarks>
/// Of all gaps and intervals the latest alone count, and of gaps their sum: what a recording that lets go of its oldest events (<c>record --keep</c>) always
/// has. Of a part of a recording that lost calls the gaps may lie elsewhere: then nothing is certain, which is the safe side.
/// </remarks>
public sealed class Certainty
{
    private const long NoGap = -1;

    private UInt128 _told; // calls that gaps tell of
    private ulong _lost; // calls that are not in the trace, as the image counted them
    private bool _endedEarly;

    /// <summary>When the latest gap was told, nanoseconds since the start of the recording; -1 where there is none.</summary>
    public long LatestGapNs { get; private set; } = NoGap;

    /// <summary>Number of the latest interval; 0 where none was begun.</summary>
    public uint LatestInterval { get; private set; }

    /// <summary>Takes a thread's event, in any order; only gaps count. They are told after the calls that are missing.</summary>
    public void See(in ThreadEvent e)
    {
        if (e.Kind != CallKind.Gap)
            return;
        LatestGapNs = Math.Max(LatestGapNs, e.TimeNs);
        _told += (ulong)Math.Max(0, e.Lost);
    }

    /// <summary>Takes the intervals of a trace, or of the part of it that is read, and what it lost.</summary>
    public void See(TraceReader reader)
    {
        See(reader.Process);
        See(reader, reader.Bounds.ToNs);
    }

    /// <summary>Takes those of its intervals that had begun before a moment: whether a block was known to be live there.</summary>
    /// <param name="reader">The trace.</param>
    /// <param name="beforeNs">The moment, nanoseconds since the start of the recording.</param>
    public void See(TraceReader reader, long beforeNs)
    {
        foreach (Interval interval in reader.Intervals)
            if (interval.StartNs < beforeNs && (reader.Range?.Interval is not { } only || interval.Number <= only))
                See(interval.Number);
    }

    /// <summary>Takes what a process image says of its recording.</summary>
    public void See(ProcessInfo process) => (_lost, _endedEarly) = (process.LostEvents, process.Failure is not null);

    /// <summary>Takes the interval of an event, which had begun by then whatever the counters of two cores say.</summary>
    public void See(uint interval) => LatestInterval = Math.Max(LatestInterval, interval);

    /// <summary>Whether a block that is outstanding may have been given back unseen. Final when the trace has been read to its end.</summary>
    /// <param name="acquiredNs">When it was acquired, nanoseconds since the start of the recording.</param>
    /// <param name="interval">The interval that it was acquired in.</param>
    public bool IsUncertain(long acquiredNs, uint interval) =>
        acquiredNs <= LatestGapNs || interval < LatestInterval || _lost > _told || _endedEarly;
}
