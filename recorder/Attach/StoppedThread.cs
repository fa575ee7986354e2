using System.Diagnostics;
using System.Runtime.InteropServices;

namespace AllocReplay.Recorder.Attach;

/// <summary>
/// One thread of a process, held for a moment: the others go on. Made, used and disposed of on one thread of ours, which the kernel takes for its tracer; when
/// that ends, or is killed, the kernel lets the thread go on with the registers that it has then.
/// </summary>
internal sealed class StoppedThread : IDisposable
{
    private static readonly TimeSpan StopMax = TimeSpan.FromSeconds(1);

    private long _since;
    private int _signal; // that was about to be delivered
    private bool _isAsked;

    private StoppedThread(int thread) => Id = thread;

    public int Id { get; }

    public bool IsStopped { get; private set; }

    /// <summary>Whether it is because we asked, and not for a signal, or with its whole process.</summary>
    public bool IsForUs { get; private set; }

    /// <summary>How long it has been held: from the last look at which it was not.</summary>
    public TimeSpan Held => Stopwatch.GetElapsedTime(_since);

    /// <summary>Stops a thread.</summary>
    /// <returns>Null when it does not stop, is about to handle a signal, or has ended.</returns>
    /// <exception cref="ControlException">It may not be traced, or does not stop, as one that waits for a disk; then this thread of ours must end.</exception>
    public static StoppedThread? Stop(int pid, int thread)
    {
        StoppedThread? stopped = Ask(pid, thread);
        if (stopped?.Wait(StopMax) == false)
            throw new ControlException($"thread {thread} did not stop within {StopMax.TotalSeconds} s");
        if (stopped is null or { IsForUs: true })
            return stopped;
        stopped.Dispose();
        return null;
    }

    /// <summary>Asks a thread to stop.</summary>
    /// <returns>Null when it has ended.</returns>
    /// <exception cref="ControlException">It may not be traced.</exception>
    public static StoppedThread? Ask(int pid, int thread)
    {
        const int noSuchProcess = 3;
        if (!Ptrace.Ask(Ptrace.Seize, thread))
        {
            return Marshal.GetLastPInvokeError() == noSuchProcess || ProcessStatus.OfThread(pid, thread) is not { State: not ('Z' or 'X') } ? null
                : throw new ControlException($"pid {pid}: may not be traced: {Marshal.GetLastPInvokeErrorMessage()}; {AttachRights.Advice}");
        }
        var asked = new StoppedThread(thread) { _since = Stopwatch.GetTimestamp() };
        asked._isAsked = Ptrace.Ask(Ptrace.Interrupt, thread);
        return asked;
    }

    /// <summary>Waits until it has stopped, or ended.</summary>
    /// <returns>
    /// False when it does not, as one that waits for a disk. It may yet: so this thread of ours, who traces it, has to end, which lets it go on.
    /// </returns>
    public bool Wait(TimeSpan longest)
    {
        if (!_isAsked)
            return true;
        int status;
        var spin = new SpinWait();
        long asked = Stopwatch.GetTimestamp();
        for (_since = asked; (status = Ptrace.HasStopped(Id)) == 0 && Stopwatch.GetElapsedTime(asked) < longest; _since = Stopwatch.GetTimestamp())
            spin.SpinOnce(sleep1Threshold: 1000);
        IsStopped = (status & 0xff) == 0x7f;
        if (!IsStopped)
            return status != 0;
        int signal = status >> 8 & 0xff, reason = status >> 16;
        if (reason != Ptrace.EventStop)
            _signal = signal;
        IsForUs = reason == Ptrace.EventStop && signal == Ptrace.Trap;
        return true;
    }

    /// <summary>Lets it go on.</summary>
    public void Dispose()
    {
        if (IsStopped)
            _ = Ptrace.Ask(Ptrace.Detach, Id, _signal);
        IsStopped = IsForUs = false;
    }
}
