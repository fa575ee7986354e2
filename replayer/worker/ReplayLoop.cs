using System.Runtime.CompilerServices;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Worker;

/// <summary>Reissues one thread's ops. Compiled once for each touch policy and each instrument.</summary>
internal static unsafe class ReplayLoop
{
    private const ushort Free = (ushort)CallKind.Free, Malloc = (ushort)CallKind.Malloc;
    /// <summary>Ops after which a thread tells how far it is: some 0.3 ms.</summary>
    private const long Stretch = 1 << 16;
    /// <summary>The same of a watched one. At a pace it tells each, as the next may be long in coming.</summary>
    private const long WatchedStretch = 1 << 10;

    /// <summary>The thread's part of the window.</summary>
    public static void Run(ReplayThread* self)
    {
        long begin = Libc.Now();
        RunInstrumented(self, self->Window, self->End);
        self->ActiveNs += Libc.Now() - begin;
    }

    /// <summary>What comes before it: at no pace, timed by nobody, and counted apart.</summary>
    public static void RunPrologue(ReplayThread* self)
    {
        (long calls, ulong bytes, long waits, long sleeps, long waitNs) = (self->Calls, self->Bytes, self->Waits, self->Sleeps, self->WaitNs);
        self->Patience = Handoff.PatienceMax;
        if (self->Replay->Instrument == Instrument.Latency)
            RunWith<LatencySizes>(self, self->First, self->Window);
        else
            RunInstrumented(self, self->First, self->Window);
        self->CarriedCalls += self->Calls - calls;
        self->CarriedBytes += self->Bytes - bytes;
        (self->Waits, self->Sleeps, self->WaitNs) = (waits, sleeps, waitNs);
    }

    private static void RunInstrumented(ReplayThread* self, PlanOp* op, PlanOp* end)
    {
        switch (self->Replay->Instrument)
        {
            case Instrument.Latency:
                RunWith<LatencyInstrument>(self, op, end);
                break;
            case Instrument.Blocks:
                Run<TouchNone, BlockCheck>(self, op, end); // it writes every block itself
                break;
            default:
                RunWith<NoInstrument>(self, op, end);
                break;
        }
    }

    private static void RunWith<TInstrument>(ReplayThread* self, PlanOp* op, PlanOp* end)
        where TInstrument : struct, IInstrument
    {
        switch (self->Replay->Touch)
        {
            case TouchPolicy.None:
                Run<TouchNone, TInstrument>(self, op, end);
                break;
            case TouchPolicy.First:
                Run<TouchFirst, TInstrument>(self, op, end);
                break;
            case TouchPolicy.Page:
                Run<TouchPage, TInstrument>(self, op, end);
                break;
            default:
                Run<TouchFull, TInstrument>(self, op, end);
                break;
        }
    }

    private static void Run<TTouch, TInstrument>(ReplayThread* self, PlanOp* op, PlanOp* end)
        where TTouch : struct, ITouch
        where TInstrument : struct, IInstrument
    {
        bool isPaced = self->Times != null && end != self->Window;
        if (isPaced || self->Replay->Memory != null)
            RunOneByOne<TTouch, TInstrument>(self, op, end, isPaced);
        else
            RunAsap<TTouch, TInstrument>(self, op, end);
    }

    /// <summary>Each call at its time, or watched: what comes between calls takes longer than they do.</summary>
    private static void RunOneByOne<TTouch, TInstrument>(ReplayThread* self, PlanOp* op, PlanOp* end, bool isPaced)
        where TTouch : struct, ITouch
        where TInstrument : struct, IInstrument
    {
        if (isPaced)
            Pacing.Begin();
        long done = 0;
        for (; op != end; op++)
        {
            if (isPaced)
                Pacing.Await(self->Replay, self->Times[op - self->First]);
            if (self->Replay->Memory != null && op->Code < PlanCode.FirstNonCall)
                Watched<TTouch, TInstrument>(self, op);
            else
                Other<TTouch, TInstrument>(self, op);
            if (isPaced || (++done & (WatchedStretch - 1)) == 0)
                Tell(self->Replay, isPaced ? 1 : WatchedStretch);
        }
        Tell(self->Replay, done & (WatchedStretch - 1));
    }

    private static void Watched<TTouch, TInstrument>(ReplayThread* self, PlanOp* op)
        where TTouch : struct, ITouch
        where TInstrument : struct, IInstrument
    {
        MemoryWatch.Pending pending = self->Replay->Memory->Before(self, op);
        ReplayCall.Make<TTouch, TInstrument>(self, op);
        self->Replay->Memory->After(self, op, pending);
        Signal(self, op);
    }

    /// <summary>The two commonest calls, on blocks of the thread's own, in line; everything else in <see cref="Other"/>.</summary>
    /// <remarks>What is counted is counted in memory: values that live across a call are few, and most have a register (docs/decisions/0004).</remarks>
    private static void RunAsap<TTouch, TInstrument>(ReplayThread* self, PlanOp* op, PlanOp* end)
        where TTouch : struct, ITouch
        where TInstrument : struct, IInstrument
    {
        while (op != end)
        {
            PlanOp* first = op;
            op = RunStretch<TTouch, TInstrument>(self, op, end - op > Stretch ? op + Stretch : end);
            Tell(self->Replay, op - first);
        }
    }

    private static PlanOp* RunStretch<TTouch, TInstrument>(ReplayThread* self, PlanOp* op, PlanOp* stop)
        where TTouch : struct, ITouch
        where TInstrument : struct, IInstrument
    {
        nuint* slots = self->Replay->Slots;
        var malloc = self->Replay->Calls.Malloc;
        var free = self->Replay->Calls.Free;
        self->Calls += stop - op; // taken back below where Other counts for itself
        for (; op != stop; op++)
        {
            uint code = op->Dispatch;
            if (TInstrument.IsNone && code == Free)
            {
                free((void*)slots[op->Slot]);
            }
            else if (TInstrument.IsNone && code == Malloc)
            {
                nuint size = (nuint)op->Size;
                self->Bytes += size;
                byte* block = malloc(size);
                slots[op->Slot] = (nuint)block;
                if (block != null)
                    TTouch.Block(block, size);
                else
                    self->FailedNow++;
            }
            else
            {
                self->Calls--;
                Other<TTouch, TInstrument>(self, op);
            }
        }
        return op;
    }

    private static void Tell(Replay* replay, long ops)
    {
        if (replay->SharedProgress != null)
            Interlocked.Add(ref replay->SharedProgress->DoneOps, ops);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Other<TTouch, TInstrument>(ReplayThread* self, PlanOp* op)
        where TTouch : struct, ITouch
        where TInstrument : struct, IInstrument
    {
        if (op->Code >= PlanCode.FirstNonCall)
            Step(self, op);
        else
            ReplayCall.Make<TTouch, TInstrument>(self, op);
        Signal(self, op);
    }

    private static void Signal(ReplayThread* self, PlanOp* op)
    {
        if ((op->Flags & PlanFlags.Signal) != 0)
            Handoff.Signal(self->Replay->Progress + self->Index, (ulong)(op - self->First) + 1);
    }

    private static void Step(ReplayThread* self, PlanOp* op)
    {
        switch (op->Code)
        {
            case PlanCode.Await:
                Handoff.Await(self->Replay->Progress + op->Slot, op->Size, self);
                break;
            case PlanCode.AwaitExit:
                Handoff.AwaitExit(self->Replay->Progress + op->Slot, self);
                break;
            case PlanCode.Spawn:
                Threads.Spawn(self->Replay->Threads + op->Slot);
                break;
        }
    }
}
