using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Formats.Summary;

/// <summary>
/// What was live and mapped when the process's memory was looked at last: a program that ends gives back what it had, and is not looked at again. It
/// passes events on to the statistics that it reads, as sinks run beside each other.
/// </summary>
internal sealed class LastLook(TraceStatistics statistics, IReadOnlyList<MemorySample> samples) : ITraceSink
{
    private readonly long _timeNs = samples.Count == 0 ? long.MaxValue : samples[^1].TimeNs;
    private bool _isPast;
    private ulong _liveBytes, _mappedBytes;

    /// <summary>Bytes of blocks that were live, by the sample where the trace is one.</summary>
    public ulong LiveBytes => _isPast ? _liveBytes : Live;

    /// <summary>Bytes of ranges that were mapped.</summary>
    public ulong MappedBytes => _isPast ? _mappedBytes : statistics.Regions.Bytes;

    private ulong Live => (ulong)statistics.Estimates.LiveBytes.Estimate;

    public void Begin(in TraceEvent begin)
    {
        See(begin.TimeNs);
        statistics.Begin(begin);
    }

    public void Add(in TraceCall call)
    {
        See(call.TimeNs);
        statistics.Add(call);
    }

    public void Add(in ThreadEvent e)
    {
        See(e.TimeNs);
        statistics.Add(e);
    }

    public void Add(in RegionEvent e)
    {
        See(e.TimeNs);
        statistics.Add(e);
    }

    private void See(long timeNs)
    {
        if (_isPast || timeNs <= _timeNs)
            return;
        (_liveBytes, _mappedBytes) = (Live, statistics.Regions.Bytes);
        _isPast = true;
    }
}
