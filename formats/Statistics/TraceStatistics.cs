using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Statistics;

/// <summary>Totals over a trace: what <c>info</c> prints and what a replay is checked against.</summary>
/// <remarks>
/// Of a recording of which the oldest part is gone, calls, and the blocks and bytes that they acquired, are those of the window, which is there whole.
/// The carried blocks, which were live when it began, count as live, at the peak too, and have figures of their own.
/// </remarks>
/// <param name="carried">What the trace says of that part, <see cref="TraceReader.Carried"/>; null where it is whole.</param>
/// <param name="sampling">Which of the program's blocks are in the trace.</param>
public sealed class TraceStatistics(CarriedPart? carried = null, Sampling sampling = default) : ITraceSink
{
    private readonly long[] _byKind = new long[64];
    private readonly SlotArray<LiveBlock> _live = new(new LiveBlock(TraceEvent.NoObject, 0, 0, 0, 0));
    private readonly List<ThreadTotals> _threads = [];
    private readonly LivePeak _bytes = new();
    private UInt128 _acquired, _carriedBytes; // exact
    private long _carriedEnd; // the first object that is not carried
    private bool _isBegun; // an event of the window was read
    private int _slots; // that blocks were told of
    private BlockEstimates _estimates;

    /// <summary>Per-thread totals.</summary>
    public sealed class ThreadTotals
    {
        internal ThreadTotals()
        {
        }

        /// <summary>The object that it acquired last.</summary>
        internal long LastAcquired { get; set; } = TraceEvent.NoObject;

        /// <summary>The object that it has given to a reallocation which has not ended, and its slot.</summary>
        internal (long Object, int Slot) Reallocating { get; set; } = (TraceEvent.NoObject, TraceEvent.NoSlot);

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

    /// <summary>Which of the live blocks are uncertain. Whoever reads the trace tells it of the intervals.</summary>
    public Certainty Certainty { get; } = new();

    /// <summary>What the kernel has mapped for the program where the statistics stand, as far as that was recorded.</summary>
    public RegionMap Regions { get; } = new();

    /// <summary>Events that are carried, of all kinds; in no other figure.</summary>
    public long CarriedEvents { get; private set; }
    /// <summary>Blocks that were live when the window began.</summary>
    public long CarriedBlocks { get; private set; }
    /// <summary>Bytes requested for them; at most <see cref="ByteCount.Max"/>.</summary>
    public ulong CarriedBytes => ByteCount.Of(_carriedBytes);

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
    /// <summary>
    /// Requested bytes of live blocks at their highest, in merged order; at most <see cref="ByteCount.Max"/>. A block that is reallocated is live until the
    /// call begins, or on and on when it fails.
    /// </summary>
    public ulong PeakLiveBytes => ByteCount.Of(_bytes.Peak.Bytes);
    /// <summary>When that was first, nanoseconds since the start of the recording; 0 without blocks. Of carried blocks: when the window began.</summary>
    public long PeakLiveNs => _bytes.Peak.Ns;
    /// <summary>The object whose acquisition reached it; <see cref="TraceEvent.NoObject"/> where there were never any bytes.</summary>
    public long PeakLiveObject => _bytes.Peak.Block;
    /// <summary>Live blocks at the end of the trace.</summary>
    public long LiveBlocks { get; private set; }
    /// <summary>Their requested bytes; at most <see cref="ByteCount.Max"/>.</summary>
    public ulong LiveBytes => ByteCount.Of(_bytes.Held);
    /// <summary>What the trace says of all of the program's blocks: more than it has, where it is a sample.</summary>
    public EstimatedBlocks Estimates => sampling.IsSample
        ? _estimates.ToTotals(sampling)
        : EstimatedBlocks.Exact(Acquisitions, BytesAcquired, LiveBlocks, LiveBytes, PeakLiveBytes);

    /// <summary>
    /// Time of the last event, nanoseconds since the start of the recording; 0 without events. Of a kept recording no earlier than its window begins.
    /// </summary>
    public long DurationNs { get; private set; } = carried?.UntilNs ?? 0;

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
        var statistics = new TraceStatistics(reader.Carried, reader.Process.Sampling);
        statistics.Certainty.See(reader);
        reader.ForEach([statistics], progress);
        return statistics;
    }

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
        ThreadTotals thread = See(begin.Kind, begin.Thread, begin.TimeNs, begin.IsCarried);
        if (thread.Reallocating.Object >= 0)
            EndRealloc(thread, begin.Thread, isKept: false, isReleased: false); // the thread went on, and the end of that call is not in the trace
        if (begin.Object >= 0 && _live[begin.Slot] is var block && block.Object == begin.Object)
        {
            thread.Reallocating = (begin.Object, begin.Slot);
            _bytes.Begun(begin.Thread, block.Size);
        }
        if (!begin.IsCarried)
            See(begin.TimeNs, isCall: false);
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        ThreadTotals thread = See(call.Kind, call.Thread, call.TimeNs, call.IsCarried);
        if (call.IsCarried)
        {
            Carry(call);
            return;
        }
        Calls++;
        thread.Calls++;
        if (!call.IsDeallocation)
            AddAcquisition(call, thread);
        else if (call.IsNull)
            NullReleases++;
        else
            Release(call.Given, call.GivenSlot, call.Thread);
        See(call.TimeNs, isCall: true);
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
        ThreadTotals thread = See(e.Kind, e.Thread, e.TimeNs, e.IsCarried);
        Certainty.See(e);
        if (e.Kind == CallKind.ThreadStart)
            thread.Parent = e.OtherThread;
        else if (e.Kind == CallKind.ThreadExit)
            thread.ExitNs = e.TimeNs;
        if (!e.IsCarried)
            See(e.TimeNs, isCall: false);
    }

    /// <inheritdoc/>
    public void Add(in RegionEvent e)
    {
        See(e.Kind, e.Thread, e.TimeNs, e.IsCarried);
        Regions.Take(e, ended: null);
        if (!e.IsCarried)
            See(e.TimeNs, isCall: false);
    }

    /// <summary>The blocks that are live where the statistics stand, by what is known of them.</summary>
    public LiveCertainty MeasureLive()
    {
        var live = new LiveCertainty.Sums();
        for (int slot = 0; slot < _slots; slot++)
            if (_live[slot] is var block && block.Object >= 0)
                live.Add(block.Size, block.Object < _carriedEnd, Certainty.IsUncertain(block.Ns, block.Interval));
        return live.ToResult();
    }

    private ThreadTotals See(CallKind kind, int index, long ns, bool isCarried)
    {
        if (!isCarried && !_isBegun)
            BeginWindow(ns);
        while (_threads.Count <= index)
            _threads.Add(new ThreadTotals());
        ThreadTotals thread = _threads[index];
        if (isCarried)
        {
            CarriedEvents++;
        }
        else
        {
            Events++;
            _byKind[(int)kind]++;
        }
        DurationNs = Math.Max(DurationNs, ns);
        if (thread.FirstNs < 0)
            thread.FirstNs = ns;
        thread.LastNs = ns;
        return thread;
    }

    /// <summary>What is carried is the level that the picture of the window begins at.</summary>
    private void BeginWindow(long ns)
    {
        _isBegun = true;
        if (carried is not null && CarriedEvents > 0)
            See(Math.Min(ns, carried.UntilNs), isCall: false);
    }

    private void Carry(in TraceCall call)
    {
        if (call.Acquired < 0)
            return;
        ulong bytes = call.BytesRequested;
        CarriedBlocks++;
        _carriedBytes += bytes;
        _carriedEnd = call.Acquired + 1;
        _bytes.Acquired(bytes, call.Acquired, carried?.UntilNs ?? call.TimeNs);
        Hold(call);
    }

    private void Hold(in TraceCall call)
    {
        _live[call.TakenSlot] = new LiveBlock(call.Acquired, call.BytesRequested, call.TimeNs, call.Thread, call.Interval);
        _slots = Math.Max(_slots, call.TakenSlot + 1);
        LiveBlocks++;
        if (sampling.IsSample)
            _estimates.Acquired(call.BytesRequested, call.IsCarried, sampling);
    }

    private void See(long ns, bool isCall) => Timeline.Add(ns, isCall, ByteCount.Of(_bytes.Live));

    private void AddAcquisition(in TraceCall call, ThreadTotals thread)
    {
        thread.Requested += call.BytesRequested;
        if (call.IsReallocation && thread.Reallocating.Object >= 0)
            EndRealloc(thread, call.Thread, call.Kept >= 0, isReleased: !call.IsNull || call.Frees);
        if (call.IsNull)
        {
            FailedCalls += call.Frees && call.Given >= 0 ? 0 : 1;
            return;
        }
        if (Forget(call.Displaced, call.DisplacedSlot, out LiveBlock displaced))
            _bytes.Released(displaced.Size);
        Acquisitions++;
        _acquired += call.BytesRequested;
        Hold(call);
        _bytes.Acquired(call.BytesRequested, call.Acquired, call.TimeNs);
        thread.LastAcquired = call.Acquired;
    }

    private void EndRealloc(ThreadTotals thread, int index, bool isKept, bool isReleased)
    {
        (long given, int slot) = thread.Reallocating;
        thread.Reallocating = (TraceEvent.NoObject, TraceEvent.NoSlot);
        _bytes.Ended(index, isKept);
        if (!isKept && Forget(given, slot, out LiveBlock block) && isReleased)
            CountRelease(block, index);
    }

    private void Release(long id, int slot, int thread)
    {
        if (!Forget(id, slot, out LiveBlock block))
            return;
        _bytes.Released(block.Size);
        CountRelease(block, thread);
    }

    private void CountRelease(in LiveBlock block, int thread)
    {
        if (block.Thread != thread)
            CrossThreadReleases++;
        else if (_threads[thread].LastAcquired == block.Object)
            TemporaryBlocks++;
    }

    /// <summary>A block is live no more; false where it was not known. Its bytes are another matter.</summary>
    private bool Forget(long id, int slot, out LiveBlock block)
    {
        block = default;
        if (id < 0)
            return false;
        ref LiveBlock live = ref _live[slot];
        if (live.Object != id)
            return false;
        block = live;
        live.Object = TraceEvent.NoObject;
        LiveBlocks--;
        if (sampling.IsSample)
            _estimates.Ended(block.Size, sampling);
        return true;
    }

    private record struct LiveBlock(long Object, ulong Size, long Ns, int Thread, uint Interval);
}
