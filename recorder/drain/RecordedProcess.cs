using System.Globalization;

namespace AllocReplay.Drain;

/// <summary>A process that records, as /proc shows it.</summary>
internal sealed class RecordedProcess
{
    private readonly string _directory;
    private readonly ulong _started;

    private readonly bool _isNested; // its threads' ids are not ours either

    private RecordedProcess(int pid, ulong started, bool isNested) => (Pid, _directory, _started, _isNested) = (pid, $"/proc/{pid}", started, isNested);

    /// <summary>As this process knows it.</summary>
    public int Pid { get; }

    /// <summary>As they know themselves: processes that were found in a namespace below ours, in which all have other ids.</summary>
    private static readonly HashSet<uint> Nested = [];

    /// <summary>Finds the process that calls itself by an id; null when it is no more.</summary>
    /// <param name="pid">Its id, as it knows it.</param>
    /// <param name="parent">Its parent's, as it knows it. A namespace's first process has the id 1, and a parent that it does not see.</param>
    public static RecordedProcess? Find(uint pid, uint parent)
    {
        if (Candidate((int)pid, pid) is { } same)
            return same;
        if (pid != 1 && parent != 0 && !Nested.Contains(parent) && !Nested.Contains(pid))
            return null; // it has ended: to look through all processes takes longer than most live
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int other)
                && Candidate(other, pid) is { } found && IsNested(other))
            {
                _ = Nested.Add(pid);
                return found;
            }
        }
        return null;
    }

    /// <summary>Whether any process, but us and another one, still has a file mapped: it may have images to come.</summary>
    public static bool MapAny(string path, int but)
    {
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int pid) || pid == Environment.ProcessId
                || pid == but)
                continue;
            try
            {
                if (File.ReadLines($"{directory}/maps").Any(l => l.Contains(path, StringComparison.Ordinal)))
                    return true;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended, or is none of ours.
            }
        }
        return false;
    }

    /// <summary>Whether it has ended: all of it, not its first thread alone.</summary>
    public bool HasEnded
    {
        get
        {
            (char state, ulong started) = Stat(_directory);
            if (started != _started)
                return true;
            return state is 'Z' or 'X' && Tasks(_directory) <= 1;
        }
    }

    /// <summary>Whether a thread has ended, or its id is another's by now.</summary>
    /// <param name="thread">Its id, as the process knows it.</param>
    /// <param name="recordedNs">CLOCK_BOOTTIME when it recorded, in ns: another thread of that id began later.</param>
    public bool HasThreadEnded(uint thread, double recordedNs)
    {
        if (_isNested)
            return false; // its last chunks are collected when the process ends
        (char state, ulong started) = Stat($"{_directory}/task/{thread}");
        const double tickNs = 1e9 / 100; // of the kernel's start times
        return state is '\0' or 'Z' or 'X' || started * tickNs > recordedNs + tickNs;
    }

    private static RecordedProcess? Candidate(int pid, uint known)
    {
        try
        {
            string line = File.ReadLines($"/proc/{pid}/status").FirstOrDefault(l => l.StartsWith("NSpid:", StringComparison.Ordinal)) ?? "";
            string last = line[(line.LastIndexOf('\t') + 1)..];
            (_, ulong started) = Stat($"/proc/{pid}");
            return last == known.ToString(CultureInfo.InvariantCulture) && started != 0 ? new RecordedProcess(pid, started, pid != known) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool IsNested(int pid)
    {
        try
        {
            return File.ReadLines($"/proc/{pid}/status").Any(l => l.StartsWith("NSpid:", StringComparison.Ordinal) && l.Split('\t').Length > 2);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static int Tasks(string directory)
    {
        try
        {
            return Directory.GetDirectories(directory + "/task").Length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    /// <summary>State and start time, in the kernel's ticks since boot; 0 when there is no such process or thread.</summary>
    private static (char State, ulong Started) Stat(string directory)
    {
        try
        {
            // The name, in parentheses, may hold anything.
            string stat = File.ReadAllText(directory + "/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], ulong.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }
}
