using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder.Attach;

/// <summary>One command at a time attaches to a process, or detaches from it: a lock on its directory in /proc, which goes with who holds it.</summary>
internal readonly struct ProcessLock : IDisposable
{
    private readonly int _descriptor;

    /// <summary>Waits until nobody else has it.</summary>
    public ProcessLock(int pid)
    {
        _descriptor = Libc.Open($"/proc/{pid}", Libc.DirectoryOnly | Libc.CloseOnExec, 0);
        if (_descriptor >= 0)
            _ = Libc.Lock(_descriptor, Libc.LockExclusive);
    }

    public void Dispose()
    {
        if (_descriptor >= 0)
            _ = Libc.Close(_descriptor);
    }
}
