using System.Runtime.InteropServices;

namespace AllocReplay.Recorder.Attach;

/// <summary>
/// Who holds one of the loader's locks. A thread that calls the loader waits for who does, and that one may be waiting for the thread: in a callback of
/// dl_iterate_phdr, or in a constructor.
/// </summary>
/// <remarks>
/// The locks lie in <c>_rtld_global</c>, at offsets that change from version to version of the C library. So they are found by what a recursive mutex that is
/// locked looks like: its owner is a thread of the process, which the other words there are not.
/// </remarks>
internal sealed class LoaderLocks(int pid, ProcessMemory memory, CodeRange state)
{
    public const string State = "_rtld_global";

    private const int StateMax = 64 << 10, Recursive = 1, CountMax = 1000;

    // pthread_mutex_t, in words of 32 bits
    private const int Lock = 0, Count = 1, Owner = 2, Users = 3, Kind = 4, Words = 5, Step = 2;

    private readonly byte[] _bytes = new byte[(int)Math.Min(state.End - state.Start, StateMax) & ~7];

    /// <summary>Whether a thread holds one.</summary>
    /// <param name="thread">Its id, as it knows itself.</param>
    /// <param name="others">Whether another thread of the process does.</param>
    public bool Has(int thread, out bool others)
    {
        bool has = others = false;
        if (!memory.TryRead(state.Start, _bytes))
        {
            others = true; // it cannot be told
            return false;
        }
        ReadOnlySpan<int> words = MemoryMarshal.Cast<byte, int>(_bytes);
        for (int i = 0; i + Words <= words.Length; i += Step)
        {
            bool isLocked = words[i + Lock] is 1 or 2 && words[i + Count] is >= 1 and <= CountMax && words[i + Users] == 1 && words[i + Kind] == Recursive;
            int owner = words[i + Owner];
            has |= isLocked && owner == thread;
            others |= isLocked && owner != thread && owner > 0 && IsThread(owner);
        }
        return has;
    }

    private bool IsThread(int owner) => ProcessStatus.OfThreads(pid).Any(t => t.Status.OwnPid == owner);
}
