using System.Runtime.InteropServices;

namespace AllocReplay.Worker;

/// <summary>Real threads on stacks that were mapped and faulted in beforehand.</summary>
internal static unsafe class Threads
{
    /// <summary>Allocators need little stack; the runtime and the C library keep a thread's own storage on it as well.</summary>
    private const int StackSize = 256 * 1024;
    /// <summary>Faulted in beforehand: what a thread really uses.</summary>
    private const int StackPresent = 32 * 1024;
    private const int PageSize = Libc.PageSize;

    /// <summary>Maps a stack for every thread but the main one, with a guard page below each.</summary>
    public static void MapStacks(Replay* replay)
    {
        nuint length = (nuint)StackSize * (nuint)replay->ThreadCount;
        byte* stacks = (byte*)Libc.mmap(
            null, Math.Max(length, PageSize), Libc.ProtRead | Libc.ProtWrite, Libc.MapPrivate | Libc.MapAnonymous | Libc.MapNoReserve, -1, 0);
        if (stacks == (byte*)-1)
            Worker.Fail("cannot map stacks for "u8, replay->ThreadCount, " threads"u8);
        for (int i = 0; i < replay->ThreadCount; i++)
        {
            ReplayThread* thread = replay->Threads + i;
            byte* stack = stacks + (nuint)i * StackSize;
            if (i == replay->MainThread)
                continue;
            _ = Libc.mprotect(stack, PageSize, Libc.ProtNone);
            for (byte* page = stack + StackSize - StackPresent; page < stack + StackSize; page += PageSize)
                *page = 0;
            replay->IsLocked &= Libc.Lock(stack + StackSize - StackPresent, StackPresent);
            int error = Libc.pthread_attr_init(thread->Attributes);
            if (error == 0)
                error = Libc.pthread_attr_setstack(thread->Attributes, stack + PageSize, StackSize - PageSize);
            if (error != 0)
                Worker.Fail("cannot prepare a thread: error "u8, error, ""u8);
        }
    }

    public static void Spawn(ReplayThread* thread)
    {
        int error = Libc.pthread_create(&thread->Handle, thread->Attributes, &Enter, thread);
        if (error != 0)
            Worker.Fail("cannot create a thread: error "u8, error, " (a limit on processes or memory)"u8);
    }

    /// <summary>Starts the threads that no other creates, one after the other; they wait at the gate.</summary>
    public static void SpawnRoots(Replay* replay)
    {
        for (int i = 0; i < replay->ThreadCount; i++)
        {
            if (replay->Threads[i].Parent >= 0 || i == replay->MainThread)
                continue;
            Spawn(replay->Threads + i);
            while (Volatile.Read(ref replay->Progress[i].Ready) == 0)
                Libc.Wait(&replay->Progress[i].Ready, 0);
        }
    }

    public static void OpenGate(Replay* replay)
    {
        replay->StartNs = Libc.Now();
        Volatile.Write(ref replay->Gate, Gate.Open);
        Libc.Wake(&replay->Gate, int.MaxValue);
    }

    /// <summary>
    /// Waits until all threads are gone, or done where they stay, in an order where parents come first: a child's handle is there once its parent has
    /// made its calls.
    /// </summary>
    public static void Join(Replay* replay, int* byDepth)
    {
        for (int i = 0; i < replay->ThreadCount; i++)
        {
            ReplayThread* thread = replay->Threads + byDepth[i];
            if (thread->Index != replay->MainThread && !Prologue.IsJoined(thread))
                AwaitEnd(thread);
        }
    }

    /// <summary>Waits until a thread is gone, or done where it stays.</summary>
    public static void AwaitEnd(ReplayThread* thread)
    {
        ThreadProgress* progress = thread->Replay->Progress + thread->Index;
        if (!progress->IsExitAwaited && !progress->Stays)
            _ = Libc.pthread_join(thread->Handle, null);
        else
            while (Volatile.Read(ref progress->Exited) == 0)
                Libc.Wait(&progress->Exited, 0);
    }

    /// <summary>Ends the threads that stay. After the last replay nobody does: they go with the process, as they did when recorded.</summary>
    public static void LetGo(Replay* replay)
    {
        Volatile.Write(ref replay->Gate, Gate.Over);
        Libc.Wake(&replay->Gate, int.MaxValue);
        for (int i = 0; i < replay->ThreadCount; i++)
            if (replay->Progress[i].Stays)
                _ = Libc.pthread_join(replay->Threads[i].Handle, null);
    }

    /// <summary>Tells that a thread is gone, or done where it stays.</summary>
    public static void MarkExited(ThreadProgress* progress)
    {
        Volatile.Write(ref progress->Exited, 1);
        Libc.Wake(&progress->Exited, int.MaxValue);
    }

    /// <summary>Makes this thread's calls. When the replay is recorded, these and no others.</summary>
    public static void Run(ReplayThread* self)
    {
        Replay* replay = self->Replay;
        self->Patience = Handoff.PatienceMax;
        ReplayLoop.Run(self);
        if (replay->Record != null)
            replay->Record(0);
    }

    [UnmanagedCallersOnly]
    private static void* Enter(void* argument)
    {
        ReplayThread* self = (ReplayThread*)argument;
        Replay* replay = self->Replay;
        ThreadProgress* progress = replay->Progress + self->Index;
        if (replay->Record != null)
            replay->Record(1);
        Volatile.Write(ref progress->Ready, 1);
        if (self->Parent < 0)
            Libc.Wake(&progress->Ready, 1);
        while (Volatile.Read(ref replay->Gate) == Gate.Closed)
            Libc.Wait(&replay->Gate, Gate.Closed);
        Prologue.Pass(self);
        Run(self); // nothing is left to do of one that ends with its prologue
        if (progress->IsExitAwaited)
            Reaper.Leave(self);
        if (!progress->Stays)
            return null;
        MarkExited(progress);
        while (Volatile.Read(ref replay->Gate) != Gate.Over)
            Libc.Wait(&replay->Gate, Gate.Open);
        return null;
    }
}
