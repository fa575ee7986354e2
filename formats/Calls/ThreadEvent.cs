namespace AllocReplay.Formats.Calls;

/// <summary>An event of a thread's life.</summary>
/// <param name="Kind"><see cref="CallKind.ThreadStart"/>, <see cref="CallKind.ThreadCreate"/>, <see cref="CallKind.ThreadExit"/> or
/// <see cref="CallKind.Gap"/>.</param>
/// <param name="Thread">Dense index of the thread, from 0.</param>
/// <param name="OtherThread">Its parent at its start, its child at a creation; else -1, as where that thread has no events.</param>
/// <param name="TimeNs">Nanoseconds since the start of the recording.</param>
/// <param name="Interval">Number of the recorded interval that it falls into, from 1.</param>
/// <param name="Lost">Of a gap: calls that were not recorded; else 0.</param>
public readonly record struct ThreadEvent(CallKind Kind, int Thread, int OtherThread, long TimeNs, uint Interval, long Lost)
{
    /// <inheritdoc cref="TraceEvent.IsCarried"/>
    public bool IsCarried { get; init; }

    internal static ThreadEvent Of(in TraceEvent e) => new(
        e.Kind, e.Thread, e.OtherThread, e.TimeNs, e.Interval, e.Kind == CallKind.Gap ? (long)Math.Min(e.Count, long.MaxValue) : 0)
    {
        IsCarried = e.IsCarried,
    };
}
