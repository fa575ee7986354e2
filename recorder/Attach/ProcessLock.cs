using System.Diagnostics;
using System.Runtime.InteropServices;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder.Attach;

/// <summary>One command at a time attaches to a process, or detaches from it: a lock on its directory in /proc, which goes with who holds it.</summary>
internal readonly struct ProcessLock : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10), Pause = TimeSpan.FromMilliseconds(10);

    private readonly int _descriptor;

    /// <summary>Waits until nobody else has it, for a while: anybody may take a lock on that directory, and keep it.</summary>
    /// <exception cref="ControlException">Another has it.</exception>
    /// <exception cref="OperationCanceledException">The caller wants to wait no more.</exception>
    public ProcessLock(int pid, CancellationToken cancel)
    {
        _descriptor = Libc.Open($"/proc/{pid}", Libc.DirectoryOnly | Libc.CloseOnExec, 0);
        if (_descriptor < 0)
            return; // it has ended, as its user will find
        long began = Stopwatch.GetTimestamp();
        while (Libc.Lock(_descriptor, Libc.LockExclusive | Libc.LockNoWait) != 0 && Marshal.GetLastPInvokeError() == Libc.Again)
        {
            bool isLate = Stopwatch.GetElapsedTime(began) >= Patience;
            if (!isLate && !cancel.WaitHandle.WaitOne(Pause))
                continue;
            _ = Libc.Close(_descriptor);
            cancel.ThrowIfCancellationRequested();
            throw new ControlException($"pid {pid}: another attach or detach of it is under way, or something else has locked /proc/{pid}");
        }
    }

    public void Dispose()
    {
        if (_descriptor >= 0)
            _ = Libc.Close(_descriptor);
    }
}
