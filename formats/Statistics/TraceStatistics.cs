using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Statistics;

/// <summary>Totals over a trace: what <c>info</c> prints and what a replay is checked against.</summary>
public sealed class TraceStatistics
{
    /// <summary>Events between two reports of progress.</summary>
    private const int ReportEvery = 1 << 16;

    private readonly long[] _byKind = new long[64];
    private readonly Dictionary<long, (ulong Size, int Thread)> _live = [];
    private readonly List<ThreadTotals> _threads = [];

    /// <summary>Per-thread totals.</summary>
    public sealed class ThreadTotals
    {
        internal ThreadTotals()
        {
        }

        /// <summary>The object that it acquired last.</summary>
        internal long LastAcquired { get; set; } = TraceEvent.NoObject;

        /// <summary>Calls of the thread. A reallocation is one call.</summary>
        public long Calls { get; internal set; }
        /// <summary>Bytes requested by all acquisitions, failed ones included. Wraps around at 2^64.</summary>
        public ulong BytesRequested { get; internal set; }
        /// <summary>Time of its first event, nanoseconds since the start of the recording; -1 when it has none.</summary>
        public long FirstNs { get; internal set; } = -1;
        /// <summary>Time of its last event, nanoseconds since the start of the recording; 0 when it has none.</summary>
        public long LastNs { get; internal set; }
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
    /// <summary>Bytes requested by successful acquisitions.</summary>
    public ulong BytesAcquired { get; private set; }
    /// <summary>Requested bytes of live blocks at their highest.</summary>
    public ulong PeakLiveBytes { get; private set; }
    /// <summary>When that was first, nanoseconds since the start of the recording; 0 without blocks.</summary>
    public long PeakLiveNs { get; private set; }
    /// <summary>Live blocks at the end of the trace.</summary>
    public long LiveBlocks => _live.Count;
    /// <summary>Their requested bytes.</summary>
    public ulong LiveBytes { get; private set; }
    /// <summary>Time of the last event, nanoseconds since the start of the recording; 0 without events.</summary>
    public long DurationNs { get; private set; }

    /// <summary>Events of a kind; 0 for a number that is no kind. Both halves of a reallocation are counted, each as its own kind.</summary>
    public long CountOf(CallKind kind) => (int)kind < _byKind.Length ? _byKind[(int)kind] : 0;

    /// <summary>Reads a trace from where it stands to its end and totals it. Damage ends it early: see <see cref="TraceReader.Damage"/>.</summary>
    /// <param name="reader">The trace; it is left at its end.</param>
    /// <param name="progress">Told the share of the trace that is read, from 0 to 1.</param>
    public static TraceStatistics Of(TraceReader reader, IProgress<double>? progress = null)
    {
        var statistics = new TraceStatistics();
        while (reader.Read(out TraceEvent e))
        {
            statistics.Add(e);
            if (progress is not null && statistics.Events % ReportEvery == 0)
                progress.Report(Math.Min(1, reader.Progress));
        }
        return statistics;
    }

    /// <summary>Takes one event, in merged order.</summary>
    /// <param name="e">An event that <see cref="TraceReader.Read"/> gave; of one trace, each once.</param>
    public void Add(in TraceEvent e)
    {
        Count(e);
        Timeline.Add(e.TimeNs, !CallKinds.IsThreadEvent(e.Kind) && !CallKinds.IsReallocBegin(e.Kind), LiveBytes);
    }

    private void Count(in TraceEvent e)
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
        thread.LastAcquired = e.Object;
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
        else if (_threads[thread].LastAcquired == id)
            TemporaryBlocks++;
    }
}
