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
internal sealed unsafe class Execution
{
    private readonly CallOrder? _order;
    private readonly bool _hasLatency;
    private readonly bool _isReplay;
    private readonly int _mainThread;
    private readonly Dictionary<long, CallPlace> _acquired = [];
    private readonly (long BeginNs, bool IsNull)[] _reallocations;
    private readonly long[] _lastStampNs;

    private Execution(TraceReader reader, ReplayOrder? order, Spill spill)
    {
        _hasLatency = reader.Process.Latency;
        _isReplay = order is null;
        _mainThread = reader.MainThread;
        _order = order is { } kept ? CallOrder.Create(kept, reader.Threads.Count, _hasLatency, spill) : null;
        Threads = [.. reader.Threads.Select(t => new ExecutedThread(t.Name, spill))];
        Edges = new SpillList<OrderEdge>(spill);
        Sequence = new SpillList<CallPlace>(spill);
        _reallocations = new (long, bool)[Threads.Count];
        _lastStampNs = new long[Threads.Count];
    }

    public IReadOnlyList<ExecutedThread> Threads { get; }
    public int MainThread => _mainThread;
    /// <summary>Pairs that the order keeps apart (real time, or the linear order), without those that others imply.</summary>
    public SpillList<OrderEdge> Edges { get; }
    /// <summary>Calls and ends of threads in merged order.</summary>
    public SpillList<CallPlace> Sequence { get; }
    /// <summary>Releases of blocks never seen acquired: a replay leaves them out.</summary>
    public long SkippedReleases { get; private set; }
    /// <summary>Reallocations of such blocks: a replay gives them a null pointer.</summary>
    public long UnknownReallocations { get; private set; }
    /// <summary>Creations of threads that cannot be replayed: the child is not in the trace, or was at work before.</summary>
    public long UnplacedCreates { get; private set; }

    /// <summary>Reads a trace to its end.</summary>
    /// <param name="reader">The trace, not yet read from.</param>
    /// <param name="order">The order whose edges to find; null for a replay's recording, which is only looked at as it is: nothing is left out.</param>
    /// <param name="spill">Where calls are kept.</param>
    /// <param name="progress">Told the fraction read.</param>
    /// <param name="token">Ends the work.</param>
    public static Execution Read(TraceReader reader, ReplayOrder? order, Spill spill, IProgress<double>? progress = null, CancellationToken token = default)
    {
        var execution = new Execution(reader, order, spill);
        for (long events = 1; reader.Read(out TraceEvent e); events++)
        {
            execution.Add(e);
            if (events % 262_144 != 0)
                continue;
            progress?.Report(reader.Progress);
            token.ThrowIfCancellationRequested();
        }
        return execution;
    }

    private void Add(in TraceEvent e)
    {
        ExecutedThread thread = Threads[e.Thread];
        thread.Started = true;
        _order?.Observe(e);
        if (e.DisplacedObject >= 0)
            _acquired.Remove(e.DisplacedObject);
        if (e.Kind == CallKind.ThreadCreate)
            Create(e, thread);
        else if (e.Kind == CallKind.ThreadExit)
            Exit(e, thread);
        else if (CallKinds.IsReallocBegin(e.Kind))
            _reallocations[e.Thread] = (e.TimeNs, e.IsNull);
        else if (CallKinds.IsReallocEnd(e.Kind))
            Reallocate(e);
        else if (CallKinds.IsAcquisition(e.Kind))
            Acquire(e);
        else if (e.Kind != CallKind.ThreadStart)
            Release(e);
        _lastStampNs[e.Thread] = e.TimeNs;
        _order?.Pass(e);
    }

    private void Create(in TraceEvent e, ExecutedThread thread)
    {
        int child = e.OtherThread;
        if (child < 0 || child == _mainThread || Threads[child].Started || Threads[child].Parent >= 0)
        {
            UnplacedCreates++;
            return;
        }
        (Threads[child].Parent, Threads[child].Creation) = (e.Thread, thread.Calls.Count);
        thread.Children.Add(child);
        long begin = OrderBegin(e);
        Append(e, new ExecutedCall { SourceThread = child, SourceCall = ExecutedCall.NoBlock }, begin);
        _order?.Created(child, e.Thread, begin, thread.Calls.Count - 1);
    }

    private void Exit(in TraceEvent e, ExecutedThread thread)
    {
        if (thread.ExitNs is not null)
            return;
        (thread.ExitNs, thread.CallsBeforeExit) = (e.TimeNs, thread.Calls.Count);
        Place(e, new CallPlace(e.Thread, Predecessor.Exit), OrderBegin(e));
    }

    private void Acquire(in TraceEvent e)
    {
        Append(e, new ExecutedCall { SourceCall = ExecutedCall.NoBlock }, OrderBegin(e));
        Remember(e);
    }

    private void Release(in TraceEvent e)
    {
        CallPlace? source = e.IsNull ? null : Take(e.Object);
        if (!e.IsNull && source is null && !_isReplay)
        {
            SkippedReleases++;
            return;
        }
        Append(e, From(source, e.IsNull), OrderBegin(e));
    }

    private void Reallocate(in TraceEvent e)
    {
        (long begin, bool ofNull) = _reallocations[e.Thread];
        CallPlace? source = ofNull ? null : Take(e.PreviousObject);
        bool freed = e.IsNull && e.Object < 0 && e.BytesRequested == 0 && !ofNull;
        if (source is null && !ofNull && !_isReplay)
        {
            if (freed)
            {
                SkippedReleases++;
                return;
            }
            UnknownReallocations++;
            ofNull = true;
        }
        // One that failed keeps its block, and is from then on the call that it came from: so it is again when it does not fail in a replay.
        Append(e, From(source, ofNull), begin);
        Remember(e);
    }

    private void Remember(in TraceEvent e)
    {
        if (e.Object >= 0)
            _acquired[e.Object] = new CallPlace(e.Thread, Threads[e.Thread].Calls.Count - 1);
    }

    private CallPlace? Take(long id) => _acquired.Remove(id, out CallPlace place) ? place : null;

    private static ExecutedCall From(CallPlace? source, bool isNull) => source is { } place
        ? new ExecutedCall { SourceThread = place.Thread, SourceCall = place.Call }
        : new ExecutedCall { SourceCall = isNull ? ExecutedCall.NoBlock : ExecutedCall.UnknownBlock };

    private long OrderBegin(in TraceEvent e) => _order?.BeginOf(e) ?? 0;

    private void Append(in TraceEvent e, ExecutedCall call, long orderBegin)
    {
        call.Kind = e.Kind;
        call.IsNull = e.IsNull;
        call.Size = e.Size;
        call.Argument = e.Kind is CallKind.Calloc or CallKind.ReallocArrayEnd ? e.Count : e.Alignment;
        bool isEarly = CallKinds.IsDeallocation(e.Kind) || CallKinds.IsThreadEvent(e.Kind), isReallocation = CallKinds.IsReallocEnd(e.Kind);
        call.BeginNs = isEarly ? e.TimeNs : isReallocation ? _reallocations[e.Thread].BeginNs : _hasLatency ? e.TimeNs - e.DurationNs : _lastStampNs[e.Thread];
        call.EndNs = isEarly ? e.TimeNs + e.DurationNs : e.TimeNs;
        call.MomentNs = isEarly || isReallocation || _hasLatency ? call.BeginNs : call.EndNs;
        long index = Threads[e.Thread].Calls.Count;
        Threads[e.Thread].Calls.Append(call);
        Place(e, new CallPlace(e.Thread, index), orderBegin);
    }

    /// <summary>Notes what a call comes after.</summary>
    private void Place(in TraceEvent e, CallPlace place, long orderBegin)
    {
        Sequence.Append(place);
        if (_order is null)
            return;
        foreach (Predecessor earlier in _order.Before(e.Thread, orderBegin))
            Edges.Append(new OrderEdge(new CallPlace(earlier.Thread, earlier.Position), place));
        _order.Add(e, orderBegin, place.Call);
    }
}
