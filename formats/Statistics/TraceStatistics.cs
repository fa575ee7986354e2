using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Statistics;

/// <summary>Totals over a trace: what <c>info</c> prints and what a replay is checked against.</summary>
public sealed class TraceStatistics : ITraceSink
{
    private readonly long[] _byKind = new long[64];
    private readonly SlotArray<LiveBlock> _live = new(new LiveBlock(TraceEvent.NoObject, 0, 0));
    private readonly List<ThreadTotals> _threads = [];
    private UInt128 _acquired, _liveBytes, _peak; // exact, so that what is taken off them was on them

    /// <summary>Per-thread totals.</summary>
    public sealed class ThreadTotals
    {
        internal ThreadTotals()
        {
        }

        /// <summary>The object that it acquired last.</summary>
        internal long LastAcquired { get; set; } = TraceEvent.NoObject;

        internal UInt128 Requested { get; set; }

        /// <summary>Calls of the thread. A reallocation is one call.</summary>
        public long Calls { get; internal set; }
        /// <summary>Bytes requested by all acquisitions, failed ones included; at most <see cref="ByteCount.Max"/>.</summary>
        public ulong BytesRequested => ByteCount.Of(Requested);
        /// <summary>Time of its first event, nanoseconds since the start of the recording; -1 when it has none.</summary>
        public long FirstNs { get; internal set; } = -1;
        /// <summary>Time of its last event, nanoseconds since the start of the recording; -1 when it has none.</summary>
        public long LastNs { get; internal set; } = -1;
        /// <summary>Index of the thread that created it, or -1 when that is not known.</summary>
        public int Parent { get; internal set; } = -1;
        /// <summary>Time of its exit, nanoseconds since the start of the recording, or null when it was still running at the end.</summary>
        public long? ExitNs { get; internal set; }
    }

    /// <summary>Totals by thread index, up to the last thread that has events.</summary>
    public IReadOnlyList<ThreadTotals> Threads => _threads;

    /// <summary>Calls and live bytes over time.</summary>
    public Timeline Timeline { get; } = new();

    /// <summary>Events of all kinds.</summary>
    public long Events { get; private set; }
    /// <summary>Allocation and deallocation calls. A reallocation is one call; thread events are none.</summary>
    public long Calls { get; private set; }
    /// <summary>Successful acquisitions: the number of objects. A successful reallocation acquires one.</summary>
    public long Acquisitions { get; private set; }
    /// <summary>Acquisitions that failed.</summary>
    public long FailedCalls { get; private set; }
    /// <summary>Releases given a null pointer.</summary>
    public long NullReleases { get; private set; }
    /// <summary>Releases by another thread than the one that acquired the object.</summary>
    public long CrossThreadReleases { get; private set; }
    /// <summary>
    /// Releases of the block that the same thread acquired last: nothing was acquired in between. A reallocation that replaces such
    /// a block counts.
    /// </summary>
    public long TemporaryBlocks { get; private set; }
    /// <summary>Bytes requested by successful acquisitions; at most <see cref="ByteCount.Max"/>.</summary>
    public ulong BytesAcquired => ByteCount.Of(_acquired);
    /// <summary>Requested bytes of live blocks at their highest; at most <see cref="ByteCount.Max"/>.</summary>
    public ulong PeakLiveBytes => ByteCount.Of(_peak);
    /// <summary>When that was first, nanoseconds since the start of the recording; 0 without blocks.</summary>
    public long PeakLiveNs { get; private set; }
    /// <summary>Live blocks at the end of the trace.</summary>
    public long LiveBlocks { get; private set; }
    /// <summary>Their requested bytes; at most <see cref="ByteCount.Max"/>.</summary>
    public ulong LiveBytes => ByteCount.Of(_liveBytes);
    /// <summary>Time of the last event, nanoseconds since the start of the recording; 0 without events.</summary>
    public long DurationNs { get; private set; }

    /// <summary>Events of a kind; 0 for a number that is no kind. Both halves of a reallocation are counted, each as its own kind.</summary>
    public long CountOf(CallKind kind) => (int)kind < _byKind.Length ? _byKind[(int)kind] : 0;

    /// <summary>The totals of a thread, which may have no events.</summary>
    /// <param name="index">Its dense index.</param>
    public ThreadTotals Thread(int index) => index < _threads.Count ? _threads[index] : new ThreadTotals();

    /// <summary>Reads a trace from where it stands to its end and totals it. Damage ends it early: see <see cref="TraceReader.Damage"/>.</summary>
    /// <param name="reader">The trace; it is left at its end.</param>
    /// <param name="progress">Told the share of the trace that is read, from 0 to 1.</param>
    public static TraceStatistics Of(TraceReader reader, IProgress<double>? progress = null)
    {
        var statistics = new TraceStatistics();
        reader.ForEach([statistics], progress);
        return statistics;
    }

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
        See(begin.Kind, begin.Thread, begin.TimeNs);
        Timeline.Add(begin.TimeNs, isCall: false, LiveBytes);
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        ThreadTotals thread = See(call.Kind, call.Thread, call.TimeNs);
        Calls++;
        thread.Calls++;
        if (!call.IsDeallocation)
            AddAcquisition(call, thread);
        else if (call.IsNull)
            NullReleases++;
        else
            Release(call.Given, call.GivenSlot, call.Thread);
        Timeline.Add(call.TimeNs, isCall: true, LiveBytes);
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
        ThreadTotals thread = See(e.Kind, e.Thread, e.TimeNs);
        if (e.Kind == CallKind.ThreadStart)
            thread.Parent = e.OtherThread;
        else if (e.Kind == CallKind.ThreadExit)
            thread.ExitNs = e.TimeNs;
        Timeline.Add(e.TimeNs, isCall: false, LiveBytes);
    }

    private ThreadTotals See(CallKind kind, int index, long ns)
    {
        while (_threads.Count <= index)
            _threads.Add(new ThreadTotals());
        ThreadTotals thread = _threads[index];
        Events++;
        _byKind[(int)kind]++;
        DurationNs = Math.Max(DurationNs, ns);
        if (thread.FirstNs < 0)
            thread.FirstNs = ns;
        thread.LastNs = ns;
        return thread;
    }

    private void AddAcquisition(in TraceCall call, ThreadTotals thread)
    {
        thread.Requested += call.BytesRequested;
        Forget(call.Displaced, call.DisplacedSlot);
        if (!call.IsNull || call.Frees)
            Release(call.Given, call.GivenSlot, call.Thread);
        else
            Forget(call.Released, call.GivenSlot); // its address had a new owner by then: it was released, and nobody told
        if (call.IsNull)
        {
            FailedCalls += call.Frees && call.Given >= 0 ? 0 : 1;
            return;
        }
        Acquisitions++;
        _acquired += call.BytesRequested;
        _live[call.TakenSlot] = new LiveBlock(call.Acquired, call.BytesRequested, call.Thread);
        LiveBlocks++;
        _liveBytes += call.BytesRequested;
        thread.LastAcquired = call.Acquired;
        if (_liveBytes > _peak)
            (_peak, PeakLiveNs) = (_liveBytes, call.TimeNs);
    }

    private void Release(long id, int slot, int thread)
    {
        if (Forget(id, slot) is not { } block)
            return;
        if (block.Thread != thread)
            CrossThreadReleases++;
        else if (_threads[thread].LastAcquired == id)
            TemporaryBlocks++;
    }

    /// <summary>A block is live no more; null where it was not known.</summary>
    private LiveBlock? Forget(long id, int slot)
    {
        if (id < 0 || _live[slot] is var block && block.Object != id)
            return null;
        _live[slot].Object = TraceEvent.NoObject;
        LiveBlocks--;
        _liveBytes -= block.Size;
        return block;
    }

    private record struct LiveBlock(long Object, ulong Size, int Thread);
}
