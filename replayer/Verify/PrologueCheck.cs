using AllocReplay.Formats.Calls;
using static AllocReplay.Replayer.Verify.CallDescription;

namespace AllocReplay.Replayer.Verify;

/// <summary>
/// What comes before the window of a trace that carries blocks. In a replay's recording these are each thread's first calls, as many as the trace carries of
/// it; nothing else tells them from those of the window.
/// </summary>
/// <param name="trace">The trace.</param>
/// <param name="replay">Its replay.</param>
/// <param name="match">For each thread of the trace the replay's, or -1.</param>
/// <param name="slackNs">By how much stamps may be off.</param>
internal sealed unsafe class PrologueCheck(Execution trace, Execution replay, int[] match, long slackNs)
{
    private readonly Tally _before = new();
    private long _calls, _creations;

    /// <summary>Calls that acquire what is carried.</summary>
    public Tally Acquired { get; } = new();

    /// <summary>A call of the prologue.</summary>
    /// <param name="thread">Its thread in the trace.</param>
    /// <param name="index">Its index there.</param>
    /// <param name="isSame">It has the same kind, size and argument in the replay.</param>
    /// <param name="recorded">The call in the trace.</param>
    /// <param name="replayed">The call of that index in the replay.</param>
    public void Compare(int thread, long index, bool isSame, in ExecutedCall recorded, in ExecutedCall replayed)
    {
        bool isRefused = CallKinds.IsAcquisition(recorded.Kind) && !recorded.IsNull && replayed.IsNull;
        if (isSame && !isRefused)
            Acquired.Hold();
        else
            Fail(thread, index, isSame);
    }

    /// <summary>When all calls have been compared; null where the trace carries nothing.</summary>
    public PrologueProof? ToProof()
    {
        if (trace.Carried is not { } carried)
            return null;
        foreach (ExecutedThread thread in trace.Threads)
        {
            for (long i = 0; i < thread.CarriedCalls; i++)
                _creations += thread.Calls.At(i)->Kind == CallKind.ThreadCreate ? 1 : 0;
            _calls += thread.CarriedCalls;
        }
        CheckWindow();
        return new PrologueProof(carried, _calls - _creations, _creations,
        [
            Acquired.ToCheck("A", "each thread acquires what is carried, in its order"),
            _before.ToCheck("W", "the window begins when that is over"),
        ]);
    }

    /// <summary>No thread's first call of the window comes before the last of the prologue is over, and those that end with it have ended.</summary>
    private void CheckWindow()
    {
        (long Ns, string What) last = (long.MinValue, "");
        for (int i = 0; i < trace.Threads.Count; i++)
        {
            if (match[i] < 0)
                continue;
            ExecutedThread recorded = trace.Threads[i], replayed = replay.Threads[match[i]];
            long index = Math.Min(recorded.CarriedCalls, replayed.Calls.Count) - 1;
            if (index >= 0 && replayed.Calls.At(index)->EndNs > last.Ns)
                last = (replayed.Calls.At(index)->EndNs, Describe(replay, new CallPlace(match[i], index)));
            bool endsWithIt = recorded.IsExitCarried && !recorded.CallsAfterExit && i != trace.MainThread;
            if (endsWithIt && replayed.ExitNs is { } exit && exit > last.Ns)
                last = (exit, $"the end of {Who(replay, match[i])}");
        }
        for (int i = 0; i < trace.Threads.Count; i++)
        {
            if (match[i] < 0 || replay.Threads[match[i]].Calls.Count <= trace.Threads[i].CarriedCalls)
                continue;
            var first = new CallPlace(match[i], trace.Threads[i].CarriedCalls);
            if (replay.Threads[match[i]].Calls.At(first.Call)->BeginNs + slackNs >= last.Ns)
                _before.Hold();
            else
                _before.Fail(() => $"{Describe(replay, first)}: it begins before the prologue is over, with {last.What}");
        }
    }

    private void Fail(int thread, long index, bool isSame) => Acquired.Fail(() => $"{Describe(trace, new CallPlace(thread, index))}: "
        + (isSame ? "in the replay it failed" : $"in the replay it is {Describe(replay, new CallPlace(match[thread], index))}"));
}
