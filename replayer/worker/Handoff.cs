using System.Runtime.CompilerServices;
using AllocReplay.Replayer;

namespace AllocReplay.Worker;

/// <summary>Passes blocks between threads through shared slots: see <see cref="SlotState"/>.</summary>
internal static unsafe class Handoff
{
    /// <summary>About 2 µs: longer than a hand-over between two running threads takes, far shorter than a time slice.</summary>
    private const int Spins = 60;

    /// <summary>
    /// Publishes a block that is complete. The exchange is a release, so the consumer sees the touched bytes, and it tells
    /// without a race whether the consumer went to sleep: only then is there a system call.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Publish(nuint* slot, byte* block)
    {
        nuint value = block == null ? SlotState.Failed : (nuint)block;
        if (Interlocked.Exchange(ref *slot, value) == SlotState.Awaited)
            Libc.Wake((uint*)slot, 1);
    }

    /// <summary>The block of a shared slot, once its producer has published it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static byte* Take(nuint* slot, ReplayThread* self)
    {
        nuint value = Volatile.Read(ref *slot);
        if (value <= SlotState.Awaited)
        {
            if (value != SlotState.Failed)
                value = Await(slot, self);
            if (value == SlotState.Failed)
                return null;
        }
        return (byte*)value;
    }

    private static nuint Await(nuint* slot, ReplayThread* self)
    {
        self->Waits++;
        for (int i = 0; i < Spins; i++)
        {
            X86Pause();
            nuint value = Volatile.Read(ref *slot);
            if (value != SlotState.Pending)
                return value;
        }
        if (Interlocked.CompareExchange(ref *slot, SlotState.Awaited, SlotState.Pending) == SlotState.Pending)
        {
            self->Sleeps++;
            while (Volatile.Read(ref *slot) == SlotState.Awaited)
                Libc.Wait((uint*)slot, (uint)SlotState.Awaited);
        }
        return Volatile.Read(ref *slot);
    }

    private static void X86Pause()
    {
        if (System.Runtime.Intrinsics.X86.X86Base.IsSupported)
            System.Runtime.Intrinsics.X86.X86Base.Pause();
        else if (System.Runtime.Intrinsics.Arm.ArmBase.IsSupported)
            System.Runtime.Intrinsics.Arm.ArmBase.Yield();
    }
}
