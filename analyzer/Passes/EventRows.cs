using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Analyzer.Passes;

/// <summary>Writes the table <c>events</c>: what the trace has, one row for each event, in merged order.</summary>
/// <param name="writer">Takes the rows.</param>
/// <param name="hasLatency">Whether the events tell how long each call took.</param>
/// <param name="sites">Which stacks are known; null where they were not recorded.</param>
internal sealed class EventRows(TableWriter<EventRow> writer, bool hasLatency, CallSites? sites) : ITraceSink
{
    /// <inheritdoc/>
    public void Begin(in TraceEvent begin) => Write(begin);

    /// <inheritdoc/>
    public void Add(in TraceCall call) => Write(call.Event);

    /// <inheritdoc/>
    public void Add(in ThreadEvent e) => writer.Add(new EventRow
    {
        Event = writer.Rows,
        Ns = e.TimeNs,
        Thread = e.Thread,
        Kind = (EventKind)e.Kind,
        Object = TraceEvent.NoObject,
        PreviousObject = TraceEvent.NoObject,
        DisplacedObject = TraceEvent.NoObject,
        Address = 0,
        Size = 0,
        Count = e.Kind == CallKind.Gap ? e.Lost : 1,
        Alignment = 0,
        CallNs = AllocationRow.NotRecorded,
        OtherThread = e.OtherThread,
        Stack = 0,
        Interval = (int)e.Interval,
        Carried = e.IsCarried,
    });

    /// <inheritdoc/>
    public void Add(in RegionEvent e) => writer.Add(new EventRow
    {
        Event = writer.Rows,
        Ns = e.TimeNs,
        Thread = e.Thread,
        Kind = (EventKind)e.Kind,
        Object = TraceEvent.NoObject,
        PreviousObject = TraceEvent.NoObject,
        DisplacedObject = TraceEvent.NoObject,
        Address = unchecked((long)e.Address),
        Size = Saturation.ToInt64(e.Size),
        Count = 1,
        Alignment = 0,
        CallNs = AllocationRow.NotRecorded,
        OtherThread = -1,
        Stack = sites?.Known(e.Stack) ?? 0,
        Interval = (int)e.Interval,
        Carried = e.IsCarried,
    });

    private void Write(in TraceEvent e) => writer.Add(new EventRow
    {
        Event = writer.Rows,
        Ns = e.TimeNs,
        Thread = e.Thread,
        Kind = (EventKind)e.Kind,
        Object = e.Object,
        PreviousObject = e.PreviousObject,
        DisplacedObject = e.DisplacedObject,
        Address = unchecked((long)e.Address),
        Size = Saturation.ToInt64(e.Size),
        Count = Saturation.ToInt64(e.Count),
        Alignment = Saturation.ToInt64(e.Alignment),
        CallNs = hasLatency && !CallKinds.IsReallocBegin(e.Kind) ? e.DurationNs : AllocationRow.NotRecorded,
        OtherThread = -1,
        Stack = sites?.Known(e.Stack) ?? 0,
        Interval = (int)e.Interval,
        Carried = e.IsCarried,
    });
}
