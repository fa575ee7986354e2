using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Replayer;

/// <summary>Properties of plans of random multithreaded traces, whole ones and windows, in every order. CsCheck prints the seed of a failing one.</summary>
public sealed class PlanPropertyTests
{
    private const string Seed = "0N0XIzNsQ0O2";
    private static readonly int Traces = Effort.Of(120, small: 40), CallsMax = Effort.Of(600, small: 120);

    private static readonly Gen<(int Seed, int Threads, int Calls, bool Latency, ReplayOrder Order, int Cut)> AnyTrace =
        Gen.Select(Gen.Int, Gen.Int[1, 12], Gen.Int[0, CallsMax], Gen.Bool, Gen.Int[0, 2].Select(o => (ReplayOrder)o), Gen.Int[-100, 100]);

    [Fact]
    public void Every_wait_points_backwards_in_the_merged_order() => Check((events, plan, _, _) =>
    {
        // Walk the merged order, moving one thread at a time through its ops: nothing that an op waits for may lie ahead.
        int[] next = new int[plan.Threads.Length];
        var published = new HashSet<uint>();
        var started = new HashSet<int>(Enumerable.Range(0, plan.Threads.Length).Where(t => plan.Threads[t].Parent < 0));
        foreach (TraceEvent e in events.Where(e => StandsInPlan(e)))
        {
            PlanOp[] ops = plan.Of(e.Thread);
            for (; IsBeforeItsCall(ops[next[e.Thread]].Code); next[e.Thread]++)
            {
                PlanOp wait = ops[next[e.Thread]];
                if (wait.Code == PlanCode.Await)
                    Assert.True((ulong)next[wait.Slot] >= wait.Size);
                if (wait.Code == PlanCode.AwaitExit)
                    Assert.Equal(plan.Threads[wait.Slot].OpCount, next[wait.Slot]);
            }
            PlanOp op = ops[next[e.Thread]++];
            Assert.Contains(e.Thread, started);
            if (op.Code == PlanCode.Spawn)
            {
                Assert.True(started.Add((int)op.Slot));
                continue;
            }
            if ((op.Flags & PlanFlags.Wait) != 0)
                Assert.Contains(CallKinds.IsDeallocation((CallKind)op.Code) ? op.Slot : ops[next[e.Thread] - 2].Slot, published);
            if ((op.Flags & PlanFlags.Publish) != 0)
                Assert.True(published.Add(op.Slot), "a shared slot is written once");
        }
        Assert.All(Enumerable.Range(0, next.Length), t => Assert.Equal(plan.Of(t).Length, next[t]));
    });

    [Fact]
    public void No_slot_is_used_again_while_its_block_lives() => Check((events, plan, _, _) =>
    {
        int[] next = new int[plan.Threads.Length];
        var holds = new Dictionary<uint, long>();
        foreach (TraceEvent e in events.Where(e => StandsInPlan(e) && !CallKinds.IsThreadEvent(e.Kind)))
        {
            PlanOp[] ops = plan.Of(e.Thread);
            while (ops[next[e.Thread]].Code >= PlanCode.FirstNonCall)
                next[e.Thread]++;
            uint source = PlanCode.HasOperand(e.Kind) ? ops[next[e.Thread] - 1].Slot : PlanFormat.NullSlot;
            PlanOp op = ops[next[e.Thread]++];
            if (CallKinds.IsDeallocation(e.Kind))
            {
                Assert.True(e.IsNull ? op.Slot == PlanFormat.NullSlot : holds.Remove(op.Slot, out long freed) && freed == e.Object);
                continue;
            }
            if (CallKinds.IsReallocEnd(e.Kind) && e.PreviousObject >= 0)
                Assert.True(holds.Remove(source, out long old) && old == e.PreviousObject);
            if (e.Object >= 0)
                Assert.True(holds.TryAdd(op.Slot, e.Object), "the slot holds a live block");
        }
    });

    [Fact]
    public void Each_thread_does_what_the_trace_says_in_its_order() => Check((events, plan, _, _) =>
    {
        for (int t = 0; t < plan.Threads.Length; t++)
        {
            var recorded = events.Where(e => e.Thread == t && StandsInPlan(e)).Select(e => e.Kind switch
            {
                CallKind.ThreadCreate => (PlanCode.Spawn, 0UL, 0UL, e.OtherThread),
                CallKind.ThreadExit => (PlanCode.Moment, 0UL, 0UL, -1),
                _ => ((byte)e.Kind, e.Size, Argument(e), -1),
            });
            var planned = new List<(byte, ulong, ulong, int)>();
            ulong operand = 0;
            foreach (PlanOp op in plan.Of(t).Where(o => o.Code is not (PlanCode.Await or PlanCode.AwaitExit)))
            {
                if (op.Code == PlanCode.Operand)
                    operand = op.Size;
                else if (op.Code >= PlanCode.FirstNonCall)
                    planned.Add((op.Code, 0, 0, op.Code == PlanCode.Spawn ? (int)op.Slot : -1));
                else
                    planned.Add((op.Code, op.Size, PlanCode.HasOperand((CallKind)op.Code) ? operand : 0, -1));
            }
            Assert.Equal(recorded, planned);
        }
    });

    /// <summary>Against an oracle that compares every pair of calls.</summary>
    [Fact]
    public void The_waits_imply_every_edge_of_the_order() => Check((events, plan, order, latency) =>
    {
        List<OrderOracle.Call> calls = OrderOracle.Calls(events, plan, latency);
        for (int b = 0; b < calls.Count; b++)
            foreach (OrderOracle.Call a in OrderOracle.Before(calls, b, order))
                Assert.True(calls[b].Knows(a), $"{a} has to be over before {calls[b]}, and no wait sees to it");
    });

    [Fact]
    public void No_wait_is_implied_by_the_others() => Check((events, plan, order, latency) =>
    {
        // In real time, hand-overs count for themselves: few are not implied, and what those imply in turn is not looked for.
        foreach (OrderOracle.Call call in OrderOracle.Calls(events, plan, latency, handOvers: order != ReplayOrder.Exact))
            Assert.True(call.RedundantWait is null, $"{call} waits for {call.RedundantWait}, which another wait implies");
    });

    [Fact]
    public void The_oracle_sees_a_wait_that_is_missing() => Assert.ThrowsAny<Exception>(() => Check((events, plan, order, latency) =>
    {
        for (int i = 0; i < plan.Ops.Length; i++)
        {
            plan.Ops[i].Flags &= ~PlanFlags.Wait;
            if (plan.Ops[i].Code is PlanCode.Await or PlanCode.AwaitExit)
                plan.Ops[i].Code = PlanCode.Operand;
        }
        List<OrderOracle.Call> calls = OrderOracle.Calls(events, plan, latency);
        for (int b = 0; b < calls.Count; b++)
            foreach (OrderOracle.Call a in OrderOracle.Before(calls, b, order))
                Assert.True(calls[b].Knows(a));
    }));

    /// <summary>What is carried is before the window, all of it and nothing else, and no thread waits there for what is in it.</summary>
    [Fact]
    public void The_prologue_is_what_the_trace_carries() => Check((events, plan, order, _) =>
    {
        for (int t = 0; t < plan.Threads.Length; t++)
        {
            PlanOp[] prologue = plan.Of(t)[..(int)plan.Threads[t].PrologueOps];
            IEnumerable<byte> made = prologue.Select(o => o.Code).Where(c => c is not (PlanCode.Operand or PlanCode.Await));
            IEnumerable<byte> carried = events.Where(e => e.Thread == t && e.IsCarried && StandsInPlan(e)).Select(e => e.Kind switch
            {
                CallKind.ThreadCreate => PlanCode.Spawn,
                CallKind.ThreadExit => PlanCode.Moment,
                _ => (byte)e.Kind,
            });
            Assert.Equal(carried, made);
            foreach (PlanOp wait in prologue.Where(o => o.Code == PlanCode.Await))
                Assert.InRange((long)wait.Size, 1, plan.Threads[wait.Slot].PrologueOps);
            Assert.True(order == ReplayOrder.Total || prologue.All(o => o.Code != PlanCode.Await && (o.Flags & (PlanFlags.Publish | PlanFlags.Signal)) == 0));
        }
    });

    private static ulong Argument(in TraceEvent e) => e.Kind is CallKind.Calloc or CallKind.ReallocArrayEnd ? e.Count : e.Alignment;

    private static bool StandsInPlan(in TraceEvent e) => !CallKinds.IsReallocBegin(e.Kind) && e.Kind != CallKind.ThreadStart;

    private static bool IsBeforeItsCall(byte code) => code is PlanCode.Operand or PlanCode.Await or PlanCode.AwaitExit;

    private static void Check(Action<List<TraceEvent>, PlanFile, ReplayOrder, bool> property) => AnyTrace.Sample(trace =>
    {
        using var directory = new TemporaryDirectory();
        TraceGenerator.Write(directory.Path, trace.Seed, trace.Threads, trace.Calls, trace.Latency);
        if (trace.Cut >= 0)
            CutTrace.At(directory.Path, trace.Cut / 100.0);
        var events = new List<TraceEvent>();
        using (TraceReader reader = TraceReader.Open(directory.Path))
            while (reader.Read(out TraceEvent e))
                events.Add(e);
        using ReplayPlan plan = PlanFile.Compile(directory.Path, trace.Order);
        property(events, PlanFile.Read(plan.Path), trace.Order, trace.Latency);
    }, seed: Seed, iter: Traces, threads: 1);
}
