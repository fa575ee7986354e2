using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Plan;

namespace AllocReplay.Worker;

/// <summary>Reissues one call of a plan, whatever its kind and whatever became of it when it was recorded. Compiled as <see cref="ReplayLoop"/> is.</summary>
internal static unsafe class ReplayCall
{
    private const nuint PageSize = Libc.PageSize;

    public static void Make<TTouch, TInstrument>(ReplayThread* self, PlanOp* op)
        where TTouch : struct, ITouch
        where TInstrument : struct, IInstrument
    {
        self->Calls++;
        CallEntry* entry = self->Replay->Calls.Entries + op->Code;
        nuint argument = entry->HasOperand ? (nuint)op[-1].Size : 0;
        if (entry->Shape >= Shape.Release)
            Release<TInstrument>(self, op, entry, argument);
        else if (entry->Shape is Shape.Realloc or Shape.ReallocArray or Shape.ReallocProduct)
            Reallocate<TTouch, TInstrument>(self, op, entry, argument);
        else
            Acquire<TTouch, TInstrument>(self, op, entry, argument);
    }

    private static void Acquire<TTouch, TInstrument>(ReplayThread* self, PlanOp* op, CallEntry* entry, nuint argument)
        where TTouch : struct, ITouch
        where TInstrument : struct, IInstrument
    {
        nuint size = (nuint)op->Size;
        bool failed = (op->Flags & PlanFlags.Failed) != 0;
        // A throwing form of operator new has nobody to catch it here: a call known to fail uses the form that returns null.
        if (failed)
            entry = self->Replay->Calls.Entries + (int)CallKinds.NothrowForm((CallKind)op->Code);
        ulong requested = entry->Shape == Shape.CountSize ? Product(size, argument) : size;
        byte* block = Invoke<TInstrument>(self, op, entry, size, argument, (nuint)requested);
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
        {
            self->FailedNow++;
            TInstrument.Failed(self, op, (nuint)requested);
        }
        else
        {
            if (op->Code != (byte)CallKind.Calloc || self->Replay->TouchCalloc)
                TTouch.Block(block, (nuint)requested);
            TInstrument.Acquired(self, op, argument, block, (nuint)requested);
        }
        Store(self, op, block);
    }

    /// <remarks>
    /// Arguments are passed in three registers whatever the function takes, as both calling conventions let it ignore those that it does not: so there is
    /// one place where it is called, and nothing but the call is timed.
    /// </remarks>
    private static byte* Invoke<TInstrument>(ReplayThread* self, PlanOp* op, CallEntry* entry, nuint size, nuint argument, nuint requested)
        where TInstrument : struct, IInstrument
    {
        nuint nothrow = (nuint)(&self->Replay->Nothrow), first = size, second = nothrow, third = nothrow;
        byte* block = null;
        switch (entry->Shape)
        {
            case Shape.Size or Shape.SizeNothrow:
                break;
            case Shape.SizeAlignment:
                second = argument;
                break;
            case Shape.CountSize or Shape.AlignmentSize:
                (first, second) = (argument, size);
                break;
            case Shape.Page:
                (first, second) = (PageSize, size);
                break;
            case Shape.WholePages:
                (first, second) = (PageSize, (size + PageSize - 1) & ~(PageSize - 1));
                if (second < size)
                    return null;
                break;
            case Shape.PosixMemalign:
                (first, second, third) = ((nuint)(&block), argument, size);
                break;
            default:
                return null; // the allocator has nothing of the kind
        }
        ulong begin = TInstrument.Begin();
        nuint result = ((delegate* unmanaged[SuppressGCTransition]<nuint, nuint, nuint, nuint>)entry->Function)(first, second, third);
        TInstrument.End(self, op, begin, requested);
        if (entry->Shape != Shape.PosixMemalign)
            return (byte*)result;
        return (int)result == 0 ? block : null;
    }

    private static void Reallocate<TTouch, TInstrument>(ReplayThread* self, PlanOp* op, CallEntry* entry, nuint argument)
        where TTouch : struct, ITouch
        where TInstrument : struct, IInstrument
    {
        nuint size = (nuint)op->Size;
        byte* old = Load(self, op[-1].Slot, op->Flags);
        TInstrument.GiveUp(self, op, op[-1].Slot, ref old);
        nuint requested = entry->Shape == Shape.Realloc ? size : (nuint)Product(size, argument);
        nuint second = entry->Shape == Shape.ReallocArray ? argument : requested;
        byte* block = null;
        if (entry->Shape != Shape.ReallocProduct || requested != nuint.MaxValue)
        {
            ulong begin = TInstrument.Begin();
            block = ((delegate* unmanaged[SuppressGCTransition]<void*, nuint, nuint, byte*>)entry->Function)(old, second, size);
            TInstrument.End(self, op, begin, requested);
        }
        self->Bytes += requested;
        if ((op->Flags & ~PlanFlags.Signal) == PlanFlags.None && block != null)
        {
            TTouch.Block(block, requested);
            TInstrument.Reallocated(self, op, block, requested);
            self->Replay->Slots[op->Slot] = (nuint)block;
            return;
        }
        FinishReallocation<TTouch, TInstrument>(self, op, old, block, requested);
    }

    /// <summary>The end of a reallocation that is shared between threads, or did not succeed when recorded or now.</summary>
    private static void FinishReallocation<TTouch, TInstrument>(ReplayThread* self, PlanOp* op, byte* old, byte* block, nuint requested)
        where TTouch : struct, ITouch
        where TInstrument : struct, IInstrument
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
            else
                block = old;
            TInstrument.Kept(self, op, block, requested);
            Store(self, op, block);
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
            TInstrument.Reallocated(self, op, block, requested);
        }
        else if (requested == 0)
        {
            self->Divergences++; // freed now, kept when recorded
        }
        else
        {
            self->FailedNow++;
            TInstrument.Failed(self, op, requested);
            block = old;
            TInstrument.Kept(self, op, block, requested);
        }
        Store(self, op, block);
    }

    private static void Release<TInstrument>(ReplayThread* self, PlanOp* op, CallEntry* entry, nuint argument)
        where TInstrument : struct, IInstrument
    {
        byte* block = Load(self, op->Slot, op->Flags);
        nuint held = TInstrument.GiveUp(self, op, op->Slot, ref block);
        nuint nothrow = (nuint)(&self->Replay->Nothrow), size = (nuint)op->Size, second = nothrow, third = nothrow;
        // jemalloc 5.3 takes the size class of an aligned block of 0 bytes from its size alone, and corrupts its heap.
        if (size == 0 && entry->Shape == Shape.ReleaseSizeAlignment)
            entry = self->Replay->Calls.Entries + (int)CallKinds.UnsizedForm((CallKind)op->Code);
        switch (entry->Shape)
        {
            case Shape.Release or Shape.ReleaseNothrow:
                break;
            case Shape.ReleaseSize:
                second = size;
                break;
            case Shape.ReleaseAlignment:
                second = argument;
                break;
            case Shape.ReleaseSizeAlignment:
                (second, third) = (size, argument);
                break;
            default:
                (second, third) = (argument, size);
                break;
        }
        ulong begin = TInstrument.Begin();
        ((delegate* unmanaged[SuppressGCTransition]<byte*, nuint, nuint, void>)entry->Function)(block, second, third);
        TInstrument.End(self, op, begin, held);
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
