using System.Diagnostics;
using AllocReplay.Formats;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder;

/// <summary>The process that brings a session's events from shared memory to disk.</summary>
internal sealed unsafe class DrainProcess : IDisposable
{
    /// <summary>One that is killed again and again is not started for ever.</summary>
    private const int SuccessorsMax = 5;

    private static readonly TimeSpan StoppedMax = TimeSpan.FromSeconds(3);

    private readonly SharedArena _arena;
    private readonly Func<Process> _launchSuccessor;
    private readonly Lock _lock = new(); // of what follows
    private Process _process;
    private int _successorsLeft = SuccessorsMax;

    private DrainProcess(Process process, SharedArena arena, Func<Process> launchSuccessor)
    {
        (_process, _arena, _launchSuccessor) = (process, arena, launchSuccessor);
        Watch(process);
    }

    /// <summary>How often it was killed, and another took over.</summary>
    public int Successors { get; private set; }

    /// <summary>The arena's path, for the programs that are to record.</summary>
    public string Arena => _arena.Path;

    /// <summary>Starts it, for a session's directory.</summary>
    /// <param name="session">The directory.</param>
    /// <param name="options">What to record.</param>
    /// <exception cref="RecordException">It does not run.</exception>
    public static DrainProcess Start(string session, RecordOptions options)
    {
        DrainSettings settings = DrainSettings.Of(session, options);
        Process process = Launch(session, settings);
        SharedArena arena = SharedArena.Open(session) ?? throw new RecordException($"{session}: its shared memory is gone");
        if (options.WhenFull == WhenFull.Drop)
            arena.Header->WaitMs = 0;
        arena.Header->Interval = arena.Header->Control = options.StartPaused ? 0u : 1;
        return new DrainProcess(process, arena, () => Launch(session, settings, "take-over"));
    }

    /// <summary>
    /// Brings to disk what a session has recorded so far, where it has shared memory: asks its drain, or starts another where that is dead.
    /// </summary>
    /// <param name="session">The directory; another is left alone.</param>
    /// <exception cref="ControlException">It cannot be done.</exception>
    public static void BringIn(string session)
    {
        try
        {
            using SharedArena? arena = SharedArena.Open(session);
            for (int left = SuccessorsMax; arena is not null && !ArenaSeal.Ask(arena, AnswersFor(arena)); left--)
            {
                if (Volatile.Read(ref arena.Header->DrainState) == ArenaWire.DrainEnded)
                    return; // in order, as there was no more to do
                if (left == 0)
                    throw new ControlException($"{session}: what is in shared memory cannot be brought to disk: {SuccessorsMax} drains ended before they had");
                TakeOver(session, arena);
            }
        }
        catch (ForeignArenaException)
        {
            // A copy: it is what it was when it was made.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or RecordException or TraceFormatException)
        {
            throw new ControlException(e.Message);
        }
    }

    private static void TakeOver(string session, SharedArena arena)
    {
        try
        {
            using Process successor = Launch(session, DrainSettings.Of(session), "take-over");
            successor.StandardInput.Close();
        }
        catch (RecordException) when (IsAlive(arena))
        {
            // Another reader was faster.
        }
    }

    private static Process Launch(string session, DrainSettings settings, params string[] arguments)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "allocreplay-drain");
        var start = new ProcessStartInfo(path, [Path.GetFullPath(session), .. settings.Arguments, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = "/",
        };
        try
        {
            var process = Process.Start(start)!;
            string answer = process.StandardOutput.ReadLine() ?? $"error it ended at once, {EndOf(process)}";
            return answer.StartsWith("ready ", StringComparison.Ordinal)
                ? process
                : throw new RecordException($"{path}: {answer[(answer.IndexOf(' ') + 1)..]}");
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException)
        {
            throw new RecordException($"{path}: {e.Message}");
        }
    }

    private static string EndOf(Process process)
    {
        const int signalled = 128; // as .NET has it, and a shell
        process.WaitForExit();
        return process.ExitCode > signalled ? $"by signal {process.ExitCode - signalled}" : $"with exit code {process.ExitCode}";
    }

    /// <summary>Whether an arena's drain still runs: it holds the arena's lock.</summary>
    public static bool IsAlive(SharedArena arena)
    {
        if (!arena.TryOwn())
            return true;
        arena.Disown();
        return false;
    }

    /// <summary>As <see cref="IsAlive"/>, while it is waited for; one that somebody has stopped is not waited for long.</summary>
    /// <exception cref="ControlException">It is stopped: thrown by the function.</exception>
    public static Func<bool> AnswersFor(SharedArena arena)
    {
        var stopped = new Stopwatch();
        return () =>
        {
            int pid = (int)Volatile.Read(ref arena.Header->DrainPid);
            if (!RunningThreads.IsStopped(pid))
                stopped.Reset();
            else if (!stopped.IsRunning)
                stopped.Start();
            else if (stopped.Elapsed > StoppedMax)
                throw new ControlException($"the process that writes this recording is stopped (pid {pid}): kill -CONT {pid} lets it go on");
            return IsAlive(arena);
        };
    }

    /// <summary>Waits until all that was recorded so far is on disk.</summary>
    /// <returns>Whether it is; not, where no drain can be kept alive.</returns>
    public bool Seal()
    {
        while (true)
        {
            Process process = Current;
            if (ArenaSeal.Ask(_arena, () => !process.HasExited))
                return true;
            if (!Replace(process))
                return ArenaSeal.Ask(_arena, () => IsAlive(_arena)); // a reader may have started one
        }
    }

    private Process Current
    {
        get
        {
            lock (_lock)
                return _process;
        }
    }

    private void Watch(Process process)
    {
        process.Exited += (_, _) => Replace(process);
        process.EnableRaisingEvents = true;
    }

    /// <summary>Has another go on where one that was killed has left off.</summary>
    /// <returns>Whether there is another.</returns>
    private bool Replace(Process dead)
    {
        lock (_lock)
        {
            if (_process != dead)
                return true;
            if (_successorsLeft == 0)
                return false;
            _successorsLeft--;
            try
            {
                _process = _launchSuccessor();
            }
            catch (RecordException)
            {
                _successorsLeft = 0;
                return false;
            }
            Successors++;
            Watch(_process);
            return true;
        }
    }

    private void LeaveDead()
    {
        lock (_lock)
            _successorsLeft = 0;
    }

    /// <summary>Ends it for good, as if who started it had been killed with it: for tests.</summary>
    internal void Kill()
    {
        LeaveDead();
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>No further program is started. The drain goes on while processes record.</summary>
    public void Dispose()
    {
        LeaveDead();
        _process.StandardInput.Close();
        // Each seal is a look, and with one of them it finds that its input has ended.
        while (Volatile.Read(ref _arena.Header->DrainState) is not (ArenaWire.DrainEnded or ArenaWire.DrainStays) && !_process.HasExited)
            _ = ArenaSeal.Ask(_arena, () => !_process.HasExited);
        if (Volatile.Read(ref _arena.Header->DrainState) != ArenaWire.DrainStays)
            _process.WaitForExit();
        _arena.Dispose();
        _process.Dispose();
    }
}
