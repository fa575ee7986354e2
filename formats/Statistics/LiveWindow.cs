namespace AllocReplay.Formats.Statistics;

/// <summary>
/// How figures change: rates between the last two moments that it is told of, and growth over a window of time before the last one. All time is the
/// recording's, not the reader's: one that reads a recording late or fast finds the same.
/// </summary>
/// <param name="statistics">The figures.</param>
/// <param name="windowNs">The window, ns. It is kept as <see cref="Slots"/> moments, so that its length is exact to one part in so many.</param>
public sealed class LiveWindow(LiveStatistics statistics, long windowNs)
{
    /// <summary>Moments of a window.</summary>
    public const int Slots = 12;

    private readonly long[] _times = new long[Slots];
    private readonly long _stepNs = Math.Max(1, windowNs / (Slots - 1));
    private int _count, _latest = -1;
    private long? _before;

    /// <summary>Time from the window's oldest moment to the latest of all, ns: shorter than the window at first.</summary>
    public long SpanNs => _count == 0 ? 0 : (_before ?? 0) - _times[Oldest];

    private int Oldest => _count < Slots ? 0 : (_latest + 1) % Slots;

    /// <summary>A moment has come: rates and growth are of it from now on. One that is not later than the last changes nothing.</summary>
    /// <param name="timeNs">Up to which all events were counted, nanoseconds since the start of the recording.</param>
    public void Mark(long timeNs)
    {
        if (timeNs <= _before)
            return;
        double? seconds = (timeNs - _before) / 1e9;
        bool isKept = _count == 0 || timeNs - _times[_latest] >= _stepNs;
        double? minutes = _count == 0 ? null : (timeNs - _times[Oldest]) / 60e9;
        _before = timeNs;
        int oldest = Oldest, slot = (_latest + 1) % Slots;
        foreach (LiveFigures figures in statistics.Sites.Concat(statistics.Threads).Append(statistics.Total))
        {
            figures.Rate(seconds);
            figures.Grow(oldest, minutes);
            if (isKept)
                figures.Keep(slot, Slots);
        }
        if (!isKept)
            return;
        (_times[slot], _latest) = (timeNs, slot);
        _count = Math.Min(Slots, _count + 1);
    }
}
