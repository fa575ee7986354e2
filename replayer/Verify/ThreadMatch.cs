namespace AllocReplay.Replayer.Verify;

/// <summary>Which thread of a replay stands for which thread of the trace.</summary>
/// <remarks>
/// The first thread is the first thread. Threads without a parent are started by the worker in the order of their indices, and take theirs in that order; a
/// thread that another created is that one's first, second, … child, as its creation is a call like any other.
/// </remarks>
internal static class ThreadMatch
{
    /// <returns>For each thread of the trace the index of the replay's, -1 where there is none.</returns>
    public static int[] Of(Execution trace, Execution replay)
    {
        int[] match = new int[trace.Threads.Count];
        Array.Fill(match, -1);
        if (trace.MainThread >= 0 && replay.MainThread >= 0)
            Match(trace, trace.MainThread, replay, replay.MainThread, match);
        foreach ((int recorded, int replayed) in Roots(trace).Zip(Roots(replay)))
            Match(trace, recorded, replay, replayed, match);
        return match;
    }

    private static IEnumerable<int> Roots(Execution execution) =>
        Enumerable.Range(0, execution.Threads.Count).Where(t => t != execution.MainThread && execution.Threads[t].Parent < 0);

    private static void Match(Execution trace, int recorded, Execution replay, int replayed, int[] match)
    {
        // A stack of its own: a chain of threads may be as long as a trace has threads.
        var pending = new Stack<(int, int)>([(recorded, replayed)]);
        while (pending.TryPop(out (int Recorded, int Replayed) pair))
        {
            match[pair.Recorded] = pair.Replayed;
            foreach ((int, int) children in trace.Threads[pair.Recorded].Children.Zip(replay.Threads[pair.Replayed].Children))
                pending.Push(children);
        }
    }
}
