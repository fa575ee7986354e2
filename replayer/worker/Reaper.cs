namespace AllocReplay.Worker;

/// <summary>
/// A thread of the harness that joins the threads whose end others wait for. A thread is gone, and its caches with it, when it is
/// joined, and only one can join it.
/// </summary>
internal static unsafe class Reaper
{
    private static int s_count;
    private static nuint* s_thread;

    /// <summary>Starts it where the plan has such threads.</summary>
    public static void Start(Replay* replay)
    {
        s_count = 0;
        for (int i = 0; i < replay->ThreadCount; i++)
            s_count += replay->Progress[i].IsExitAwaited && i != replay->MainThread ? 1 : 0;
        if (s_count == 0)
            return;
        if (s_thread == null)
            s_thread = (nuint*)Libc.Map((nuint)sizeof(nuint));
        int error = Libc.pthread_create(s_thread, null, &Run, replay);
        if (error != 0)
            Worker.Fail("cannot create the thread that joins others: error "u8, error, ""u8);
    }

    /// <summary>All of those threads are gone when this returns.</summary>
    public static void Stop()
    {
        if (s_count > 0)
            _ = Libc.pthread_join(*s_thread, null);
    }

    /// <summary>The last thing a thread does whose end is waited for.</summary>
    public static void Leave(ReplayThread* self)
    {
        Replay* replay = self->Replay;
        int head;
        do
        {
            head = Volatile.Read(ref replay->Leaving);
            self->NextLeaving = head;
        }
        while (Interlocked.CompareExchange(ref replay->Leaving, self->Index + 1, head) != head);
        Interlocked.Increment(ref replay->LeavingCount);
        Libc.Wake(&replay->LeavingCount, 1);
    }

    [System.Runtime.InteropServices.UnmanagedCallersOnly]
    private static void* Run(void* argument)
    {
        Replay* replay = (Replay*)argument;
        for (int joined = 0; joined < s_count;)
        {
            uint seen = Volatile.Read(ref replay->LeavingCount);
            int next = Interlocked.Exchange(ref replay->Leaving, 0);
            if (next == 0)
            {
                Libc.Wait(&replay->LeavingCount, seen);
                continue;
            }
            while (next != 0)
            {
                ReplayThread* thread = replay->Threads + (next - 1);
                next = thread->NextLeaving; // before the join: nothing else of it is read after
                _ = Libc.pthread_join(thread->Handle, null);
                Threads.MarkExited(replay->Progress + thread->Index);
                joined++;
            }
        }
        return null;
    }
}
