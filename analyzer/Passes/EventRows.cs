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
    public void Add(in ThreadEvent e) => writer.Add(Row(e.TimeNs, e.Thread, e.Kind, e.Interval, e.IsCarried) with
    {
        Count = e.Kind == CallKind.Gap ? e.Lost : 1,
        OtherThread = e.OtherThread,
    });

    /// <inheritdoc/>
    public void Add(in RegionEvent e) => writer.Add(Row(e.TimeNs, e.Thread, e.Kind, e.Interval, e.IsCarried) with
    {
        Address = unchecked((long)e.Address),
        Size = Saturation.ToInt64(e.Size),
        Stack = sites?.Known(e.Stack) ?? 0,
    });

    private void Write(in TraceEvent e) => writer.Add(Row(e.TimeNs, e.Thread, e.Kind, e.Interval, e.IsCarried) with
    {
        Object = e.Object,
        PreviousObject = e.PreviousObject,
        DisplacedObject = e.DisplacedObject,
        Address = unchecked((long)e.Address),
        Size = Saturation.ToInt64(e.Size),
        Count = Saturation.ToInt64(e.Count),
        Alignment = Saturation.ToInt64(e.Alignment),
        CallNs = hasLatency && !CallKinds.IsReallocBegin(e.Kind) ? e.DurationNs : AllocationRow.NotRecorded,
        Stack = sites?.Known(e.Stack) ?? 0,
    });

    /// <summary>What every event has; of no block, no stack and no other thread.</summary>
    private EventRow Row(long ns, int thread, CallKind kind, uint interval, bool isCarried) => new()
    {
        Event = writer.Rows,
        Ns = ns,
        Thread = thread,
        Kind = (EventKind)kind,
        Object = TraceEvent.NoObject,
        PreviousObject = TraceEvent.NoObject,
        DisplacedObject = TraceEvent.NoObject,
        Address = 0,
        Size = 0,
        Count = 1,
        Alignment = 0,
        CallNs = AllocationRow.NotRecorded,
        OtherThread = -1,
        Stack = 0,
        Interval = (int)interval,
        Carried = isCarried,
    };
}
