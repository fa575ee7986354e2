using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Replayer.Verify;

namespace AllocReplay.Tests.Support;

/// <summary>A recording as lists of events that can be changed and written back: a recorder that lies, for the checkers to catch.</summary>
internal sealed class MutableRecording
{
    /// <summary>Longer than what the clock of a written recording rounds away.</summary>
    private const long Early = 100;

    private static readonly CallKind[] OtherKinds = [CallKind.Malloc, CallKind.Valloc, CallKind.Calloc, CallKind.Memalign, CallKind.Free, CallKind.FreeSized];

    private readonly List<List<TraceEvent>> _threads;

    private MutableRecording(List<List<TraceEvent>> threads) => _threads = threads;

    public static MutableRecording Read(string path)
    {
        using TraceReader reader = TraceReader.Open(path);
        return new MutableRecording([.. Enumerable.Range(0, reader.Threads.Count).Select(t => reader.ReadThread(t).ToList())]);
    }

    public MutableRecording Copy() => new([.. _threads.Select(t => t.ToList())]);

    public void Write(string directory)
    {
        var writer = new RecordingWriter(directory) { Latency = true };
        for (int t = 0; t < _threads.Count; t++)
            foreach (TraceEvent e in _threads[t])
                writer.Thread(t).Event(new RawEvent
                {
                    Ticks = (RecordingWriter.StartTicks + (ulong)e.TimeNs) >> RecordingWriter.TickShift,
                    Kind = e.Kind,
                    Address = e.Address,
                    IsNull = e.IsNull,
                    Size = e.Size,
                    Count = e.Count,
                    Alignment = e.Alignment,
                    OtherThread = e.OtherThread,
                    Duration = (ulong)e.DurationNs >> RecordingWriter.TickShift,
                });
        writer.Save();
    }

    /// <summary>Makes one random change that no faithful replay could show. Returns what it was.</summary>
    /// <param name="random">Chooses.</param>
    /// <param name="edges">What the order of the replay keeps apart. By its own threads and calls.</param>
    public string Mutate(Random random, IReadOnlyList<OrderEdge> edges)
    {
        while (true)
        {
            if (edges.Count > 0 && random.Next(8) == 0)
            {
                OrderEdge edge = edges[random.Next(edges.Count)];
                if (BeginEarly(edge))
                    return $"early begin: {Describe(edge.Earlier)}, {Describe(edge.Later)}";
                continue;
            }
            List<TraceEvent> thread = _threads[random.Next(_threads.Count)];
            int index = random.Next(Math.Max(1, thread.Count));
            if (index >= thread.Count)
                continue;
            List<TraceEvent> before = thread.GetRange(index, Math.Min(2, thread.Count - index));
            int kind = random.Next(7);
            bool done = kind switch
            {
                0 => Swap(thread, index),
                1 => Drop(thread, index, out _),
                2 => Move(thread, index, random),
                3 => Resize(thread, index, random),
                4 => Realign(thread, index),
                5 => ChangeKind(thread, index, random),
                _ => EndEarly(thread, index),
            };
            if (done)
                string what = new[] { "swap", "drop", "move", "resize", "realign", "kind", "end" }[kind];
                return $"{what} at event {index} of thread {_threads.IndexOf(thread)}: {string.Join(", ", before)}";
        }
    }

    private static bool IsCall(in TraceEvent e) => !CallKinds.IsThreadEvent(e.Kind) && !IsRealloc(e);

    private static bool IsRealloc(in TraceEvent e) => CallKinds.IsReallocBegin(e.Kind) || CallKinds.IsReallocEnd(e.Kind);

    /// <summary>
    /// Two neighbours change places. Of like acquisitions that is no change, nor of releases of one address: another thread took it in between.
    /// </summary>
    private static bool Swap(List<TraceEvent> thread, int index)
    {
        if (index + 1 >= thread.Count)
            return false;
        (TraceEvent a, TraceEvent b) = (thread[index], thread[index + 1]);
        bool alike = a.Kind == b.Kind && (a.Size, a.Count, a.Alignment) == (b.Size, b.Count, b.Alignment)
            && (CallKinds.IsAcquisition(a.Kind) || a.Address == b.Address);
        if (!IsCall(a) || !IsCall(b) || alike)
            return false;
        thread[index] = b with { TimeNs = a.TimeNs, DurationNs = a.DurationNs };
        thread[index + 1] = a with { TimeNs = b.TimeNs, DurationNs = b.DurationNs };
        return true;
    }

    private static bool Drop(List<TraceEvent> thread, int index, out List<TraceEvent> dropped)
    {
        dropped = [];
        int count = CallKinds.IsReallocBegin(thread[index].Kind) ? 2 : 1;
        if (count == 1 && !IsCall(thread[index]))
            return false;
        dropped = thread.GetRange(index, count);
        thread.RemoveRange(index, count);
        return true;
    }

    private bool Move(List<TraceEvent> thread, int index, Random random)
    {
        List<TraceEvent> other = _threads[random.Next(_threads.Count)];
        // Not in between the halves of a reallocation, nor before the thread begins or after it has ended.
        int place = other.FindIndex(e => e.TimeNs >= thread[index].TimeNs);
        if (other == thread || place <= 0 || CallKinds.IsReallocEnd(other[place].Kind) || !Drop(thread, index, out List<TraceEvent> moved))
            return false;
        (long from, long to) = (other[place - 1].TimeNs, other[place].TimeNs);
        other.InsertRange(place, moved.ConvertAll(e => e with { TimeNs = Math.Clamp(e.TimeNs, from, to), DurationNs = 0 }));
        return true;
    }

    private static bool Resize(List<TraceEvent> thread, int index, Random random)
    {
        TraceEvent e = thread[index];
        if (CallKinds.IsReallocEnd(e.Kind) || ((CallKinds.Fields(e.Kind) ?? 0) & CallFields.Size) == 0)
            return false;
        thread[index] = e with { Size = e.Size + (ulong)random.Next(1, 100) };
        return true;
    }

    private static bool Realign(List<TraceEvent> thread, int index)
    {
        if (((CallKinds.Fields(thread[index].Kind) ?? 0) & CallFields.Alignment) == 0)
            return false;
        thread[index] = thread[index] with { Alignment = thread[index].Alignment * 2 + 1 };
        return true;
    }

    private static bool ChangeKind(List<TraceEvent> thread, int index, Random random)
    {
        TraceEvent e = thread[index];
        CallKind kind = OtherKinds[random.Next(OtherKinds.Length)];
        if (!IsCall(e) || kind == e.Kind || CallKinds.IsDeallocation(kind) != CallKinds.IsDeallocation(e.Kind))
            return false;
        thread[index] = e with { Kind = kind, Count = 1 };
        return true;
    }

    private static bool EndEarly(List<TraceEvent> thread, int index)
    {
        int exit = thread.FindIndex(e => e.Kind == CallKind.ThreadExit);
        if ((exit >= 0 && index >= exit) || index == 0 || !IsCall(thread[index]))
            return false;
        TraceEvent end = exit >= 0 ? thread[exit] : new TraceEvent { Kind = CallKind.ThreadExit };
        if (exit >= 0)
            thread.RemoveAt(exit);
        thread.Insert(index, end with { TimeNs = thread[index - 1].TimeNs });
        return true;
    }

    /// <summary>A call begins before one of another thread has ended that it was to wait for; nothing else is out of order.</summary>
    private bool BeginEarly(OrderEdge edge)
    {
        if (Find(edge.Earlier) is not { } a || Find(edge.Later) is not { } b)
            return false;
        TraceEvent e = _threads[b.Thread][b.Index];
        if (b.Index == 0 || !IsCall(e))
            return false;
        long early = EndOf(_threads[a.Thread][a.Index]) - Early;
        if (early < EndOf(_threads[b.Thread][b.Index - 1]))
            return false;
        _threads[b.Thread][b.Index] = CallKinds.IsAcquisition(e.Kind)
            ? e with { DurationNs = e.TimeNs - early }
            : e with { TimeNs = early, DurationNs = e.DurationNs + e.TimeNs - early };
        return true;
    }

    private static long EndOf(in TraceEvent e) => e.TimeNs + (CallKinds.IsDeallocation(e.Kind) ? e.DurationNs : 0);

    private string Describe(CallPlace place) => $"{place} {(Find(place) is { } found ? _threads[found.Thread][found.Index] : null)}";

    /// <summary>The event of a call; of a reallocation, its end.</summary>
    private (int Thread, int Index)? Find(CallPlace place)
    {
        long call = 0;
        for (int i = 0; i < _threads[place.Thread].Count; i++)
        {
            CallKind kind = _threads[place.Thread][i].Kind;
            if (!CallKinds.IsReallocBegin(kind) && kind is not (CallKind.ThreadStart or CallKind.ThreadExit) && call++ == place.Call)
                return (place.Thread, i);
        }
        return null;
    }
}
