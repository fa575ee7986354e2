using System.Runtime.InteropServices;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Scratch;

namespace AllocReplay.Replayer.Order;

/// <summary>
/// The order that real time gives a recorded execution: one call had ended before another began, as far as the trace can tell (edges R of
/// <c>exact</c>).
/// </summary>
/// <remarks>
/// <para><b>Bounds.</b> Without latency, a release is stamped before it begins, an acquisition after it has ended, a reallocation both.
/// What is missing the neighbours give: a call begins after the event before it in its thread, and has ended by the event after
/// it. A trace with latency tells both itself. Counters of different cores may disagree by a little: as the end of a call counts the latest
/// stamp that the merged order has shown until then, never an earlier one than its own. So a call that ended before another
/// began also stands before it in the merged order, and no wait can close a circle (docs/design/replay.md).</para>
/// <para><b>Reduction.</b> Calls ordered this way are an interval order: what ended before call <c>b</c> began are all calls with
/// an end before one moment. So a vector clock has one component: a thread that has waited for everything that ended before a moment knows
/// that moment, and nothing else. Call <c>b</c> waits for the last ended call <c>a</c> of every thread, except where <c>a</c> ended before
/// the thread's own last call began, or before another call that <c>b</c> waits for began: that is the transitive
/// reduction of R, exactly.</para>
/// <para>Cost: threads stand in a list, the one that ended a call last first, and a call looks only at those that ended one since
/// the moment that its thread knows. Memory: the times of the last 10 ms and some 65,000 calls; of a trace with latency, whose calls may have begun at
/// any moment since the one before, of all calls, in the spill.</para>
/// </remarks>
internal sealed unsafe class RealTimeOrder : CallOrder
{
    private const int None = -1;
    /// <summary>The merged order is not later than this with any event: the merge waits for 1 ms.</summary>
    private const long LateNs = 10_000_000;
    private const int CallsBetweenTrims = 1 << 16;

    private readonly long _lateNs;
    private readonly int _callsBetweenTrims;

    private readonly bool _hasLatency;
    private readonly ThreadTimes[] _threads;
    private readonly List<CallTimes> _calls = [];
    private readonly List<Predecessor> _result = [];
    private readonly PriorityQueue<int, long> _ending = new();
    private int _latest = None; // the thread whose call ended last
    private int _ended; // threads in the list
    private long _now = long.MinValue; // the latest stamp that the merged order has shown
    private int _untrimmed; // calls
    private long _endings;

    /// <param name="threadCount">Threads of the trace.</param>
    /// <param name="hasLatency">Whether the trace tells how long calls took.</param>
    /// <param name="spill">Where the times of a trace with latency go.</param>
    /// <param name="callsBetweenTrims">Events after which what nobody will ask for is given up; for tests.</param>
    /// <param name="lateNs">By how much a stamp may be behind the latest one that was shown; for tests.</param>
    public RealTimeOrder(int threadCount, bool hasLatency, Spill spill, int callsBetweenTrims = CallsBetweenTrims, long lateNs = LateNs)
    {
        (_callsBetweenTrims, _lateNs) = (callsBetweenTrims, lateNs);
        _hasLatency = hasLatency;
        _threads = new ThreadTimes[threadCount];
        var pieces = new CallHistory.Pieces(hasLatency ? spill : null);
        for (int i = 0; i < threadCount; i++)
            _threads[i] = new ThreadTimes(pieces);
    }

    /// <summary>Calls whose times are kept.</summary>
    public long CallsKept => _threads.Sum(t => t.Calls.Count - t.Calls.First);

    /// <summary>A call of the event's thread that was under way has ended.</summary>
    public override void Observe(int thread, long ns)
    {
        _now = Math.Max(_now, ns);
        while (_ending.TryPeek(out int other, out long end) && end <= _now)
        {
            _ending.Dequeue();
            if (_threads[other].UnderWay && _threads[other].Last->EndNs == end)
                Ended(other);
        }
        ThreadTimes self = _threads[thread];
        if (self.UnderWay)
        {
            self.Last->EndNs = Math.Min(self.Last->EndNs, _now);
            Ended(thread);
        }
    }

    public override void Pass(int thread, long ns)
    {
        (_threads[thread].LastStampNs, _threads[thread].Foreseen) = (ns, null);
        if (_hasLatency || ++_untrimmed < _callsBetweenTrims)
            return;
        _untrimmed = 0;
        Trim();
    }

    public override long BeginOf(in TraceCall call) =>
        _hasLatency || call.IsDeallocation || call.IsReallocation ? call.BeginNs : _threads[call.Thread].LastStampNs;

    public override ReadOnlySpan<Predecessor> Before(int thread, long beginNs)
    {
        ThreadTimes self = _threads[thread];
        Unreduced += _ended - (self.IsListed ? 1 : 0);
        if (beginNs <= self.KnownNs)
            return [];
        ReadOnlySpan<Predecessor> result = self.Foreseen is { } foreseen && beginNs == self.LastStampNs ? InTurn(foreseen) : Find(thread, beginNs);
        self.KnownNs = beginNs;
        return result;
    }

    /// <summary>As they would be met in the list now.</summary>
    private Predecessor[] InTurn(Predecessor[] foreseen)
    {
        Array.Sort(foreseen, (a, b) => _threads[b.Thread].Ending.CompareTo(_threads[a.Thread].Ending));
        return foreseen;
    }

    private ReadOnlySpan<Predecessor> Find(int thread, long beginNs)
    {
        long known = _threads[thread].KnownNs;
        bool isFirst = _threads[thread].Last == null; // what it waits for is over by then; later calls know that by the moment
        _calls.Clear();
        _result.Clear();
        for (int other = _latest; other != None && _threads[other].EndedNs >= known; other = _threads[other].Older)
        {
            if (other == thread || _threads[other].Calls.LastBefore(beginNs) is not { } call || call.EndNs < known)
                continue;
            if (isFirst && IsOfAncestor(thread, other, call.Position))
                continue;
            _calls.Add(call);
            _result.Add(new Predecessor(other, call.Position));
            known = Math.Max(known, call.BeginNs);
        }
        // A call that began late implies those that had ended by then, also where they were met before it.
        int kept = 0;
        for (int i = 0; i < _result.Count; i++)
            if (_calls[i].EndNs >= known)
                _result[kept++] = _result[i];
        return CollectionsMarshal.AsSpan(_result)[..kept];
    }

    /// <summary>Whether a call stands before the creation of this thread, or of one that it descends from: all that it does is after that.</summary>
    private bool IsOfAncestor(int thread, int other, long position)
    {
        for (ThreadTimes self = _threads[thread]; self.Parent != None; self = _threads[self.Parent])
            if (self.Parent == other)
                return position < self.Creation;
        return false;
    }

    public override bool IsImplied(in Acquisition block, int thread, long beginNs) => block.Mark < beginNs;

    public override void Add(in TraceCall call, long beginNs, long position)
    {
        // What is stamped before it begins ends later, when the trace says or at the thread's next event.
        long end = !call.IsDeallocation ? _now : _hasLatency ? Math.Max(_now, call.EndNs) : CallTimes.Unended;
        Add(call.Thread, new CallTimes(beginNs, end, position), isUnderWay: call.IsDeallocation);
    }

    public override void Add(in ThreadEvent e, long position)
    {
        bool begins = e.Kind == CallKind.ThreadCreate;
        Add(e.Thread, new CallTimes(e.TimeNs, begins ? CallTimes.Unended : _now, position), begins);
    }

    private void Add(int thread, in CallTimes call, bool isUnderWay)
    {
        _threads[thread].Calls.Add(call);
        _threads[thread].UnderWay = isUnderWay;
        if (!isUnderWay)
            Ended(thread);
        else if (call.EndNs != CallTimes.Unended)
            _ending.Enqueue(thread, call.EndNs);
    }

    /// <summary>It had ended by now.</summary>
    public override Acquisition Remember(int thread, long position) => new(thread, _now, 0);

    public override void Created(int child, int parent, long beginNs, long position)
    {
        ThreadTimes self = _threads[child];
        (self.KnownNs, self.Parent, self.Creation) = (beginNs, parent, position);
    }

    /// <summary>The end of a call of this thread has come: it heads the list.</summary>
    private void Ended(int thread)
    {
        ThreadTimes self = _threads[thread];
        self.UnderWay = false;
        self.EndedNs = self.Last->EndNs;
        self.Ending = ++_endings;
        if (_latest == thread)
            return;
        if (self.IsListed)
        {
            _threads[self.Newer].Older = self.Older;
            if (self.Older != None)
                _threads[self.Older].Newer = self.Newer;
        }
        else
        {
            self.IsListed = true;
            _ended++;
        }
        if (_latest != None)
            _threads[_latest].Newer = thread;
        (self.Older, self.Newer) = (_latest, None);
        _latest = thread;
    }

    /// <summary>
    /// Gives up what nobody will ask for. Without latency, a thread's next call begins at its last stamp, or at a stamp that is still to come: so what a
    /// thread that has been still for long would be told is worked out now, and then nobody asks for what lies further back than stamps may be late.
    /// </summary>
    /// <remarks>
    /// What ended before a moment that has been stamped does not change any more: what ends from now on ends at the latest stamp or after it.
    /// </remarks>
    private void Trim()
    {
        long horizon = _now - _lateNs;
        for (int i = 0; i < _threads.Length; i++)
        {
            ThreadTimes thread = _threads[i];
            if (thread.LastStampNs == long.MinValue || thread.LastStampNs >= horizon || thread.Foreseen is not null)
                continue;
            thread.Foreseen = thread.LastStampNs > thread.KnownNs ? Find(i, thread.LastStampNs).ToArray() : [];
        }
        foreach (ThreadTimes thread in _threads)
            thread.Calls.DropBefore(horizon);
    }

    private sealed class ThreadTimes(CallHistory.Pieces pieces)
    {
        public CallHistory Calls { get; } = new(pieces);
        public CallTimes* Last => Calls.Last;
        /// <summary>The last call has not ended yet.</summary>
        public bool UnderWay { get; set; }
        public long LastStampNs { get; set; } = long.MinValue;
        /// <summary>End of the last call that has ended.</summary>
        public long EndedNs { get; set; }
        /// <summary>Number of that end, of all threads'.</summary>
        public long Ending { get; set; }
        /// <summary>It has waited for all that ended before this moment.</summary>
        public long KnownNs { get; set; } = long.MinValue;
        /// <summary>What a call that begins at <see cref="LastStampNs"/> waits for, where that has been found already.</summary>
        public Predecessor[]? Foreseen { get; set; }
        /// <summary>The thread that created it, or none, and the position of that call.</summary>
        public int Parent { get; set; } = None;
        /// <inheritdoc cref="Parent"/>
        public long Creation { get; set; }
        public bool IsListed { get; set; }
        public int Older { get; set; } = None;
        public int Newer { get; set; } = None;
    }
}
