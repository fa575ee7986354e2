using AllocReplay.Replayer.Plan;

namespace AllocReplay.Worker;

/// <summary>
/// What a trace carries (<c>record --keep</c>) is acquired before the window begins, each block by the thread that had it: threads that are there at the
/// beginning make their prologue, those that end with it end, and all of that is over before anything is timed or measured and before a call of the window is
/// made.
/// </summary>
/// <remarks>
/// <para>A thread is of the prologue where it starts with the replay, or an op of the prologue creates it. Which do is known from the plan, so their number
/// is: the main thread opens the gate for them, makes its own, waits until as many have arrived, and joins those that end. A thread that is created while
/// the gate stands at <see cref="Gate.Prologue"/> is one of them; the gate opens only when all of them are there, so every later one finds it open.</para>
/// <para>Each arrival is counted by an increment that is a full barrier, after all that the thread has done; the opening of the gate is a release after all of
/// them were seen. So whatever a call of the window reads of the prologue (slots above all) is there.</para>
/// </remarks>
internal static unsafe class Prologue
{
    /// <summary>Finds which threads are of it, and counts those that will arrive.</summary>
    /// <param name="replay">Its threads, with their parts of the plan.</param>
    /// <param name="byDepth">Their indices, parents before children.</param>
    public static void Expect(Replay* replay, int* byDepth)
    {
        for (int i = 0; replay->HasPrologue && i < replay->ThreadCount; i++)
        {
            ReplayThread* thread = replay->Threads + byDepth[i];
            thread->IsOfPrologue |= thread->Parent < 0;
            if (!thread->IsOfPrologue && thread->Window != thread->First)
                Worker.Fail("bad plan: the window creates a thread that has a prologue: "u8, thread->Index, ""u8);
            for (PlanOp* op = thread->First; op != thread->Window; op++)
                if (op->Code == PlanCode.Spawn)
                    replay->Threads[op->Slot].IsOfPrologue = true;
            if (thread->IsOfPrologue && thread->Index != replay->MainThread && !EndsWithIt(thread))
                replay->ArrivalsExpected++;
        }
    }

    /// <summary>Makes all of it. On the process's first thread, when all others that start with the replay wait at the gate.</summary>
    public static void Make(Replay* replay, int* byDepth)
    {
        if (!replay->HasPrologue)
            return;
        SetWatch(replay, isPrologue: true);
        Volatile.Write(ref replay->Gate, Gate.Prologue);
        Libc.Wake(&replay->Gate, int.MaxValue);
        if (replay->MainThread >= 0)
        {
            if (replay->Record != null)
                replay->Record(1);
            ReplayLoop.RunPrologue(replay->Threads + replay->MainThread);
            if (replay->Record != null)
                replay->Record(0);
        }
        for (uint arrived; (arrived = Volatile.Read(ref replay->Arrived)) != replay->ArrivalsExpected;)
            Libc.Wait(&replay->Arrived, arrived);
        for (int i = 0; i < replay->ThreadCount; i++)
            if (IsJoined(replay->Threads + byDepth[i]))
                Threads.AwaitEnd(replay->Threads + byDepth[i]);
        Handoff.AfterWait();
        SetWatch(replay, isPrologue: false);
    }

    /// <summary>Whether a thread is gone when the prologue is over.</summary>
    public static bool IsJoined(ReplayThread* thread) => thread->IsOfPrologue && thread->Index != thread->Replay->MainThread && EndsWithIt(thread);

    /// <summary>Makes a thread's own, where it is of the prologue, and waits for the window unless the thread ends with it.</summary>
    public static void Pass(ReplayThread* self)
    {
        Replay* replay = self->Replay;
        if (Volatile.Read(ref replay->Gate) != Gate.Prologue)
            return;
        ReplayLoop.RunPrologue(self);
        if (EndsWithIt(self))
            return;
        Interlocked.Increment(ref replay->Arrived);
        Libc.Wake(&replay->Arrived, 1);
        while (Volatile.Read(ref replay->Gate) == Gate.Prologue)
            Libc.Wait(&replay->Gate, Gate.Prologue);
        Handoff.AfterWait();
    }

    /// <summary>The trace shows its end, and no call of the window.</summary>
    private static bool EndsWithIt(ReplayThread* thread) =>
        thread->Window == thread->End && !thread->Replay->Progress[thread->Index].Stays;

    private static void SetWatch(Replay* replay, bool isPrologue)
    {
        if (replay->Memory != null)
            replay->Memory->IsPrologue = isPrologue;
    }
}
