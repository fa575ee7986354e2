namespace AllocReplay.Formats;

/// <summary>Totals over a trace: what <c>info</c> prints and what a replay is checked against.</summary>
public sealed class TraceStatistics
{
    private readonly long[] _byKind = new long[64];
    private readonly Dictionary<long, (ulong Size, int Thread)> _live = [];
    private readonly List<ThreadTotals> _threads = [];

    /// <summary>Per-thread totals.</summary>
    public sealed class ThreadTotals
    {
        /// <summary>Calls of the thread. A reallocation is one call.</summary>
        public long Calls { get; internal set; }
        /// <summary>Bytes requested by all acquisitions, failed ones included.</summary>
        public ulong BytesRequested { get; internal set; }
        /// <summary>Time of its first event, nanoseconds since the start of the recording.</summary>
        public long FirstNs { get; internal set; } = -1;
        /// <summary>Time of its last event.</summary>
        public long LastNs { get; internal set; }
        /// <summary>Index of the thread that created it, or -1.</summary>
        public int Parent { get; internal set; } = -1;
        /// <summary>Time of its exit, or null when it was still running at the end.</summary>
        public long? ExitNs { get; internal set; }
    }

    /// <summary>Totals by thread index.</summary>
    public IReadOnlyList<ThreadTotals> Threads => _threads;

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
    /// <summary>Bytes requested by successful acquisitions.</summary>
    public ulong BytesAcquired { get; private set; }
    /// <summary>Requested bytes of live blocks at their highest.</summary>
    public ulong PeakLiveBytes { get; private set; }
    /// <summary>When that was, nanoseconds since the start of the recording.</summary>
    public long PeakLiveNs { get; private set; }
    /// <summary>Live blocks at the end of the trace.</summary>
    public long LiveBlocks => _live.Count;
    /// <summary>Their requested bytes.</summary>
    public ulong LiveBytes { get; private set; }
    /// <summary>Time of the last event, nanoseconds since the start of the recording.</summary>
    public long DurationNs { get; private set; }

    /// <summary>Events of a kind.</summary>
    public long CountOf(CallKind kind) => _byKind[(int)kind];

    /// <summary>Reads a trace to its end and totals it.</summary>
    public static TraceStatistics Of(TraceReader reader)
    {
        var statistics = new TraceStatistics();
        while (reader.Read(out TraceEvent e))
            statistics.Add(e);
        return statistics;
    }

    /// <summary>Takes one event, in merged order.</summary>
    public void Add(in TraceEvent e)
    {
        while (_threads.Count <= e.Thread)
            _threads.Add(new ThreadTotals());
        ThreadTotals thread = _threads[e.Thread];
        Events++;
        _byKind[(int)e.Kind]++;
        DurationNs = Math.Max(DurationNs, e.TimeNs);
        if (thread.FirstNs < 0)
            thread.FirstNs = e.TimeNs;
        thread.LastNs = e.TimeNs;
        if (CallKinds.IsThreadEvent(e.Kind))
        {
            if (e.Kind == CallKind.ThreadStart)
                thread.Parent = e.OtherThread;
            else if (e.Kind == CallKind.ThreadExit)
                thread.ExitNs = e.TimeNs;
            return;
        }
        if (!CallKinds.IsReallocBegin(e.Kind))
        {
            Calls++;
            thread.Calls++;
        }
        if (CallKinds.IsAcquisition(e.Kind))
            AddAcquisition(e, thread);
        else if (e.IsNull && !CallKinds.IsReallocBegin(e.Kind))
            NullReleases++;
        else if (!CallKinds.IsReallocBegin(e.Kind))
            Release(e.Object, e.Thread);
    }

    private void AddAcquisition(in TraceEvent e, ThreadTotals thread)
    {
        thread.BytesRequested += e.BytesRequested;
        if (e.IsNull)
        {
            if (e.Object < 0 && e.PreviousObject >= 0 && e.BytesRequested == 0)
                Release(e.PreviousObject, e.Thread);
            else
                FailedCalls++;
            return;
        }
        Release(e.PreviousObject, e.Thread);
        Release(e.DisplacedObject, e.Thread);
        Acquisitions++;
        BytesAcquired += e.BytesRequested;
        _live.Add(e.Object, (e.BytesRequested, e.Thread));
        LiveBytes += e.BytesRequested;
        if (LiveBytes > PeakLiveBytes)
            (PeakLiveBytes, PeakLiveNs) = (LiveBytes, e.TimeNs);
    }

    private void Release(long id, int thread)
    {
        if (!_live.Remove(id, out var block))
            return;
        LiveBytes -= block.Size;
        if (block.Thread != thread)
            CrossThreadReleases++;
    }
}
