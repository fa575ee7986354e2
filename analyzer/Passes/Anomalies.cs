using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Analyzer.Passes;

/// <summary>Finds what is odd about calls, and writes the table <c>anomalies</c>. It goes by nothing but the calls: the other tables are not asked.</summary>
/// <param name="writer">Takes the rows.</param>
/// <param name="isForked">Whether the process began as a fork: what it releases without having acquired it is its parent's.</param>
/// <param name="sites">Which stacks are known; null where they were not recorded.</param>
internal sealed class Anomalies(TableWriter<AnomalyRow> writer, bool isForked, CallSites? sites) : ITraceSink
{
    private readonly SlotArray<Block> _live = new(new Block(TraceEvent.NoObject, default, 0, 0));

    private enum Family
    {
        Malloc,
        New,
        NewArray,
    }

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
        if (begin.Object < 0 && !begin.IsNull)
            Tell(UnknownRelease, begin, begin.Object, default);
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
            if (!call.IsNull)
                Release(call);
            return;
        }
        if (call.Given >= 0)
            CheckFamily(call, BlockOf(call.Given, call.GivenSlot));
        if (call.Displaced >= 0)
        {
            Block displaced = BlockOf(call.Displaced, call.DisplacedSlot);
            bool isOfBefore = displaced.IsKnown && displaced.Interval < call.Interval;
            Tell(isOfBefore ? AnomalyKind.ReleasedWhileStopped : AnomalyKind.LostFree, call.Event, call.Displaced, displaced);
        }
        if (call.IsNull)
        {
            if (!call.Frees)
                Tell(AnomalyKind.FailedCall, call.Event, call.Given, default);
            return;
        }
        _live[call.TakenSlot] = new Block(call.Acquired, call.Kind, (long)call.BytesRequested, call.Interval);
        if (call.BytesRequested == ByteCount.Max)
            Tell(AnomalyKind.SaturatedSize, call.Event, call.Acquired, default);
    }

    private AnomalyKind UnknownRelease => isForked ? AnomalyKind.InheritedRelease : AnomalyKind.UnknownRelease;

    private void Release(in TraceCall call)
    {
        if (call.Given < 0)
        {
            Tell(UnknownRelease, call.Event, call.Given, default);
            return;
        }
        Block block = BlockOf(call.Given, call.GivenSlot);
        CheckFamily(call, block);
        bool tellsSize = (CallKinds.Fields(call.Kind) & CallFields.Size) != 0;
        if (tellsSize && block.IsKnown && Saturation.ToInt64(call.Size) != block.Size)
            Tell(AnomalyKind.WrongSize, call.Event, call.Given, block);
    }

    private void CheckFamily(in TraceCall call, in Block block)
    {
        if (block.IsKnown && FamilyOf(call.Kind) != FamilyOf(block.Kind))
            Tell(AnomalyKind.MismatchedRelease, call.Event, call.Given, block);
    }

    /// <summary>What is known of a block; it is not when it was acquired before the part of the trace that is read.</summary>
    private Block BlockOf(long id, int slot) => _live[slot].Id == id ? _live[slot] : default;

    private void Tell(AnomalyKind kind, in TraceEvent e, long block, in Block acquired) => writer.Add(new AnomalyRow
    {
        Anomaly = kind,
        Ns = e.TimeNs,
        Thread = e.Thread,
        Call = CallKinds.CallName(e.Kind),
        Object = block,
        Address = unchecked((long)e.Address),
        Size = (long)e.BytesRequested,
        AcquiredBy = acquired.IsKnown ? CallKinds.CallName(acquired.Kind) : "",
        AcquiredSize = acquired.Size,
        Stack = sites?.Known(e.Stack) ?? 0,
        Calls = 1,
    });

    private static Family FamilyOf(CallKind kind) => kind switch
    {
        CallKind.New or CallKind.NewNothrow or CallKind.NewAligned or CallKind.NewAlignedNothrow
            or CallKind.Delete or CallKind.DeleteNothrow or CallKind.DeleteSized
            or CallKind.DeleteAligned or CallKind.DeleteAlignedNothrow or CallKind.DeleteSizedAligned => Family.New,
        CallKind.NewArray or CallKind.NewArrayNothrow or CallKind.NewArrayAligned or CallKind.NewArrayAlignedNothrow
            or CallKind.DeleteArray or CallKind.DeleteArrayNothrow or CallKind.DeleteArraySized
            or CallKind.DeleteArrayAligned or CallKind.DeleteArrayAlignedNothrow or CallKind.DeleteArraySizedAligned => Family.NewArray,
        _ => Family.Malloc,
    };

    /// <param name="Id">Its object.</param>
    /// <param name="Kind">The call that acquired it.</param>
    /// <param name="Size">Bytes requested.</param>
    /// <param name="Interval">In which.</param>
    private readonly record struct Block(long Id, CallKind Kind, long Size, uint Interval)
    {
        public bool IsKnown => Interval > 0;
    }
}
