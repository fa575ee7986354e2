using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;

namespace AllocReplay.Tests.Support;

/// <summary>
/// The order of a trace's calls by definition, pair by pair, and what a plan's waits make of it, by full vector clocks: slow, and simple enough
/// to be believed.
/// </summary>
internal static class OrderOracle
{
    internal sealed class Call
    {
        public required int Thread { get; init; }
        /// <summary>Its op's index in its thread.</summary>
        public required int Op { get; init; }
        public required long Object { get; init; }
        /// <summary>The call that acquired the block it gives up, or null.</summary>
        public required Call? Acquirer { get; init; }
        public required long BeginNs { get; init; }
        public long EndNs { get; set; } = long.MaxValue;
        /// <summary>For every thread, the number of its ops that are over when this one is.</summary>
        public required int[] Clock { get; init; }
        public required string? RedundantWait { get; init; }

        public bool Knows(Call other) => Clock[other.Thread] > other.Op;

        public override string ToString() => $"op {Op} of thread {Thread} ({BeginNs}–{EndNs})";
    }

    /// <summary>All calls that have to be over before one begins.</summary>
    public static IEnumerable<Call> Before(List<Call> calls, int index, ReplayOrder order)
    {
        Call b = calls[index];
        if (b.Acquirer is { } acquirer)
            yield return acquirer;
        for (int a = 0; a < index; a++)
            if (order == ReplayOrder.Total || calls[a].Thread == b.Thread || (order == ReplayOrder.Exact && calls[a].EndNs < b.BeginNs))
                yield return calls[a];
    }

    /// <summary>Calls, creations and ends of threads, in merged order: of the window alone, which knows all that the trace carries.</summary>
    /// <param name="events">The trace.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="latency">Whether the trace tells how long calls took.</param>
    /// <param name="handOvers">Whether blocks that pass between threads count as waits.</param>
    public static List<Call> Calls(List<TraceEvent> events, PlanFile plan, bool latency, bool handOvers = true)
    {
        var calls = new List<Call>();
        int threads = plan.Threads.Length;
        int[] next = new int[threads];
        var clocks = Enumerable.Range(0, threads).Select(_ => new int[threads]).ToArray();
        var over = Enumerable.Range(0, threads).Select(_ => new List<int[]>()).ToArray(); // by thread and op
        for (int t = 0; t < threads; t++)
        {
            next[t] = (int)plan.Threads[t].PrologueOps;
            over[t].AddRange(Enumerable.Repeat<int[]>([], next[t]));
            foreach (int[] clock in clocks)
                clock[t] = next[t];
        }
        long[] lastStamp = Enumerable.Repeat(long.MinValue, threads).ToArray(), reallocBegin = new long[threads];
        var open = new Call?[threads];
        var acquirers = new Dictionary<long, Call>();
        var publishers = new Dictionary<uint, Call>();
        long now = long.MinValue;
        foreach (TraceEvent e in events.Where(e => !e.IsCarried))
        {
            int t = e.Thread;
            now = Math.Max(now, e.TimeNs);
            if (open[t] is { } before)
                before.EndNs = Math.Min(before.EndNs, now);
            open[t] = null;
            bool early = CallKinds.IsDeallocation(e.Kind) || CallKinds.IsThreadEvent(e.Kind);
            long begin = early ? e.TimeNs : latency ? e.TimeNs - e.DurationNs : lastStamp[t];
            if (CallKinds.IsReallocBegin(e.Kind))
                reallocBegin[t] = e.TimeNs;
            lastStamp[t] = e.TimeNs;
            if (CallKinds.IsReallocBegin(e.Kind) || e.Kind == CallKind.ThreadStart)
                continue;
            if (CallKinds.IsReallocEnd(e.Kind))
                begin = reallocBegin[t];

            string? redundant = Advance(plan, t, clocks, over, ref next[t], handOvers ? publishers : null, out PlanOp op);
            long given = CallKinds.IsDeallocation(e.Kind) ? e.Object : CallKinds.IsReallocEnd(e.Kind) ? e.PreviousObject : -1;
            var call = new Call
            {
                Thread = t,
                Op = next[t] - 1,
                Object = e.Object,
                Acquirer = given >= 0 ? acquirers.GetValueOrDefault(given) : null,
                BeginNs = begin,
                EndNs = !early || e.Kind == CallKind.ThreadExit ? now
                    : latency && e.Kind != CallKind.ThreadCreate ? Math.Max(now, e.TimeNs + e.DurationNs)
                    : long.MaxValue,
                Clock = (int[])clocks[t].Clone(),
                RedundantWait = redundant,
            };
            if (early && e.Kind != CallKind.ThreadExit)
                open[t] = call;
            if (op.Code == PlanCode.Spawn)
            {
                // A thread may run before the call that creates it returns.
                clocks[op.Slot] = (int[])call.Clock.Clone();
                clocks[op.Slot][t]--;
            }
            if ((op.Flags & PlanFlags.Publish) != 0)
                publishers[op.Slot] = call;
            if (CallKinds.IsAcquisition(e.Kind) && e.Object >= 0)
                acquirers[e.Object] = call;
            calls.Add(call);
        }
        return calls;
    }

    /// <summary>Moves a thread past its next call. Returns a wait before it that is implied by its others and by what the thread knew.</summary>
    private static string? Advance(
        PlanFile plan, int t, int[][] clocks, List<int[]>[] over, ref int next, Dictionary<uint, Call>? publishers, out PlanOp op)
    {
        PlanOp[] ops = plan.Of(t);
        var waits = new List<(int Thread, int Ops, int[] Clock)>();
        int[] known = (int[])clocks[t].Clone();
        for (; ops[next].Code is PlanCode.Operand or PlanCode.Await or PlanCode.AwaitExit; next++)
        {
            over[t].Add([]);
            if (ops[next].Code == PlanCode.Operand)
                continue;
            int other = (int)ops[next].Slot;
            int done = ops[next].Code == PlanCode.Await ? (int)ops[next].Size : plan.Of(other).Length;
            waits.Add((other, done, over[other][done - 1]));
        }
        op = ops[next++];
        foreach ((_, _, int[] clock) in waits)
            Join(clocks[t], clock);
        if ((op.Flags & PlanFlags.Wait) != 0 && publishers is not null)
        {
            Call publisher = publishers[CallKinds.IsDeallocation((CallKind)op.Code) ? op.Slot : ops[next - 2].Slot];
            waits.Add((publisher.Thread, publisher.Op + 1, publisher.Clock));
            Join(clocks[t], publisher.Clock);
        }
        clocks[t][t] = next;
        over[t].Add((int[])clocks[t].Clone());
        foreach ((int other, int done, _) in waits)
            if (known[other] >= done || waits.Any(w => w.Thread != other && w.Clock[other] >= done))
                return $"op {done - 1} of thread {other}";
        return null;
    }

    private static void Join(int[] clock, int[] other)
    {
        for (int i = 0; i < clock.Length; i++)
            clock[i] = Math.Max(clock[i], other[i]);
    }
}
