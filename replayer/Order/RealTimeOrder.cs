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
/// the moment that its thread knows. Memory: the times of all calls, in the spill.</para>
/// </remarks>
internal sealed unsafe class RealTimeOrder : CallOrder
{
    private const int None = -1;

    private readonly bool _hasLatency;
    private readonly ThreadTimes[] _threads;
    private readonly List<CallTimes> _calls = [];
    private readonly List<Predecessor> _result = [];
    private readonly PriorityQueue<int, long> _ending = new();
    private int _latest = None; // the thread whose call ended last
    private int _ended; // threads in the list
    private long _now = long.MinValue; // the latest stamp that the merged order has shown

    public RealTimeOrder(int threadCount, bool hasLatency, Spill spill)
    {
        _hasLatency = hasLatency;
        _threads = new ThreadTimes[threadCount];
        for (int i = 0; i < threadCount; i++)
            _threads[i] = new ThreadTimes(spill);
    }

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

    public override void Pass(int thread, long ns) => _threads[thread].LastStampNs = ns;

    public override long BeginOf(in TraceCall call) =>
        _hasLatency || call.IsDeallocation || call.IsReallocation ? call.BeginNs : _threads[call.Thread].LastStampNs;

    public override ReadOnlySpan<Predecessor> Before(int thread, long beginNs)
    {
        long known = _threads[thread].KnownNs;
        Unreduced += _ended - (_threads[thread].IsListed ? 1 : 0);
        if (beginNs <= known)
            return [];
        bool isFirst = _threads[thread].Last == null; // what it waits for is over by then; later calls know that by the moment
        _calls.Clear();
        _result.Clear();
        for (int other = _latest; other != None && _threads[other].EndedNs >= known; other = _threads[other].Older)
        {
            if (other == thread || _threads[other].LastBefore(beginNs) is not { } call || call.EndNs < known)
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
        _threads[thread].KnownNs = beginNs;
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
        _threads[thread].Add(call);
        _threads[thread].UnderWay = isUnderWay;
        if (!isUnderWay)
            Ended(thread);
        else if (call.EndNs != CallTimes.Unended)
            _ending.Enqueue(thread, call.EndNs);
    }

    /// <summary>It had ended by now.</summary>
    public override Acquisition Remember(int thread, long position) => new(thread, _now, null);

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

    private sealed class ThreadTimes(Spill spill)
    {
        private readonly SpillList<CallTimes> _calls = new(spill);

        public CallTimes* Last { get; private set; }
        /// <summary>The last call has not ended yet.</summary>
        public bool UnderWay { get; set; }
        public long LastStampNs { get; set; } = long.MinValue;
        /// <summary>End of the last call that has ended.</summary>
        public long EndedNs { get; set; }
        /// <summary>It has waited for all that ended before this moment.</summary>
        public long KnownNs { get; set; } = long.MinValue;
        /// <summary>The thread that created it, or none, and the position of that call.</summary>
        public int Parent { get; set; } = None;
        /// <inheritdoc cref="Parent"/>
        public long Creation { get; set; }
        public bool IsListed { get; set; }
        public int Older { get; set; } = None;
        public int Newer { get; set; } = None;

        public void Add(in CallTimes call) => Last = _calls.Append(call);

        /// <summary>The last call that ended before a moment, or null. Looks back in steps that double: it is seldom far.</summary>
        public CallTimes? LastBefore(long ns)
        {
            long high = _calls.Count - 1; // ended before ns: all below low; not: all above high
            long step = 1;
            while (high >= 0 && _calls.At(high)->EndNs >= ns)
            {
                high -= step;
                step *= 2;
            }
            long low = Math.Max(high, -1), end = Math.Min(low + step, _calls.Count);
            // Between low, which ended before ns or is none, and end, which did not or is none.
            while (end - low > 1)
            {
                long middle = (low + end) / 2;
                if (_calls.At(middle)->EndNs < ns)
                    low = middle;
                else
                    end = middle;
            }
            return low < 0 ? null : *_calls.At(low);
        }
    }
}
