using System.Globalization;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder;

/// <summary>What the process that writes a recording is doing.</summary>
public enum DrainState
{
    /// <summary>It brings to disk what is recorded.</summary>
    Running,
    /// <summary>A signal has stopped it: what is recorded stays in shared memory, as long as there is room.</summary>
    Stopped,
    /// <summary>It was killed, and no other has taken over.</summary>
    Dead,
    /// <summary>All is on disk, and it has gone; or there was none.</summary>
    Ended,
}

/// <summary>The process that writes a recording.</summary>
/// <param name="State">What it is doing.</param>
/// <param name="Pid">Its process id, as it knows itself; 0 where there is none.</param>
/// <param name="MemoryBytes">Its memory, resident and its own; null where that is not known.</param>
/// <param name="SharedBytes">The recording's shared memory that it has touched; null likewise.</param>
/// <param name="CpuSeconds">Processor time that it has used; null likewise.</param>
/// <param name="RunsSeconds">For how long it has run; null likewise.</param>
/// <param name="Replaced">How often one was killed and another took over.</param>
public sealed record DrainStatus(
    DrainState State, uint Pid, long? MemoryBytes, long? SharedBytes, double? CpuSeconds, double? RunsSeconds, uint Replaced)
{
    /// <summary>The kernel cuts a name at 15 bytes.</summary>
    private const string Name = "allocreplay-dra";

    /// <summary>The one of a session.</summary>
    /// <exception cref="ControlException">What the session names is no shared memory.</exception>
    public static DrainStatus Of(string session)
    {
        try
        {
            using ArenaReading? arena = ArenaReading.Open(session);
            return Of(arena);
        }
        catch (IOException e)
        {
            throw new ControlException(e.Message);
        }
    }

    /// <param name="arena">Its shared memory; null where there is none.</param>
    internal static DrainStatus Of(ArenaReading? arena)
    {
        // The lock first: one that ends says so before it lets go of it, and perhaps since the arena was opened.
        bool hasOwner = arena is { HasOwner: true };
        if (arena is null || arena.HasDrainEnded)
            return new DrainStatus(DrainState.Ended, 0, null, null, null, null, arena is null ? 0 : ReplacedOf(arena));
        uint pid = arena.Header.DrainPid;
        DrainState state = !hasOwner ? DrainState.Dead : RunningThreads.IsStopped((int)pid) ? DrainState.Stopped : DrainState.Running;
        // A program may have written any process's id there.
        (long? memory, long? shared, double? cpu, double? runs) = state != DrainState.Dead && IsDrain(pid) ? UsageOf(pid) : default;
        return new DrainStatus(state, pid, memory, shared, cpu, runs, ReplacedOf(arena));
    }

    private static uint ReplacedOf(ArenaReading arena) => Math.Max(1, arena.Header.Drains) - 1;

    private static bool IsDrain(uint pid) => Text(pid, "comm").TrimEnd('\n') == Name;

    private static (long? Memory, long? Shared, double? Cpu, double? Runs) UsageOf(uint pid)
    {
        long? Kib(string status, string name) =>
            status.Split('\n').FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal)) is { } line
            && long.TryParse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture, out long n) ? n << 10 : null;

        string status = Text(pid, "status");
        ProcessStat? stat = ProcessStat.Of($"/proc/{pid}");
        return (Kib(status, "RssAnon:") + Kib(status, "RssFile:"), Kib(status, "RssShmem:"), (stat?.User + stat?.System)?.TotalSeconds,
            Libc.BootTimeNs / 1e9 - stat?.Began.TotalSeconds);
    }

    private static string Text(uint pid, string name)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/{name}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ""; // it has ended, or is another's
        }
    }
}
