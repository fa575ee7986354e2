using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Analyzer.Passes;

/// <summary>
/// Finds what is odd about calls, and writes the table <c>anomalies</c>. What a call did to a block is looked at when the block's row is made: then it is
/// known how it was acquired.
/// </summary>
/// <param name="writer">Takes the rows.</param>
/// <param name="reader">The trace. Of a process that began as a fork, what it releases without having acquired it is its parent's.</param>
/// <param name="sites">Which stacks are known; null where they were not recorded.</param>
internal sealed class Anomalies(TableWriter<AnomalyRow> writer, TraceReader reader, CallSites? sites) : ITraceSink
{
    private static readonly Family[] Families = Tabulate();

    private readonly bool _hasOlderBlocks = reader.Process.HasOlderBlocks;

    private enum Family
    {
        Malloc,
        New,
        NewArray,
    }

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
        // Before the window of a kept recording it is not known which blocks there were.
        if (begin.Object < 0 && !begin.IsNull && !begin.IsCarried)
            Tell(UnknownRelease, begin, begin.Object, null);
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
        if (e.Kind != CallKind.Gap)
            return;
        writer.Add(new AnomalyRow
        {
            Anomaly = AnomalyKind.Gap,
            Ns = e.TimeNs,
            Thread = e.Thread,
            Call = "",
            Object = TraceEvent.NoObject,
            Address = 0,
            Size = 0,
            AcquiredBy = "",
            AcquiredSize = 0,
            Stack = 0,
            Calls = e.Lost,
        });
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        if (call.IsDeallocation)
        {
            if (!call.IsNull && call.Given < 0)
                Tell(UnknownRelease, call.Event, call.Given, null);
        }
        else if (call.IsNull)
        {
            if (!call.Frees)
                Tell(AnomalyKind.FailedCall, call.Event, call.Given, null);
        }
        else if (call.BytesRequested == ByteCount.Max)
            Tell(AnomalyKind.SaturatedSize, call.Event, call.Acquired, null);
    }

    /// <summary>Looks at the end of a block.</summary>
    /// <param name="row">The block.</param>
    /// <param name="by">The call that released or reallocated it, or acquired its address anew.</param>
    public void Look(in AllocationRow row, in TraceCall by)
    {
        if (row.EndKind == EndKind.LostFree)
        {
            Tell(row.AllocNs < StartOf(by.Interval) ? AnomalyKind.ReleasedWhileStopped : AnomalyKind.LostFree, by.Event, row.Object, row);
            return;
        }
        if (FamilyOf(by.Kind) != FamilyOf(row.Kind))
            Tell(AnomalyKind.MismatchedRelease, by.Event, row.Object, row);
        bool tellsSize = by.IsDeallocation && (CallKinds.Fields(by.Kind) & CallFields.Size) != 0;
        if (tellsSize && Saturation.ToInt64(by.Size) != row.Size)
            Tell(AnomalyKind.WrongSize, by.Event, row.Object, row);
    }

    private AnomalyKind UnknownRelease => _hasOlderBlocks ? AnomalyKind.InheritedRelease : AnomalyKind.UnknownRelease;

    /// <summary>When an interval was begun; the start of the trace where none was.</summary>
    private long StartOf(uint number)
    {
        foreach (Interval interval in reader.Intervals)
            if (interval.Number == number)
                return interval.StartNs;
        return 0;
    }

    private void Tell(AnomalyKind kind, in TraceEvent e, long block, AllocationRow? acquired) => writer.Add(new AnomalyRow
    {
        Anomaly = kind,
        Ns = e.TimeNs,
        Thread = e.Thread,
        Call = CallKinds.CallName(e.Kind),
        Object = block,
        Address = unchecked((long)e.Address),
        Size = (long)e.BytesRequested,
        AcquiredBy = acquired is { } by ? CallKinds.CallName(by.Kind) : "",
        AcquiredSize = acquired?.Size ?? 0,
        Stack = sites?.Known(e.Stack) ?? 0,
        Calls = 1,
    });

    private static Family FamilyOf(CallKind kind) => Families[(int)kind];

    /// <summary>By the functions' names in the linker's form: of operator new and delete, and of those of arrays.</summary>
    private static Family[] Tabulate()
    {
        var families = new Family[byte.MaxValue + 1];
        foreach (CallFacts facts in CallFacts.All)
            families[(int)facts.Kind] = facts.Symbol?[..Math.Min(facts.Symbol.Length, 4)] switch
            {
                "_Znw" or "_Zdl" => Family.New,
                "_Zna" or "_Zda" => Family.NewArray,
                _ => Family.Malloc,
            };
        return families;
    }
}
