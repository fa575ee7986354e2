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

    private readonly int _thread;
    private long _since;
    private int _signal; // that was about to be delivered
    private bool _isStopped;

    private StoppedThread(int thread) => _thread = thread;

    /// <summary>How long it has been held: from the last look at which it was not.</summary>
    public TimeSpan Held => Stopwatch.GetElapsedTime(_since);

    /// <summary>Stops a thread.</summary>
    /// <returns>Null when it does not stop, is about to handle a signal, or has ended.</returns>
    /// <exception cref="ControlException">It may not be traced, or does not stop, as one that waits for a disk; then this thread of ours must end.</exception>
    public static StoppedThread? Stop(int pid, int thread)
    {
        const int noSuchProcess = 3;
        if (!Ptrace.Ask(Ptrace.Seize, thread))
        {
            return Marshal.GetLastPInvokeError() == noSuchProcess ? null
                : throw new ControlException($"pid {pid}: may not be traced: {Marshal.GetLastPInvokeErrorMessage()}; {AttachRights.Advice}");
        }
        var stopped = new StoppedThread(thread);
        if (stopped.Interrupt())
            return stopped;
        stopped.Dispose();
        return null;
    }

    private bool Interrupt()
    {
        if (!Ptrace.Ask(Ptrace.Interrupt, _thread))
            return false;
        int status;
        var spin = new SpinWait();
        long asked = Stopwatch.GetTimestamp();
        for (_since = asked; (status = Ptrace.HasStopped(_thread)) == 0 && Stopwatch.GetElapsedTime(asked) < StopMax; _since = Stopwatch.GetTimestamp())
            spin.SpinOnce(sleep1Threshold: 1000);
        // It may yet: so whoever traces it has to end, which lets it go on.
        if (status == 0)
            throw new ControlException($"thread {_thread} did not stop within {StopMax.TotalSeconds} s");
        _isStopped = (status & 0xff) == 0x7f;
        if (!_isStopped)
            return false;
        int signal = status >> 8 & 0xff, reason = status >> 16;
        if (reason != Ptrace.EventStop)
            _signal = signal;
        return reason == Ptrace.EventStop && signal == Ptrace.Trap; // else a signal's, or of a process that is stopped as a whole
    }

    /// <summary>Lets it go on.</summary>
    public void Dispose()
    {
        if (_isStopped)
            _ = Ptrace.Ask(Ptrace.Detach, _thread, _signal);
        _isStopped = false;
    }
}
