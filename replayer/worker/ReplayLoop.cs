using System.Runtime.CompilerServices;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Worker;

/// <summary>Reissues one thread's ops. Compiled once for each touch policy.</summary>
internal static unsafe class ReplayLoop
{
    private const ushort Free = (ushort)CallKind.Free, Malloc = (ushort)CallKind.Malloc;
    private const nuint PageSize = Libc.PageSize;
    /// <summary>Ops after which a thread tells how far it is: some 0.3 ms.</summary>
    private const long Stretch = 1 << 16;
    /// <summary>The same of a watched one. At a pace it tells each, as the next may be long in coming.</summary>
    private const long WatchedStretch = 1 << 10;

    public static void Run(ReplayThread* self)
    {
        switch (self->Replay->Touch)
        {
            case TouchPolicy.None:
                Run<TouchNone>(self);
                break;
            case TouchPolicy.First:
                Run<TouchFirst>(self);
                break;
            case TouchPolicy.Page:
                Run<TouchPage>(self);
                break;
            default:
                Run<TouchFull>(self);
                break;
        }
    }

    private static void Run<TTouch>(ReplayThread* self)
        where TTouch : struct, ITouch
    {
        if (self->Times != null || self->Replay->Memory != null)
            RunOneByOne<TTouch>(self);
        else
            RunAsap<TTouch>(self);
    }

    /// <summary>Each call at its time, or watched: what comes between calls takes longer than they do.</summary>
    private static void RunOneByOne<TTouch>(ReplayThread* self)
        where TTouch : struct, ITouch
    {
        if (self->Times != null)
            Pacing.Begin();
        long done = 0;
        for (PlanOp* op = self->First; op != self->End; op++)
        {
            if (self->Times != null)
                Pacing.Await(self->Replay, self->Times[op - self->First]);
            if (self->Replay->Memory != null && op->Code < PlanCode.FirstNonCall)
                Watched<TTouch>(self, op);
            else
                Other<TTouch>(self, op);
            if (self->Times != null || (++done & (WatchedStretch - 1)) == 0)
                Tell(self->Replay, self->Times != null ? 1 : WatchedStretch);
        }
        Tell(self->Replay, done & (WatchedStretch - 1));
    }

    private static void Watched<TTouch>(ReplayThread* self, PlanOp* op)
        where TTouch : struct, ITouch
    {
        MemoryWatch.Pending pending = self->Replay->Memory->Before(self, op);
        Call<TTouch>(self, op);
        self->Replay->Memory->After(self, op, pending);
        Signal(self, op);
    }

    /// <summary>The two commonest calls, on blocks of the thread's own, in line; everything else in <see cref="Other"/>.</summary>
    /// <remarks>What is counted is counted in memory: values that live across a call are few, and most have a register (docs/decisions/0004).</remarks>
    private static void RunAsap<TTouch>(ReplayThread* self)
        where TTouch : struct, ITouch
    {
        for (PlanOp* op = self->First; op != self->End;)
        {
            PlanOp* first = op;
            op = RunStretch<TTouch>(self, op, self->End - op > Stretch ? op + Stretch : self->End);
            Tell(self->Replay, op - first);
        }
    }

    private static PlanOp* RunStretch<TTouch>(ReplayThread* self, PlanOp* op, PlanOp* stop)
        where TTouch : struct, ITouch
    {
        nuint* slots = self->Replay->Slots;
        var malloc = self->Replay->Calls.Malloc;
        var free = self->Replay->Calls.Free;
        self->Calls += stop - op; // taken back below where Other counts for itself
        for (; op != stop; op++)
        {
            uint code = op->Dispatch;
            if (code == Free)
            {
                free((void*)slots[op->Slot]);
            }
            else if (code == Malloc)
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
                Other<TTouch>(self, op);
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
    private static void Other<TTouch>(ReplayThread* self, PlanOp* op)
        where TTouch : struct, ITouch
    {
        if (op->Code >= PlanCode.FirstNonCall)
            Step(self, op);
        else
            Call<TTouch>(self, op);
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

    private static void Call<TTouch>(ReplayThread* self, PlanOp* op)
        where TTouch : struct, ITouch
    {
        self->Calls++;
        CallEntry* entry = self->Replay->Calls.Entries + op->Code;
        nuint argument = entry->HasOperand ? (nuint)op[-1].Size : 0;
        if (entry->Shape >= Shape.Release)
            Release(self, op, entry, argument);
        else if (entry->Shape is Shape.Realloc or Shape.ReallocArray or Shape.ReallocProduct)
            Reallocate<TTouch>(self, op, entry, argument);
        else
            Acquire<TTouch>(self, op, entry, argument);
    }

    private static void Acquire<TTouch>(ReplayThread* self, PlanOp* op, CallEntry* entry, nuint argument)
        where TTouch : struct, ITouch
    {
        nuint size = (nuint)op->Size;
        bool failed = (op->Flags & PlanFlags.Failed) != 0;
        // A throwing form of operator new has nobody to catch it here: a call known to fail uses the form that returns null.
        if (failed)
            entry = self->Replay->Calls.Entries + (int)CallKinds.NothrowForm((CallKind)op->Code);
        byte* block = Invoke(entry, size, argument, &self->Replay->Nothrow);
        ulong requested = entry->Shape == Shape.CountSize ? Product(size, argument) : size;
        self->Bytes += requested;
        if (failed)
        {
            if (block != null)
            {
                self->Divergences++;
                GiveBack(self, block);
            }
            return;
        }
        if (block == null)
            self->FailedNow++;
        else if (op->Code != (byte)CallKind.Calloc || self->Replay->TouchCalloc)
            TTouch.Block(block, (nuint)requested);
        Store(self, op, block);
    }

    private static byte* Invoke(CallEntry* entry, nuint size, nuint argument, byte* nothrow)
    {
        void* f = entry->Function;
        switch (entry->Shape)
        {
            case Shape.Size:
                return ((delegate* unmanaged[SuppressGCTransition]<nuint, byte*>)f)(size);
            case Shape.SizeNothrow:
                return ((delegate* unmanaged[SuppressGCTransition]<nuint, byte*, byte*>)f)(size, nothrow);
            case Shape.SizeAlignment:
                return ((delegate* unmanaged[SuppressGCTransition]<nuint, nuint, byte*, byte*>)f)(size, argument, nothrow);
            case Shape.CountSize or Shape.AlignmentSize:
                return ((delegate* unmanaged[SuppressGCTransition]<nuint, nuint, byte*>)f)(argument, size);
            case Shape.Page:
                return ((delegate* unmanaged[SuppressGCTransition]<nuint, nuint, byte*>)f)(PageSize, size);
            case Shape.WholePages:
                nuint rounded = (size + PageSize - 1) & ~(PageSize - 1);
                return rounded < size ? null : ((delegate* unmanaged[SuppressGCTransition]<nuint, nuint, byte*>)f)(PageSize, rounded);
            case Shape.PosixMemalign:
                byte* block = null;
                int error = ((delegate* unmanaged[SuppressGCTransition]<byte**, nuint, nuint, int>)f)(&block, argument, size);
                return error == 0 ? block : null;
            default:
                return null; // the allocator has nothing of the kind
        }
    }

    private static void Reallocate<TTouch>(ReplayThread* self, PlanOp* op, CallEntry* entry, nuint argument)
        where TTouch : struct, ITouch
    {
        nuint size = (nuint)op->Size;
        byte* old = Load(self, op[-1].Slot, op->Flags);
        nuint requested = size;
        byte* block;
        if (entry->Shape == Shape.Realloc)
        {
            block = ((delegate* unmanaged[SuppressGCTransition]<void*, nuint, byte*>)entry->Function)(old, size);
        }
        else
        {
            requested = (nuint)Product(size, argument);
            if (entry->Shape == Shape.ReallocArray)
                block = ((delegate* unmanaged[SuppressGCTransition]<void*, nuint, nuint, byte*>)entry->Function)(old, argument, size);
            else
                block = requested == nuint.MaxValue ? null : self->Replay->Calls.Realloc(old, requested);
        }
        self->Bytes += requested;
        if ((op->Flags & ~PlanFlags.Signal) == PlanFlags.None && block != null)
        {
            TTouch.Block(block, requested);
            self->Replay->Slots[op->Slot] = (nuint)block;
            return;
        }
        FinishReallocation<TTouch>(self, op, old, block, requested);
    }

    /// <summary>The end of a reallocation that is shared between threads, or did not succeed when recorded or now.</summary>
    private static void FinishReallocation<TTouch>(ReplayThread* self, PlanOp* op, byte* old, byte* block, nuint requested)
        where TTouch : struct, ITouch
    {
        PlanFlags flags = op->Flags;
        if ((flags & PlanFlags.Freed) != 0)
        {
            // An allocator may return a block of no bytes where the recorded one freed.
            if (block != null)
                GiveBack(self, block);
            return;
        }
        if ((flags & PlanFlags.Keep) != 0)
        {
            if (block != null)
                self->Divergences++;
            Store(self, op, block != null ? block : old);
            return;
        }
        if ((flags & PlanFlags.Failed) != 0)
        {
            if (block != null)
            {
                self->Divergences++;
                GiveBack(self, block);
            }
            return;
        }
        if (block != null)
        {
            TTouch.Block(block, requested);
        }
        else if (requested == 0)
        {
            self->Divergences++; // freed now, kept when recorded
        }
        else
        {
            self->FailedNow++;
            block = old;
        }
        Store(self, op, block);
    }

    private static void Release(ReplayThread* self, PlanOp* op, CallEntry* entry, nuint argument)
    {
        byte* block = Load(self, op->Slot, op->Flags);
        byte* nothrow = &self->Replay->Nothrow;
        nuint size = (nuint)op->Size;
        // jemalloc 5.3 takes the size class of an aligned block of 0 bytes from its size alone, and corrupts its heap.
        if (size == 0 && entry->Shape == Shape.ReleaseSizeAlignment)
            entry = self->Replay->Calls.Entries + (int)CallKinds.UnsizedForm((CallKind)op->Code);
        void* f = entry->Function;
        switch (entry->Shape)
        {
            case Shape.Release:
                ((delegate* unmanaged[SuppressGCTransition]<byte*, void>)f)(block);
                break;
            case Shape.ReleaseNothrow:
                ((delegate* unmanaged[SuppressGCTransition]<byte*, byte*, void>)f)(block, nothrow);
                break;
            case Shape.ReleaseSize:
                ((delegate* unmanaged[SuppressGCTransition]<byte*, nuint, void>)f)(block, size);
                break;
            case Shape.ReleaseAlignment:
                ((delegate* unmanaged[SuppressGCTransition]<byte*, nuint, byte*, void>)f)(block, argument, nothrow);
                break;
            case Shape.ReleaseSizeAlignment:
                ((delegate* unmanaged[SuppressGCTransition]<byte*, nuint, nuint, void>)f)(block, size, argument);
                break;
            default:
                ((delegate* unmanaged[SuppressGCTransition]<byte*, nuint, nuint, void>)f)(block, argument, size);
                break;
        }
    }

    /// <summary>Releases a block that the recorded call did not give: no call of the trace, so not recorded.</summary>
    private static void GiveBack(ReplayThread* self, byte* block)
    {
        Replay* replay = self->Replay;
        if (replay->Record != null)
            replay->Record(0);
        replay->Calls.Free(block);
        if (replay->Record != null)
            replay->Record(1);
    }

    private static byte* Load(ReplayThread* self, uint slot, PlanFlags flags)
    {
        nuint* address = self->Replay->Slots + slot;
        return (flags & PlanFlags.Wait) != 0 ? Handoff.Take(address, self) : (byte*)*address;
    }

    private static void Store(ReplayThread* self, PlanOp* op, byte* block)
    {
        nuint* address = self->Replay->Slots + op->Slot;
        if ((op->Flags & PlanFlags.Publish) != 0)
            Handoff.Publish(address, block);
        else
            *address = (nuint)block;
    }

    /// <summary>Bytes of an array, saturating as no allocator can serve more.</summary>
    public static ulong Product(nuint size, nuint count) => Math.BigMul(size, count, out ulong low) == 0 ? low : ulong.MaxValue;
}
