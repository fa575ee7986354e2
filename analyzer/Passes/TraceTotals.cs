using System.Runtime.InteropServices;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Passes;

/// <summary>
/// The totals that the tables <c>process</c> and <c>threads</c> hold, defined as in <see cref="TraceStatistics"/>. That class
/// also follows every live block, which the matcher does already; this one only counts.
/// </summary>
public sealed class TraceTotals
{
    private readonly List<ThreadTotals> _threads = [];

    /// <summary>Totals of one thread.</summary>
    public struct ThreadTotals
    {
        /// <summary>Creates the totals of a thread that has no events.</summary>
        public ThreadTotals()
        {
        }

        /// <summary>Calls; a reallocation is one.</summary>
        public long Calls { get; internal set; }
        /// <summary>Bytes requested by all its acquisitions, failed ones included.</summary>
        public ulong BytesRequested { get; internal set; }
        /// <summary>Time of its first event, -1 when it has none.</summary>
        public long FirstNs { get; internal set; } = -1;
        /// <summary>Time of its last event, -1 when it has none.</summary>
        public long LastNs { get; internal set; } = -1;
        /// <summary>Index of the thread that created it, or -1.</summary>
        public int Parent { get; internal set; } = -1;
        /// <summary>Whether its exit is in the trace.</summary>
        public bool Exited { get; internal set; }
    }

    /// <summary>Events of all kinds.</summary>
    public long Events { get; private set; }
    /// <summary>Allocation and deallocation calls; a reallocation is one.</summary>
    public long Calls { get; private set; }
    /// <summary>Blocks acquired.</summary>
    public long Acquisitions { get; private set; }
    /// <summary>Bytes requested by successful acquisitions.</summary>
    public ulong BytesAcquired { get; private set; }
    /// <summary>Time of the last event.</summary>
    public long DurationNs { get; private set; }

    /// <summary>The totals of a thread, by index.</summary>
    public ThreadTotals Thread(int index) => index < _threads.Count ? _threads[index] : new ThreadTotals();

    /// <summary>Takes one event.</summary>
    public void Add(in TraceEvent e)
    {
        while (_threads.Count <= e.Thread)
            _threads.Add(new ThreadTotals());
        ref ThreadTotals thread = ref CollectionsMarshal.AsSpan(_threads)[e.Thread];
        Events++;
        DurationNs = Math.Max(DurationNs, e.TimeNs);
        if (thread.FirstNs < 0)
            thread.FirstNs = e.TimeNs;
        thread.LastNs = e.TimeNs;
        if (e.Kind == CallKind.ThreadStart)
            thread.Parent = e.OtherThread;
        else if (e.Kind == CallKind.ThreadExit)
            thread.Exited = true;
        else if (e.Kind != CallKind.ThreadCreate && !CallKinds.IsReallocBegin(e.Kind))
            AddCall(e, ref thread);
    }

    private void AddCall(in TraceEvent e, ref ThreadTotals thread)
    {
        Calls++;
        thread.Calls++;
        if (!CallKinds.IsAcquisition(e.Kind))
            return;
        thread.BytesRequested += e.BytesRequested;
        if (e.IsNull)
            return;
        Acquisitions++;
        BytesAcquired += e.BytesRequested;
    }
}
