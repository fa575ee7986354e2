using AllocReplay.Formats.Calls;

namespace AllocReplay.Replayer.Plan;

/// <summary>
/// Looks through a plan that comes from a file, before a worker is given it. The worker checks that no op leads it outside its tables; what is checked here
/// besides is that the plan uses blocks as a program may: each is acquired before it is given up, and given up once.
/// </summary>
/// <remarks>
/// <para>A slot that one thread alone uses holds a block or none, in that thread's order. A slot that several use is written by one op, the first of
/// all in the order of that one's thread, and given up by one op. So whatever the threads' speed, no block is given back twice, and what is not there yet
/// is a null pointer. A block that is published is waited for, and none else, as a published failure is no pointer.</para>
/// <para>Then the plan is gone through as a replay would: first the prologue, each thread as far as it gets in its own, then the rest. Where none gets any
/// further before the end, the waits close a circle, or the prologue waits for what comes after it.</para>
/// </remarks>
internal static unsafe class PlanInspection
{
    private const int NoThread = -1, Shared = -2;

    /// <summary>What makes no sense, or null.</summary>
    /// <param name="file">The plan, whose header fits it.</param>
    public static string? Fault(byte* file)
    {
        PlanHeader* header = (PlanHeader*)file;
        var plan = new Plan(header, (PlanThread*)(file + header->ThreadsOffset), (PlanOp*)(file + header->OpsOffset), (uint*)(file + header->LeftoverOffset));
        // Own slots come by the line, shared ones too: a plan cannot ask for more memory than its length accounts for.
        if (header->SlotCount > header->OpCount + (2L * header->ThreadCount + 1) * PlanFormat.SlotsPerLine)
            return $"{header->SlotCount} slots for {header->OpCount} ops";
        if (header->SlotCount > Array.MaxLength)
            return $"{header->SlotCount} slots, more than can be looked at";
        return Ranges(plan) ?? Owners(plan, out int[]? owners) ?? Blocks(plan, owners!) ?? Waits(plan);
    }

    /// <summary>Whether the header leads to tables that lie in the file, one after the other.</summary>
    public static bool Fits(in PlanHeader header, long length) =>
        header.FileLength == length && header.ThreadCount >= 0 && header.CutNs >= -1 && header.MainThread >= -1 && header.MainThread < header.ThreadCount
        && header.SlotCount is > 0 and <= uint.MaxValue && header.Order is >= Order.ReplayOrder.Deps and <= Order.ReplayOrder.Total
        && Holds(length, header.ThreadsOffset, header.ThreadCount, sizeof(PlanThread))
        && Holds(length, header.OpsOffset, header.OpCount, sizeof(PlanOp))
        && Holds(length, header.LeftoverOffset, header.LeftoverCount, sizeof(uint))
        && (header.TimesOffset == 0 || Holds(length, header.TimesOffset, header.OpCount, sizeof(long)))
        && Holds(length, header.FactsOffset, header.FactsLength, 1) && header.FactsLength <= PlanFacts.BytesMax;

    private static bool Holds(long length, long offset, long count, int size) =>
        offset >= sizeof(PlanHeader) && offset <= length && offset % 8 == 0 && count >= 0 && count <= (length - offset) / size;

    private readonly struct Plan(PlanHeader* header, PlanThread* threads, PlanOp* ops, uint* leftovers)
    {
        public readonly PlanHeader* Header = header;
        public readonly PlanThread* Threads = threads;
        public readonly PlanOp* Ops = ops;
        public readonly uint* Leftovers = leftovers;

        public long NumberOf(PlanOp* op) => op - Ops;
    }

    /// <summary>Threads' ops come one thread after the other: no op is made twice.</summary>
    private static string? Ranges(in Plan plan)
    {
        long next = 0;
        for (int i = 0; i < plan.Header->ThreadCount; i++)
        {
            PlanThread thread = plan.Threads[i];
            if (thread.FirstOp != next || thread.OpCount < 0 || thread.OpCount > plan.Header->OpCount - next)
                return $"the ops of thread {i} are not where they belong";
            if (thread.PrologueOps < 0 || thread.PrologueOps > thread.OpCount)
                return $"the prologue of thread {i} is longer than its ops";
            if (thread.Parent < -1 || thread.Parent >= plan.Header->ThreadCount)
                return $"thread {i} has no such parent";
            next += thread.OpCount;
        }
        return next == plan.Header->OpCount ? null : "ops that are of no thread";
    }

    /// <summary>The thread that uses each slot, or that several do. Every op is one that there is.</summary>
    private static string? Owners(in Plan plan, out int[]? owners)
    {
        owners = null;
        var found = new int[plan.Header->SlotCount];
        Array.Fill(found, NoThread);
        for (int i = 0; i < plan.Header->ThreadCount; i++)
        {
            PlanOp* op = plan.Ops + plan.Threads[i].FirstOp, first = op, end = op + plan.Threads[i].OpCount;
            for (; op != end; op++)
            {
                bool isCall = op->Code < PlanCode.FirstNonCall;
                if (isCall ? !IsCall(op->Code) : op->Code > PlanCode.Moment)
                    return $"op {plan.NumberOf(op)} is none that there is";
                if (op->SlotKind != SlotKind.Null || (isCall && !IsOutcome(*op)))
                    return $"op {plan.NumberOf(op)} has marks that no call has";
                bool needsOperand = isCall && PlanCode.HasOperand((CallKind)op->Code);
                if (needsOperand != (op != first && op[-1].Code == PlanCode.Operand) && isCall)
                    return $"op {plan.NumberOf(op)} has one argument too many or too few";
                bool endsPart = op + 1 == end || op + 1 == first + plan.Threads[i].PrologueOps;
                if (op->Code == PlanCode.Operand && (endsPart || op[1].Code >= PlanCode.FirstNonCall))
                    return $"op {plan.NumberOf(op)} is the argument of no call";
                if (!isCall && op->Code != PlanCode.Operand)
                    continue;
                if (op->Slot >= plan.Header->SlotCount)
                    return $"op {plan.NumberOf(op)} uses a slot that there is not";
                ref int owner = ref found[op->Slot];
                owner = owner == NoThread || owner == i ? i : Shared;
            }
        }
        owners = found;
        return null;
    }

    /// <summary>Every block is acquired before it is given up, and given up once.</summary>
    private static string? Blocks(in Plan plan, int[] owners)
    {
        var slots = new SlotUse[plan.Header->SlotCount];
        for (int i = 0; i < plan.Header->ThreadCount; i++)
        {
            PlanOp* op = plan.Ops + plan.Threads[i].FirstOp, end = op + plan.Threads[i].OpCount;
            for (; op != end; op++)
            {
                if (op->Code >= PlanCode.FirstNonCall)
                    continue;
                bool releases = CallKinds.IsDeallocation((CallKind)op->Code), reallocates = CallKinds.IsReallocEnd((CallKind)op->Code);
                PlanFlags outcome = op->Flags & (PlanFlags.Failed | PlanFlags.Freed | PlanFlags.Keep);
                uint given = releases ? op->Slot : reallocates ? op[-1].Slot : PlanFormat.NullSlot;
                if (given != PlanFormat.NullSlot && !Give(ref slots[given], owners[given] == Shared, (op->Flags & PlanFlags.Wait) != 0))
                    return $"op {plan.NumberOf(op)} gives up a block that is not its own";
                if (given == PlanFormat.NullSlot && (op->Flags & PlanFlags.Wait) != 0)
                    return $"op {plan.NumberOf(op)} waits for nothing";
                bool stores = !releases && outcome is PlanFlags.None or (PlanFlags.Failed | PlanFlags.Keep);
                if (stores && (op->Slot == PlanFormat.NullSlot || !Take(ref slots[op->Slot], owners[op->Slot] == Shared, (op->Flags & PlanFlags.Publish) != 0)))
                    return $"op {plan.NumberOf(op)} takes a block where another is";
                if (!stores && (op->Flags & PlanFlags.Publish) != 0)
                    return $"op {plan.NumberOf(op)} publishes nothing";
            }
        }
        for (long slot = 0; slot < slots.Length; slot++)
        {
            SlotUse use = slots[slot];
            if (owners[slot] == Shared && slot != PlanFormat.NullSlot && (use & (SlotUse.Taken | SlotUse.Given)) != (SlotUse.Taken | SlotUse.Given))
                return $"slot {slot} is shared by threads and is not handed over";
            if ((use & SlotUse.Published) != 0 != ((use & SlotUse.Awaited) != 0))
                return $"slot {slot} is published or awaited, but not both";
        }
        for (long i = 0; i < plan.Header->LeftoverCount; i++)
        {
            uint slot = plan.Leftovers[i];
            if (slot >= slots.Length || owners[slot] < 0 || (slots[slot] & SlotUse.Holds) == 0)
                return $"slot {slot} has no block that is left over";
            slots[slot] &= ~SlotUse.Holds;
        }
        return null;
    }

    [Flags]
    private enum SlotUse : byte
    {
        None = 0,
        Holds = 1,
        Taken = 2,
        Given = 4,
        Published = 8,
        Awaited = 16,
    }

    private static bool Take(ref SlotUse use, bool isShared, bool publishes)
    {
        bool isFree = isShared ? (use & SlotUse.Taken) == 0 : (use & SlotUse.Holds) == 0;
        // What is published is handed over, and by one thread to another.
        if (!isFree || (publishes && !isShared))
            return false;
        use |= SlotUse.Taken | SlotUse.Holds | (publishes ? SlotUse.Published : 0);
        return true;
    }

    private static bool Give(ref SlotUse use, bool isShared, bool waits)
    {
        bool isThere = isShared ? (use & SlotUse.Given) == 0 : (use & SlotUse.Holds) != 0;
        if (!isThere || (waits && !isShared))
            return false;
        use = (use & ~SlotUse.Holds) | SlotUse.Given | (waits ? SlotUse.Awaited : 0);
        return true;
    }

    /// <summary>Goes through it, each thread as far as it gets, those that were waited for next; none beyond its prologue before all are there.</summary>
    private static string? Waits(in Plan plan)
    {
        int count = plan.Header->ThreadCount;
        bool isPrologue = true;
        long[] next = new long[count];
        bool[] started = new bool[count], ended = new bool[count];
        var published = new System.Collections.BitArray((int)Math.Min(int.MaxValue, plan.Header->SlotCount));
        var ready = new Queue<int>();
        var waiting = new Dictionary<(int Thread, long Slot), List<int>>(); // for a thread to get on, or for a slot
        int done = 0;
        for (int i = 0; i < count; i++)
        {
            if (plan.Threads[i].Parent >= 0)
                continue;
            started[i] = true;
            ready.Enqueue(i);
        }
        while (ready.Count > 0 || isPrologue)
        {
            if (!ready.TryDequeue(out int thread))
            {
                if (AfterPrologue(plan) is { } fault)
                    return fault;
                continue;
            }
            PlanOp* first = plan.Ops + plan.Threads[thread].FirstOp;
            (int Thread, long Slot)? wait = null;
            long stop = isPrologue ? plan.Threads[thread].PrologueOps : plan.Threads[thread].OpCount;
            for (; next[thread] < stop; next[thread]++)
            {
                PlanOp* op = first + next[thread];
                if (op->Code is PlanCode.Await or PlanCode.AwaitExit or PlanCode.Spawn && (op->Slot >= count || op->Slot == thread))
                    return $"op {plan.NumberOf(op)} names a thread that there is not";
                int other = (int)op->Slot;
                if (op->Code == PlanCode.Await)
                {
                    PlanThread of = plan.Threads[other];
                    if (op->Size == 0 || op->Size > (ulong)of.OpCount || (plan.Ops[of.FirstOp + (long)op->Size - 1].Flags & PlanFlags.Signal) == 0)
                        return $"op {plan.NumberOf(op)} waits for an op that does not tell";
                    if ((ulong)next[other] < op->Size)
                        wait = (other, -1);
                }
                else if (op->Code == PlanCode.AwaitExit)
                {
                    if ((plan.Threads[other].Flags & (PlanThreadFlags.ExitAwaited | PlanThreadFlags.Stays)) != PlanThreadFlags.ExitAwaited)
                        return $"op {plan.NumberOf(op)} waits for an end that is not told";
                    if (!ended[other])
                        wait = (other, -1);
                }
                else if (op->Code == PlanCode.Spawn)
                {
                    if (plan.Threads[other].Parent != thread || started[other] || other == plan.Header->MainThread)
                        return $"op {plan.NumberOf(op)} creates a thread that is not its own";
                    started[other] = true;
                    ready.Enqueue(other);
                }
                else if (op->Code < PlanCode.FirstNonCall)
                {
                    uint given = CallKinds.IsDeallocation((CallKind)op->Code) ? op->Slot : CallKinds.IsReallocEnd((CallKind)op->Code) ? op[-1].Slot : 0;
                    if ((op->Flags & PlanFlags.Wait) != 0 && !published[(int)given])
                        wait = (-1, given);
                    else if ((op->Flags & PlanFlags.Publish) != 0)
                    {
                        published[(int)op->Slot] = true;
                        Wake((-1, op->Slot));
                    }
                }
                if (wait is not null)
                    break;
                if ((op->Flags & PlanFlags.Signal) != 0)
                {
                    next[thread]++; // told when it is done
                    Wake((thread, -1));
                    next[thread]--;
                }
            }
            if (wait is { } event_)
            {
                if (!waiting.TryGetValue(event_, out List<int>? list))
                    waiting[event_] = list = [];
                list.Add(thread);
                continue;
            }
            if (stop < plan.Threads[thread].OpCount)
                continue;
            ended[thread] = true;
            done++;
            Wake((thread, -1));
        }
        return done == count ? null : $"{count - done} of its threads wait for one another, or are never created";

        // Every thread that the prologue creates has to be through its own; those that are over with it are not looked at again.
        string? AfterPrologue(in Plan all)
        {
            isPrologue = false;
            for (int i = 0; i < count; i++)
            {
                if (next[i] < all.Threads[i].PrologueOps)
                    return $"the prologue of thread {i} waits for what comes after it";
                if (started[i] && !ended[i])
                    ready.Enqueue(i);
            }
            return null;
        }

        void Wake((int, long) what)
        {
            if (waiting.Remove(what, out List<int>? threads))
                threads.ForEach(ready.Enqueue);
        }
    }

    private static bool IsOutcome(in PlanOp op)
    {
        const PlanFlags known = PlanFlags.Wait | PlanFlags.Publish | PlanFlags.Failed | PlanFlags.Keep | PlanFlags.Freed | PlanFlags.Signal;
        var kind = (CallKind)op.Code;
        PlanFlags outcome = op.Flags & (PlanFlags.Failed | PlanFlags.Freed | PlanFlags.Keep);
        return (op.Flags & ~known) == 0 && (outcome == PlanFlags.None || (outcome == PlanFlags.Failed && !CallKinds.IsDeallocation(kind))
            || (outcome is PlanFlags.Freed or (PlanFlags.Failed | PlanFlags.Keep) && CallKinds.IsReallocEnd(kind)));
    }

    private static bool IsCall(byte code) => CallKinds.IsDeallocation((CallKind)code) || CallKinds.IsAcquisition((CallKind)code);
}
