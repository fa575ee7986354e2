using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Scratch;

namespace AllocReplay.Replayer.Verify;

/// <summary>
/// What a trace says was executed: each thread's calls, which call each block came from, who created whom, and what had ended before
/// what. Addresses are gone: two executions are the same when these are.
/// </summary>
/// <remarks>
/// Written apart from the plan compiler, as it is what checks it; the order analysis is the same for both, and has an oracle of its own in the
/// tests. Memory: one entry per live block; what grows with the trace is in the spill.
/// </remarks>
internal sealed unsafe class Execution : ITraceSink
{
    private readonly CallOrder? _order;
    private readonly bool _hasLatency;
    private readonly bool _isReplay;
    private readonly int _mainThread;
    private readonly Dictionary<long, CallPlace> _acquired = [];
    private readonly long[] _lastStampNs;
    private readonly CarriedTally _carried;

    private Execution(TraceReader reader, ReplayOrder? order, Spill spill)
    {
        _hasLatency = reader.Process.Latency;
        _isReplay = order is null;
        _mainThread = reader.MainThread;
        _order = order is { } kept ? CallOrder.Create(kept, reader.Threads.Count, _hasLatency, spill) : null;
        Threads = [.. reader.Threads.Select(t => new ExecutedThread(t.Name, spill))];
        Edges = new SpillList<OrderEdge>(spill);
        Sequence = new SpillList<CallPlace>(spill);
        _lastStampNs = new long[Threads.Count];
        _carried = new CarriedTally(reader);
    }

    public IReadOnlyList<ExecutedThread> Threads { get; }
    public int MainThread => _mainThread;
    /// <summary>Pairs that the order keeps apart (real time, or the linear order), without those that others imply.</summary>
    public SpillList<OrderEdge> Edges { get; }
    /// <summary>Calls and ends of threads in merged order.</summary>
    public SpillList<CallPlace> Sequence { get; }
    /// <summary>Blocks that the trace carries; null where it is there from its beginning.</summary>
    public CarriedBlocks? Carried { get; private set; }
    /// <summary>Releases of blocks never seen acquired: a replay leaves them out.</summary>
    public long SkippedReleases { get; private set; }
    /// <summary>Reallocations of such blocks: a replay gives them a null pointer.</summary>
    public long UnknownReallocations { get; private set; }

    /// <summary>Reads a trace to its end.</summary>
    /// <param name="reader">The trace, not yet read from.</param>
    /// <param name="order">The order whose edges to find; null for a replay's recording, which is only looked at as it is: nothing is left out.</param>
    /// <param name="spill">Where calls are kept.</param>
    /// <param name="progress">Told the fraction read.</param>
    /// <param name="token">Ends the work.</param>
    public static Execution Read(TraceReader reader, ReplayOrder? order, Spill spill, IProgress<double>? progress = null, CancellationToken token = default)
    {
        var execution = new Execution(reader, order, spill);
        reader.ForEach([execution, execution._carried], progress, token);
        execution.Carried = execution._carried.Complete();
        return execution;
    }

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
        CallOrder? order = OrderOf(begin.IsCarried);
        See(begin.Thread, begin.TimeNs, order);
        Leave(begin.Thread, begin.TimeNs, order);
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        CallOrder? order = OrderOf(call.IsCarried);
        See(call.Thread, call.TimeNs, order);
        if (call.Displaced >= 0)
            _acquired.Remove(call.Displaced);
        if (call.IsReallocation)
            Reallocate(call);
        else if (call.IsDeallocation)
            Release(call);
        else
            Acquire(call);
        Leave(call.Thread, call.TimeNs, order);
        if (call.IsCarried)
            Threads[call.Thread].CarriedCalls = Threads[call.Thread].Calls.Count;
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
        CallOrder? order = OrderOf(e.IsCarried);
        See(e.Thread, e.TimeNs, order);
        if (e.Kind == CallKind.ThreadCreate)
            Create(e, Threads[e.Thread]);
        else if (e.Kind == CallKind.ThreadExit)
            Exit(e, Threads[e.Thread]);
        Leave(e.Thread, e.TimeNs, order);
        if (e.IsCarried)
            Threads[e.Thread].CarriedCalls = Threads[e.Thread].Calls.Count;
    }

    /// <summary>The order is one of the window: of what is carried only that it comes before all of that.</summary>
    private CallOrder? OrderOf(bool isCarried) => isCarried ? null : _order;

    private void See(int thread, long ns, CallOrder? order)
    {
        Threads[thread].Started = true;
        order?.Observe(thread, ns);
    }

    private void Leave(int thread, long ns, CallOrder? order)
    {
        _lastStampNs[thread] = ns;
        order?.Pass(thread, ns);
    }

    private void Create(in ThreadEvent e, ExecutedThread thread)
    {
        int child = e.OtherThread;
        // Cannot be replayed: the child is not in the trace, or was at work before.
        if (child < 0 || child == _mainThread || Threads[child].Started || Threads[child].Parent >= 0)
            return;
        (Threads[child].Parent, Threads[child].Creation) = (e.Thread, thread.Calls.Count);
        thread.Children.Add(child);
        thread.Calls.Append(new ExecutedCall
        {
            Kind = e.Kind,
            SourceThread = child,
            SourceCall = ExecutedCall.NoBlock,
            BeginNs = e.TimeNs,
            EndNs = e.TimeNs,
            MomentNs = e.TimeNs,
        });
        long index = thread.Calls.Count - 1;
        if (e.IsCarried)
            return;
        Place(new CallPlace(e.Thread, index), e.TimeNs);
        _order?.Add(e, index);
        _order?.Created(child, e.Thread, e.TimeNs, index);
    }

    private void Exit(in ThreadEvent e, ExecutedThread thread)
    {
        if (thread.ExitNs is not null)
            return;
        (thread.ExitNs, thread.CallsBeforeExit, thread.IsExitCarried) = (e.TimeNs, thread.Calls.Count, e.IsCarried);
        if (e.IsCarried)
            return;
        Place(new CallPlace(e.Thread, Predecessor.Exit), e.TimeNs);
        _order?.Add(e, Predecessor.Exit);
    }

    private void Acquire(in TraceCall call)
    {
        Append(call, new ExecutedCall { SourceCall = ExecutedCall.NoBlock });
        Remember(call.Acquired, call.Thread);
    }

    private void Release(in TraceCall call)
    {
        CallPlace? source = call.IsNull ? null : Take(call.Given);
        if (!call.IsNull && source is null && !_isReplay)
        {
            SkippedReleases++;
            return;
        }
        Append(call, From(source, call.IsNull));
    }

    private void Reallocate(in TraceCall call)
    {
        bool ofNull = call.IsOfNull;
        CallPlace? source = ofNull ? null : Take(call.Given);
        if (source is null && !ofNull && !_isReplay)
        {
            if (call.Frees)
            {
                SkippedReleases++;
                return;
            }
            UnknownReallocations++;
            ofNull = true;
        }
        // One that failed keeps its block, and is from then on the call that it came from: so it is again when it does not fail in a replay.
        Append(call, From(source, ofNull));
        Remember(call.IsNull ? call.Kept : call.Acquired, call.Thread);
    }

    private void Remember(long id, int thread)
    {
        if (id >= 0)
            _acquired[id] = new CallPlace(thread, Threads[thread].Calls.Count - 1);
    }

    private CallPlace? Take(long id) => _acquired.Remove(id, out CallPlace place) ? place : null;

    private static ExecutedCall From(CallPlace? source, bool isNull) => source is { } place
        ? new ExecutedCall { SourceThread = place.Thread, SourceCall = place.Call }
        : new ExecutedCall { SourceCall = isNull ? ExecutedCall.NoBlock : ExecutedCall.UnknownBlock };

    private void Append(in TraceCall call, ExecutedCall executed)
    {
        executed.Kind = call.Kind;
        executed.IsNull = call.IsNull;
        executed.Size = call.Size;
        executed.Argument = call.Kind is CallKind.Calloc or CallKind.ReallocArrayEnd ? call.Count : call.Alignment;
        // Without latency an acquisition began after its thread's event before it: all that the trace tells.
        executed.BeginNs = call.IsDeallocation || call.IsReallocation || _hasLatency ? call.BeginNs : _lastStampNs[call.Thread];
        executed.EndNs = call.EndNs;
        executed.MomentNs = call.BeginNs;
        long index = Threads[call.Thread].Calls.Count;
        Threads[call.Thread].Calls.Append(executed);
        if (call.IsCarried)
            return;
        long begin = _order?.BeginOf(call) ?? 0;
        Place(new CallPlace(call.Thread, index), begin);
        _order?.Add(call, begin, index);
    }

    /// <summary>Notes what a call comes after.</summary>
    private void Place(CallPlace place, long orderBegin)
    {
        Sequence.Append(place);
        if (_order is null)
            return;
        foreach (Predecessor earlier in _order.Before(place.Thread, orderBegin))
            Edges.Append(new OrderEdge(new CallPlace(earlier.Thread, earlier.Position), place));
    }
}
