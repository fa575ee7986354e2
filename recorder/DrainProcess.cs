using System.Diagnostics;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder;

/// <summary>The process that brings a session's events from shared memory to disk.</summary>
internal sealed unsafe class DrainProcess : IDisposable
{
    private readonly Process _process;
    private readonly SharedArena _arena;

    private DrainProcess(Process process, SharedArena arena) => (_process, _arena) = (process, arena);

    /// <summary>The arena's path, for the programs that are to record.</summary>
    public string Arena => _arena.Path;

    /// <summary>Starts it, for a session's directory.</summary>
    /// <param name="session">The directory.</param>
    /// <param name="options">What to record.</param>
    /// <exception cref="RecordException">It does not run.</exception>
    public static DrainProcess Start(string session, RecordOptions options)
    {
        Process process = Launch(session);
        SharedArena arena = SharedArena.Open(session) ?? throw new RecordException($"{session}: its shared memory is gone");
        arena.Header->MaxBytes = (ulong)options.MaxSize;
        arena.Header->Interval = arena.Header->Control = options.StartPaused ? 0u : 1;
        return new DrainProcess(process, arena);
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
            if (arena is null || ArenaSeal.Ask(arena, () => IsAlive(arena)))
                return;
            using Process successor = Launch(session, "take-over");
            successor.StandardInput.Close();
            _ = ArenaSeal.Ask(arena, () => IsAlive(arena));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or RecordException)
        {
            throw new ControlException(e.Message);
        }
    }

    private static Process Launch(string session, params string[] arguments)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "allocreplay-drain");
        var start = new ProcessStartInfo(path, [session, .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true, WorkingDirectory = "/" };
        try
        {
            var process = Process.Start(start)!;
            string answer = process.StandardOutput.ReadLine() ?? "error it ended at once";
            return answer.StartsWith("ready ", StringComparison.Ordinal)
                ? process
                : throw new RecordException($"{path}: {answer[(answer.IndexOf(' ') + 1)..]}");
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException)
        {
            throw new RecordException($"{path}: {e.Message}");
        }
    }

    /// <summary>Whether an arena's drain still runs: it holds the arena's lock.</summary>
    public static bool IsAlive(SharedArena arena)
    {
        if (!arena.TryOwn())
            return true;
        arena.Disown();
        return false;
    }

    /// <summary>Waits until all that was recorded so far is on disk.</summary>
    /// <returns>Whether it is; not, where the drain is dead.</returns>
    public bool Seal() => ArenaSeal.Ask(_arena, () => !_process.HasExited);

    /// <summary>Ends it as a user might, for tests.</summary>
    internal void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>No further program is started. The drain goes on while processes record.</summary>
    public void Dispose()
    {
        _process.StandardInput.Close();
        while (Volatile.Read(ref _arena.Header->DrainState) is not (ArenaWire.DrainEnded or ArenaWire.DrainStays) && !_process.HasExited)
        {
            Libc.Wake(&_arena.Header->SealAsked);
            Thread.Sleep(1);
        }
        if (Volatile.Read(ref _arena.Header->DrainState) != ArenaWire.DrainStays)
            _process.WaitForExit();
        _arena.Dispose();
        _process.Dispose();
    }
}
