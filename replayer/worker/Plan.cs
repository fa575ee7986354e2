using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;

namespace AllocReplay.Worker;

/// <summary>Maps a plan and refuses one that would lead the replay outside its tables or into a wait that nobody ends.</summary>
internal static unsafe class Plan
{
    /// <summary>Fills the plan's part of the replay. Returns thread indices with parents before children.</summary>
    public static int* Load(byte* path, Replay* replay)
    {
        int fd = Libc.open(path, Libc.ReadOnly | Libc.CloseOnExec, 0);
        if (fd < 0)
            Worker.Fail("cannot open the plan"u8);
        long length = Libc.lseek(fd, 0, Libc.SeekEnd);
        if (length < sizeof(PlanHeader))
            Worker.Fail("bad plan: expected a header, found a file of "u8, length, " bytes"u8);
        byte* file = (byte*)Libc.mmap(null, (nuint)length, Libc.ProtRead, Libc.MapShared | Libc.MapPopulate, fd, 0);
        if (file == (byte*)-1)
            Worker.Fail("cannot map the plan"u8);
        _ = Libc.close(fd);

        PlanHeader* header = (PlanHeader*)file;
        if (header->Magic != PlanFormat.Magic)
            Worker.Fail("bad plan: expected the magic ARPLAN at byte 0"u8);
        if (header->Version != PlanFormat.Version || header->Order is < ReplayOrder.Deps or > ReplayOrder.Total)
            Worker.Fail("bad plan: version or order is not this worker's; version "u8, header->Version, ""u8);
        bool fits = header->FileLength == length && header->ThreadCount >= 0 && header->MainThread >= -1 && header->MainThread < header->ThreadCount
            && header->SlotCount is > 0 and <= uint.MaxValue
            && Holds(length, header->ThreadsOffset, header->ThreadCount, sizeof(PlanThread))
            && Holds(length, header->OpsOffset, header->OpCount, sizeof(PlanOp))
            && Holds(length, header->LeftoverOffset, header->LeftoverCount, sizeof(uint))
            && (header->TimesOffset == 0 || Holds(length, header->TimesOffset, header->OpCount, sizeof(long)));
        if (!fits)
            Worker.Fail("bad plan: its header does not fit a file of "u8, length, " bytes"u8);

        replay->ThreadCount = header->ThreadCount;
        replay->MainThread = header->MainThread;
        replay->OpCount = header->OpCount;
        replay->FirstNs = header->CutNs;
        replay->SlotCount = header->SlotCount;
        replay->Order = header->Order;
        replay->Ops = (PlanOp*)(file + header->OpsOffset);
        replay->Slots = (nuint*)Libc.Map((nuint)header->SlotCount * (nuint)sizeof(nuint));
        replay->Threads = (ReplayThread*)Libc.Map((nuint)header->ThreadCount * (nuint)sizeof(ReplayThread));
        replay->Progress = (ThreadProgress*)Libc.Map((nuint)header->ThreadCount * (nuint)sizeof(ThreadProgress));
        replay->Leftovers = (uint*)(file + header->LeftoverOffset);
        replay->LeftoverCount = header->LeftoverCount;
        replay->IsLocked = Libc.Lock(replay->Slots, (nuint)header->SlotCount * (nuint)sizeof(nuint))
            & Libc.Lock(replay->Threads, (nuint)header->ThreadCount * (nuint)sizeof(ReplayThread))
            & Libc.Lock(replay->Progress, (nuint)header->ThreadCount * (nuint)sizeof(ThreadProgress));
        int* byDepth = Check((PlanThread*)(file + header->ThreadsOffset), replay);
        if (replay->TimeScale > 0)
            SetTimes(replay, header->TimesOffset == 0 ? null : (long*)(file + header->TimesOffset));
        return byDepth;
    }

    private static void SetTimes(Replay* replay, long* times)
    {
        if (times == null)
            Worker.Fail("bad plan: it has no times to replay at"u8);
        if (replay->FirstNs < 0)
        {
            replay->FirstNs = long.MaxValue;
            for (long i = 0; i < replay->OpCount; i++)
                if (times[i] >= 0)
                    replay->FirstNs = Math.Min(replay->FirstNs, times[i]);
        }
        for (int i = 0; i < replay->ThreadCount; i++)
            replay->Threads[i].Times = times + (replay->Threads[i].First - replay->Ops);
    }

    private static bool Holds(long length, long offset, long count, int size) =>
        offset >= sizeof(PlanHeader) && offset <= length && offset % 8 == 0 && count >= 0 && count <= (length - offset) / size;

    private static int* Check(PlanThread* threads, Replay* replay)
    {
        // One byte a slot: bit 0, a publishing op stores to it; bit 1, a waiting op reads it.
        byte* handoffs = (byte*)Libc.Map((nuint)replay->SlotCount);
        byte* spawned = (byte*)Libc.Map((nuint)replay->ThreadCount);
        for (int i = 0; i < replay->ThreadCount; i++)
        {
            PlanThread plan = threads[i];
            if (plan.FirstOp < 0 || plan.OpCount < 0 || plan.FirstOp > replay->OpCount || plan.OpCount > replay->OpCount - plan.FirstOp)
                Worker.Fail("bad plan: ops out of range for thread "u8, i, ""u8);
            if (plan.PrologueOps < 0 || plan.PrologueOps > plan.OpCount)
                Worker.Fail("bad plan: prologue out of range for thread "u8, i, ""u8);
            ReplayThread* thread = replay->Threads + i;
            thread->First = replay->Ops + plan.FirstOp;
            thread->Window = thread->First + plan.PrologueOps;
            thread->End = thread->First + plan.OpCount;
            replay->HasPrologue |= plan.PrologueOps > 0;
            thread->Replay = replay;
            thread->Parent = plan.Parent;
            thread->Index = i;
            replay->Progress[i].Flags = plan.Flags;
            if (replay->Progress[i].IsExitAwaited && replay->Progress[i].Stays)
                Worker.Fail("bad plan: the end is awaited of a thread that stays: "u8, i, ""u8);
        }
        for (int i = 0; i < replay->ThreadCount; i++)
        {
            ReplayThread* thread = replay->Threads + i;
            for (PlanOp* op = thread->First; op != thread->End; op++)
                if (!IsValid(op, thread, threads, i, replay, handoffs, spawned))
                    Worker.Fail("bad plan: op "u8, op - replay->Ops, " makes no sense"u8);
        }
        for (long slot = 0; slot < replay->SlotCount; slot++)
            if (handoffs[slot] == 2)
                Worker.Fail("bad plan: nobody publishes slot "u8, slot, ""u8);
        for (long i = 0; i < replay->LeftoverCount; i++)
            if (replay->Leftovers[i] >= replay->SlotCount)
                Worker.Fail("bad plan: no such slot is left over: "u8, replay->Leftovers[i], ""u8);
        int* byDepth = Order(replay, spawned);
        Prologue.Expect(replay, byDepth);
        _ = Libc.munmap(handoffs, (nuint)replay->SlotCount);
        _ = Libc.munmap(spawned, (nuint)replay->ThreadCount);
        return byDepth;
    }

    private static bool IsValid(PlanOp* op, ReplayThread* thread, PlanThread* threads, int index, Replay* replay, byte* handoffs, byte* spawned)
    {
        if (op->Code == PlanCode.Operand)
        {
            return op + 1 != thread->Window && op + 1 != thread->End && CallTable.IsCall(op[1].Code) && PlanCode.HasOperand((CallKind)op[1].Code)
                && op->Slot < replay->SlotCount;
        }
        if (op->Code == PlanCode.Moment)
            return true;
        if (op->Code is PlanCode.Await or PlanCode.AwaitExit)
            return CanAwait(op, thread, replay);
        if (op->Code == PlanCode.Spawn)
        {
            // A thread is created once, by its parent; the main one is there already.
            return op->Slot < replay->ThreadCount && op->Slot != replay->MainThread
                && threads[op->Slot].Parent == index && spawned[op->Slot]++ == 0;
        }
        if (!CallTable.IsCall(op->Code) || op->Slot >= replay->SlotCount)
            return false;
        if (PlanCode.HasOperand((CallKind)op->Code) && (op == thread->First || op[-1].Code != PlanCode.Operand))
            return false;
        bool releases = CallTable.IsRelease(op->Code);
        PlanFlags outcome = op->Flags & (PlanFlags.Failed | PlanFlags.Freed | PlanFlags.Keep);
        bool stores = !releases && outcome is PlanFlags.None or (PlanFlags.Failed | PlanFlags.Keep);
        if (stores && op->Slot == PlanFormat.NullSlot)
            return false;
        if ((op->Flags & PlanFlags.Publish) != 0 && (!stores || !Mark(handoffs + op->Slot, 1)))
            return false;
        if ((op->Flags & PlanFlags.Wait) == 0)
            return true;
        return (releases || CallTable.IsReallocation(op->Code)) && Mark(handoffs + (releases ? op->Slot : op[-1].Slot), 2);
    }

    /// <summary>Somebody ends the wait: that op tells, that end is told. None before the window waits for what is in it.</summary>
    private static bool CanAwait(PlanOp* op, ReplayThread* thread, Replay* replay)
    {
        if (op->Slot >= replay->ThreadCount || op->Slot == thread->Index)
            return false;
        ReplayThread* other = replay->Threads + op->Slot;
        bool isPrologue = op < thread->Window;
        if (op->Code == PlanCode.AwaitExit)
            return replay->Progress[op->Slot].IsExitAwaited && (!isPrologue || other->Window == other->End);
        PlanOp* last = isPrologue ? other->Window : other->End;
        return op->Size - 1 < (ulong)(last - other->First) && (other->First[op->Size - 1].Flags & PlanFlags.Signal) != 0;
    }

    private static bool Mark(byte* handoff, byte bit)
    {
        bool first = (*handoff & bit) == 0;
        *handoff |= bit;
        return first;
    }

    private static int* Order(Replay* replay, byte* spawned)
    {
        int* order = (int*)Libc.Map((nuint)replay->ThreadCount * sizeof(int));
        int count = 0;
        for (int i = 0; i < replay->ThreadCount; i++)
        {
            if (replay->Threads[i].Parent < 0)
                order[count++] = i;
            else if (spawned[i] != 1 || replay->Threads[i].Parent >= replay->ThreadCount)
                Worker.Fail("bad plan: nobody creates thread "u8, i, ""u8);
        }
        // The spawning ops of each thread lead to its children; a thread outside this tree is its own ancestor.
        for (int done = 0; done < count; done++)
            for (PlanOp* op = replay->Threads[order[done]].First; op != replay->Threads[order[done]].End; op++)
                if (op->Code == PlanCode.Spawn)
                    order[count++] = (int)op->Slot;
        if (count != replay->ThreadCount)
            Worker.Fail("bad plan: threads create one another in a circle"u8);
        return order;
    }
}
