namespace AllocReplay.Formats.Calls;

/// <summary>Memory that the kernel maps for the program, or takes back (<c>record --mmap</c>).</summary>
/// <param name="Kind"><see cref="CallKind.Mmap"/>, <see cref="CallKind.Munmap"/>, <see cref="CallKind.MremapBegin"/>, <see cref="CallKind.MremapEnd"/> or
/// <see cref="CallKind.Brk"/>.</param>
/// <param name="Thread">Dense index of the thread, from 0.</param>
/// <param name="TimeNs">Nanoseconds since the start of the recording.</param>
/// <param name="Interval">Number of the recorded interval that it falls into, from 1.</param>
/// <param name="Address">Of the first byte; 0 where an <c>mremap</c> failed.</param>
/// <param name="Size">Bytes, whole pages but of <c>brk</c>.</param>
/// <param name="Stack">As <see cref="TraceEvent.Stack"/>.</param>
public readonly record struct RegionEvent(CallKind Kind, int Thread, long TimeNs, uint Interval, ulong Address, ulong Size, int Stack)
{
    /// <inheritdoc cref="TraceEvent.IsCarried"/>
    public bool IsCarried { get; init; }

    internal static RegionEvent Of(in TraceEvent e) => new(e.Kind, e.Thread, e.TimeNs, e.Interval, e.Address, e.Size, e.Stack) { IsCarried = e.IsCarried };
}
