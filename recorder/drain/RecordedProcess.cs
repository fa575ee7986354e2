using System.Globalization;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Drain;

/// <summary>A process that records, as /proc shows it.</summary>
internal sealed class RecordedProcess
{
    private const double TickNs = 1e9 / 100; // that start times are told to
    private const double StartMaxNs = 10e9; // from the process that becomes the program to the session: it is held until there is one

    private readonly string _directory;
    private readonly TimeSpan _began; // as the kernel tells it
    private readonly uint _user;
    private readonly bool _isNested; // its threads' ids are not ours either

    private RecordedProcess(int pid, TimeSpan began, uint user, bool isNested) =>
        (Pid, _directory, _began, _user, _isNested) = (pid, $"/proc/{pid}", began, user, isNested);

    /// <summary>As this process knows it.</summary>
    public int Pid { get; }

    /// <summary>As they know themselves: processes that were found in a namespace below ours, in which all have other ids.</summary>
    private static readonly HashSet<uint> Nested = [];

    /// <summary>Finds the process of an image; null when it is no more.</summary>
    /// <param name="image">As the process knows itself: in a namespace of process ids that may be another process's id here.</param>
    /// <param name="map">What it has mapped.</param>
    /// <param name="mappedAt">Where: it tells those apart that call themselves by one id.</param>
    /// <param name="bootOffsetNs">CLOCK_BOOTTIME less CLOCK_MONOTONIC.</param>
    /// <param name="sinceNs">CLOCK_BOOTTIME when the session began: no process of it is much older.</param>
    /// <param name="isTaken">Whether a process has an image already: it is the one only if there is no other, by an exec.</param>
    public static RecordedProcess? Find(
        ProcessHeader image, string map, ulong mappedAt, double bootOffsetNs, double sinceNs, Func<int, bool> isTaken)
    {
        bool forked = (image.Flags & Wire.FlagForked) != 0;
        double startedNs = image.StartMonoNs + bootOffsetNs;
        RecordedProcess? last = null;
        foreach (RecordedProcess candidate in Candidates(image).Where(
            c => forked && !c._isNested && c.BeganAt(startedNs) || c.MayMap(map, mappedAt, sinceNs)))
        {
            last = candidate;
            if (!isTaken(candidate.Pid))
                break;
        }
        if (last is { _isNested: true })
            _ = Nested.Add(image.Pid);
        return last;
    }

    /// <summary>Whether there is a process that calls itself as an image does.</summary>
    public static bool MayRun(ProcessHeader image) => Candidates(image).Any(p => !p.HasEnded);

    /// <summary>
    /// Processes that call themselves as an image does: the one that we call so, and those of namespaces below ours. A namespace's first process has the id 1,
    /// and a parent that it does not see; others are known by their parents, but for one that was attached to.
    /// </summary>
    private static IEnumerable<RecordedProcess> Candidates(ProcessHeader image)
    {
        (uint pid, uint parent) = (image.Pid, image.ParentPid);
        bool isAttached = (image.Flags & (Wire.FlagAttached | Wire.FlagForked)) == Wire.FlagAttached;
        if (Candidate((int)pid, pid) is { } same)
            yield return same;
        if (!isAttached && pid != 1 && parent != 0 && !Nested.Contains(parent) && !Nested.Contains(pid))
            yield break; // to look through all processes takes longer than most live
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int other) && other != pid
                && Candidate(other, pid) is { } nested)
            {
                yield return nested;
            }
        }
    }

    /// <summary>Whether it was created at a moment of CLOCK_BOOTTIME, give or take what a fork takes. The kernel tells it in ticks.</summary>
    private bool BeganAt(double ns) => Math.Abs(_began.TotalNanoseconds - ns) < 2 * TickNs;

    /// <summary>Whether it has a file mapped there. One that hides what it has (PR_SET_DUMPABLE) is believed if it may be of this session.</summary>
    private bool MayMap(string path, ulong at, double sinceNs) =>
        Maps(_directory, path, at.ToString("x", CultureInfo.InvariantCulture) + "-")
            ?? (!_isNested && _user == Libc.EffectiveUser && _began.TotalNanoseconds > sinceNs - StartMaxNs);

    /// <param name="directory">Of the process, in /proc.</param>
    /// <param name="path">Of the file.</param>
    /// <param name="from">The address, as the kernel writes it there; empty: anywhere.</param>
    /// <returns>Null when that may not be looked at.</returns>
    private static bool? Maps(string directory, string path, string from = "")
    {
        try
        {
            return Lines(directory).Any(
                l => l.Contains(path, StringComparison.Ordinal) && l.TrimStart('0').StartsWith(from, StringComparison.Ordinal));
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
        catch (IOException)
        {
            return false; // it has ended
        }
    }

    /// <summary>What a process has mapped. Once its first thread has ended and others go on, only these show it.</summary>
    private static IEnumerable<string> Lines(string directory)
    {
        string maps = directory + "/maps";
        if (File.ReadLines(maps).Any())
            return File.ReadLines(maps);
        return Directory.GetDirectories(directory + "/task").Select(t => t + "/maps").Where(m => Path.Exists(m) && File.ReadLines(m).Any())
            .Select(File.ReadLines).FirstOrDefault() ?? [];
    }

    /// <summary>Whether any process, but us and another one, still has a file mapped: it may have images to come.</summary>
    public static bool MapAny(string path, int but)
    {
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int pid) || pid == Environment.ProcessId
                || pid == but)
                continue;
            if (Maps(directory, path) == true)
                return true;
        }
        return false;
    }

    /// <summary>Whether it has ended: all of it, not its first thread alone.</summary>
    public bool HasEnded
    {
        get
        {
            ProcessStat? stat = ProcessStat.Of(_directory);
            return stat?.Began != _began || (stat?.State is 'Z' or 'X' && Tasks(_directory) <= 1);
        }
    }

    /// <summary>Whether a thread has ended, or its id is another's by now.</summary>
    /// <param name="thread">Its id, as the process knows it.</param>
    /// <param name="recordedNs">CLOCK_BOOTTIME when it recorded, in ns: another thread of that id began later.</param>
    public bool HasThreadEnded(uint thread, double recordedNs)
    {
        if (_isNested)
            return false; // its last chunks are collected when the process ends
        return ProcessStat.Of($"{_directory}/task/{thread}") is not { State: not ('Z' or 'X') } stat || stat.Began.TotalNanoseconds > recordedNs + TickNs;
    }

    private static RecordedProcess? Candidate(int pid, uint known)
    {
        try
        {
            uint user = 0;
            foreach (string line in File.ReadLines($"/proc/{pid}/status"))
            {
                if (line.StartsWith("Uid:", StringComparison.Ordinal))
                    user = uint.Parse(line.Split('\t')[2], CultureInfo.InvariantCulture); // the effective one
                if (!line.StartsWith("NSpid:", StringComparison.Ordinal))
                    continue;
                bool isKnown = line[(line.LastIndexOf('\t') + 1)..] == known.ToString(CultureInfo.InvariantCulture);
                return isKnown && ProcessStat.Of($"/proc/{pid}") is { } stat ? new RecordedProcess(pid, stat.Began, user, pid != known) : null;
            }
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
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
}
