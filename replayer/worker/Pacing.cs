namespace AllocReplay.Worker;

/// <summary>Makes each call wait for its recorded time.</summary>
internal static unsafe class Pacing
{
    /// <summary>Waking takes some 50 µs: the last stretch is spent awake.</summary>
    private const long AwakeNs = 100_000;

    /// <summary>What a thread does before its first call.</summary>
    public static void Begin() => Libc.WakePromptly();

    /// <summary>Waits until so long after the start as the trace says. Times are absolute: what one call is late the next is not.</summary>
    /// <param name="replay">The replay.</param>
    /// <param name="recordedNs">When the op was recorded; negative for one that was not.</param>
    public static void Await(Replay* replay, long recordedNs)
    {
        if (recordedNs < 0)
            return;
        long due = replay->StartNs + (long)((recordedNs - replay->FirstNs) * replay->TimeScale);
        long left = due - Libc.Now();
        if (left > AwakeNs)
            Libc.SleepUntil(due - AwakeNs / 2);
        while (Libc.Now() < due)
            System.Runtime.Intrinsics.X86.X86Base.Pause();
    }
}
