using System.Diagnostics;

namespace AllocReplay.Recorder.Attach;

/// <summary>Takes an attached recorder out of a program's way.</summary>
public static class Detachment
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Stops recording a process that was attached to, and has its functions lead to where they led before. The library stays in it, unused.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="cancel">Ends the search for a moment at which it can be.</param>
    /// <returns>How long threads of it were held.</returns>
    /// <exception cref="ControlException">It is not attached to, or cannot be detached from now: it goes on as it was, or is not recorded.</exception>
    /// <exception cref="OperationCanceledException">As above: the caller wants to wait no more.</exception>
    public static TimeSpan Of(int pid, CancellationToken cancel = default) => Of(pid, null, cancel);

    /// <param name="pid">The process.</param>
    /// <param name="session">Of its recording; null: it is looked for.</param>
    /// <param name="cancel">Ends the search.</param>
    internal static TimeSpan Of(int pid, string? session, CancellationToken cancel)
    {
        using TargetProgram program = TargetProgram.Open(pid, purpose: "detached from");
        using var alone = new ProcessLock(pid, cancel);
        if (program.Hook() is not { State: not LateState.Detached } hook)
            throw new ControlException($"pid {pid}: the recorder is not attached to it");
        if (hook.State == LateState.NotLate)
            throw new ControlException($"pid {pid}: was started with the recorder, which stays; 'allocreplay control {pid} stop' ends recording");
        RemoteCall call = program.NewCall();
        var held = TimeSpan.Zero;
        for (int attempt = 0; attempt < 3; attempt++)
        {
            foreach (string image in session is null ? ControlTarget.Find($"{pid}") : RunningImages.Of(session))
            {
                using ControlledProcess process = ControlledProcess.Open(image);
                if (process.Status() is { Alive: true } status && status.Pid == program.Status.OwnPid)
                    process.Stop();
            }
            if (hook.Detours() is { Length: > 0 } list)
            {
                var detours = new Detours(program, list);
                _ = detours.Put(inPlace: false);
                held += detours.Held;
            }
            call.Begin(hook.Detach, Patience, cancel);
            long began = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(began) < Patience)
            {
                LateState? outcome = Outcome(() => RestingThread.Of(pid, call.Caller.Thread) == call.Caller, () => hook.State);
                if (outcome == LateState.Detached)
                    return held + call.Held;
                if (!Directory.Exists($"/proc/{pid}"))
                    throw new ControlException($"pid {pid}: has ended");
                if (outcome is not null)
                    break; // somebody has started it again
                Thread.Sleep(1);
            }
        }
        return hook.State == LateState.Detached ? held + call.Held
            : throw new ControlException($"pid {pid}: was not detached from within {Patience.TotalSeconds} s");
    }

    /// <summary>What came of the call. First it is asked whether the thread is back: asked last, it may have done all of it since its state was read.</summary>
    /// <param name="isBack">Whether the thread is where it was before the call.</param>
    /// <param name="state">The hook's state.</param>
    /// <returns>Null: nothing yet.</returns>
    internal static LateState? Outcome(Func<bool> isBack, Func<LateState> state)
    {
        bool isOver = isBack();
        LateState now = state();
        return isOver || now == LateState.Detached ? now : null;
    }
}
