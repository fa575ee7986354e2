using System.Globalization;

namespace AllocReplay.Recorder;

/// <summary>The threads of a process, as the kernel shows them.</summary>
internal static class RunningThreads
{
    /// <summary>Whether none is left that could run: what is left of a process waits for its parent.</summary>
    public static bool HasEnded(int pid) => States(pid).All(s => s.State is 'Z' or 'X');

    /// <summary>
    /// Where the kernel shows a process's memory and files: in its own directory of /proc, or, once its first thread has ended and others go on, in that
    /// of one of these.
    /// </summary>
    public static string DirectoryOf(int pid)
    {
        string process = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}"), first = Path.GetFileName(process);
        string? other = null;
        foreach ((string thread, char state) in States(pid))
        {
            if (state is 'Z' or 'X')
                continue;
            if (thread == first)
                return process;
            other ??= thread;
        }
        return other is null ? process : $"{process}/task/{other}";
    }

    /// <summary>Whether a signal has stopped it.</summary>
    public static bool IsStopped(int pid) => States(pid).Any(s => s.State is 'T');

    /// <summary>Which threads cannot go on by themselves: "threads 12 (stopped) …".</summary>
    public static string Describe(int pid)
    {
        (string Thread, char State)[] held = [.. States(pid).Where(s => s.State is 'T' or 't' or 'D')];
        return held.Length == 0
            ? "none of its threads is stopped"
            : "threads " + string.Join(", ", held.Take(8).Select(s => $"{s.Thread} ({(s.State == 'D' ? "waits in the kernel" : "stopped")})"))
                + (held.Length > 8 ? $" and {held.Length - 8} more" : "");
    }

    private static IEnumerable<(string Thread, char State)> States(int pid)
    {
        string[] tasks;
        try
        {
            tasks = Directory.GetDirectories($"/proc/{pid}/task");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            yield break;
        }
        foreach (string task in tasks)
        {
            if (ProcessStat.Of(task) is { } stat) // otherwise it has ended
                yield return (Path.GetFileName(task), stat.State);
        }
    }
}
