using System.Runtime.CompilerServices;
using AllocReplay.Replayer.Plan;

namespace AllocReplay.Worker;

/// <summary>How threads wait for one another: for a block in a shared slot (see <see cref="SlotState"/>), or for another thread to have come so far.</summary>
internal static unsafe class Handoff
{
    /// <summary>
    /// Pauses for which a thread looks before it sleeps, at the most: about 8 µs, longer than it takes to wake the thread that is waited for.
    /// </summary>
    /// <remarks>
    /// Two threads that take turns on two processors put one another to sleep at every turn when they look for less. Where there is no processor for the other,
    /// to look is to keep it from running. Which of the two holds changes with the threads and with what else the machine does, so each thread learns it
    /// from its own waits: <see cref="MissesMax"/> in a row that ended in sleep leave it <see cref="PatienceMin"/>, about 1 µs, and one that looking ended
    /// gives all of it back; so does, from time to time, nothing but the wish to try. Fewer misses are mere chance: docs/decisions/0004.
    /// </remarks>
    public const int PatienceMax = 250;
    private const int PatienceMin = 30;
    private const int MissesMax = 8;
    /// <summary>Misses in a row after which a thread tries all its patience once more.</summary>
    private const int TryAgain = 64;
    /// <summary>One in so many waits is timed while it looks: to read the clock each time would be felt.</summary>
    private const int TimedWaits = 16;

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
        AfterWait();
        return (byte*)value;
    }

    /// <summary>Tells that a thread has done so many ops. The exchange is a release of all that it did.</summary>
    /// <remarks>
    /// A waiter first counts itself as asleep, then looks again, then sleeps; here the ops are told first, then the sleepers counted.
    /// Both are full barriers, so one of the two sees the other. Each op that is waited for is told by itself, so it is enough to wake those
    /// that wait for this very one; the kernel tells 32 of them apart.
    /// </remarks>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Signal(ThreadProgress* progress, ulong done)
    {
        Interlocked.Exchange(ref progress->Done, done);
        if (Volatile.Read(ref progress->Sleepers) != 0)
            Libc.WakeFor((uint*)&progress->Done, BitOf(done));
    }

    /// <summary>Waits until a thread has done so many ops.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Await(ThreadProgress* progress, ulong done, ReplayThread* self)
    {
        if (Volatile.Read(ref progress->Done) < done)
        {
            long begin = Begin(self);
            int spins = 0;
            while (Volatile.Read(ref progress->Done) < done && Spin(ref spins, self))
            {
            }
            Looked(begin, self);
            if (Volatile.Read(ref progress->Done) >= done)
                Encourage(self);
            else
                Sleep(progress, done, self);
        }
        AfterWait();
    }

    /// <summary>Waits until a thread is gone.</summary>
    public static void AwaitExit(ThreadProgress* progress, ReplayThread* self)
    {
        if (Volatile.Read(ref progress->Exited) == 0)
        {
            self->Waits++;
            self->Sleeps++;
            long begin = Libc.Now();
            while (Volatile.Read(ref progress->Exited) == 0)
                Libc.Wait(&progress->Exited, 0);
            self->WaitNs += Libc.Now() - begin;
        }
        AfterWait();
    }

    /// <summary>A wait begins. Its time where it is one of those that are timed, else 0.</summary>
    private static long Begin(ReplayThread* self) => self->Waits++ % TimedWaits == 0 ? Libc.Now() : 0;

    private static void Looked(long begin, ReplayThread* self)
    {
        if (begin != 0)
            self->WaitNs += (Libc.Now() - begin) * TimedWaits;
    }

    /// <summary>Passes a moment. False when it is time to sleep.</summary>
    private static bool Spin(ref int spins, ReplayThread* self)
    {
        if (++spins > self->Patience)
            return false;
        X86Pause();
        return true;
    }

    private static void FallAsleep(ReplayThread* self)
    {
        self->Sleeps++;
        if (++self->Misses == MissesMax)
            self->Patience = PatienceMin;
        else if (self->Misses == TryAgain)
            Encourage(self);
    }

    private static void Encourage(ReplayThread* self)
    {
        self->Patience = PatienceMax;
        self->Misses = 0;
    }

    private static void Sleep(ThreadProgress* progress, ulong done, ReplayThread* self)
    {
        FallAsleep(self);
        long begin = Libc.Now();
        Interlocked.Increment(ref progress->Sleepers);
        ulong seen;
        while ((seen = Volatile.Read(ref progress->Done)) < done)
            Libc.WaitFor((uint*)&progress->Done, (uint)seen, BitOf(done));
        Interlocked.Decrement(ref progress->Sleepers);
        self->WaitNs += Libc.Now() - begin;
    }

    private static uint BitOf(ulong done) => 1U << (int)(done & 31);

    /// <summary>What comes next (a hook may read a counter) is not to be executed ahead of the read that ended the wait.</summary>
    public static void AfterWait()
    {
        if (System.Runtime.Intrinsics.X86.Sse2.IsSupported)
            System.Runtime.Intrinsics.X86.Sse2.LoadFence();
        else
            Thread.MemoryBarrier();
    }

    private static nuint Await(nuint* slot, ReplayThread* self)
    {
        long begin = Begin(self);
        int spins = 0;
        while (Volatile.Read(ref *slot) == SlotState.Pending && Spin(ref spins, self))
        {
        }
        Looked(begin, self);
        if (Interlocked.CompareExchange(ref *slot, SlotState.Awaited, SlotState.Pending) == SlotState.Pending)
        {
            FallAsleep(self);
            begin = Libc.Now();
            while (Volatile.Read(ref *slot) == SlotState.Awaited)
                Libc.Wait((uint*)slot, (uint)SlotState.Awaited);
            self->WaitNs += Libc.Now() - begin;
        }
        else
        {
            Encourage(self);
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
