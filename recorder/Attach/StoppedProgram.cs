using System.Diagnostics;

namespace AllocReplay.Recorder.Attach;

/// <summary>All threads of a process, held for a moment; made and disposed of on one thread of ours, as <see cref="StoppedThread"/>.</summary>
internal sealed class StoppedProgram : IDisposable
{
    private static readonly TimeSpan StopMax = TimeSpan.FromMilliseconds(20);

    private readonly List<StoppedThread> _threads = [];
    private readonly long _since = Stopwatch.GetTimestamp();
    private TimeSpan? _held;

    private StoppedProgram()
    {
    }

    public IReadOnlyList<StoppedThread> Threads => _threads;

    /// <summary>How long they were held, or have been.</summary>
    public TimeSpan Held => _held ?? Stopwatch.GetElapsedTime(_since);

    /// <summary>Stops them.</summary>
    /// <exception cref="ControlException">They may not be traced, or one does not stop, as where it waits for a disk or a child of vfork. Then this thread of
    /// ours must end.</exception>
    public static StoppedProgram Stop(int pid)
    {
        var stopped = new StoppedProgram();
        var known = new HashSet<int>();
        try
        {
            // Who is not stopped yet may make another. Once a look finds none that is new, nobody is left who could.
            while (ProcessStatus.Threads(pid).Where(known.Add).ToList() is { Count: > 0 } fresh)
            {
                List<StoppedThread> asked = [];
                foreach (int thread in fresh)
                    if (StoppedThread.Ask(pid, thread) is { } one)
                        asked.Add(one);
                stopped._threads.AddRange(asked);
                if (asked.Find(t => !t.Wait(StopMax)) is { } busy)
                    throw new ControlException($"pid {pid}: its thread {busy.Id} did not stop within {StopMax.TotalMilliseconds} ms");
            }
        }
        catch
        {
            stopped.Dispose();
            throw;
        }
        stopped._threads.RemoveAll(t => !t.IsStopped); // it has ended
        return stopped;
    }

    /// <summary>Lets them go on. A system call that we have interrupted, and that the kernel would not begin again, is begun again.</summary>
    public void Dispose()
    {
        foreach (StoppedThread thread in _threads)
        {
            if (thread.IsForUs && Ptrace.Read(thread.Id, out Registers registers) && RestingThread.EndedEarly(registers))
                _ = Ptrace.Write(thread.Id, RestoringFrame.Again(registers));
            thread.Dispose();
        }
        _held ??= Stopwatch.GetElapsedTime(_since);
    }
}
