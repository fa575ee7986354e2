namespace AllocReplay.Formats.Calls;

/// <summary>Takes what <see cref="TraceReader.ForEach"/> reads: every event of a trace once, in merged order, the calls whole.</summary>
public interface ITraceSink
{
    /// <summary>
    /// A reallocation begins: its thread's earlier call has ended, and the block that it was given may have another owner from now on. What
    /// becomes of it the call tells, which follows unless the trace ends before.
    /// </summary>
    /// <param name="begin">Of kind <see cref="CallKind.ReallocBegin"/> or <see cref="CallKind.ReallocArrayBegin"/>.</param>
    void Begin(in TraceEvent begin);

    /// <summary>A call.</summary>
    /// <param name="call">A reallocation at its end; also when its beginning is not in the trace, or lies before the part that is read.</param>
    void Add(in TraceCall call);

    /// <summary>A thread begins, creates another, or ends.</summary>
    void Add(in ThreadEvent e);

    /// <summary>Memory that the kernel maps was taken or given back. Who does not care for it need not say so.</summary>
    void Add(in RegionEvent e)
    {
    }
}
