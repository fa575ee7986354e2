using System.Globalization;
using AllocReplay.Formats;

namespace AllocReplay.Symbols.Objects;

/// <summary>
/// Processes that run now and may be the one that was recorded, as directories in /proc. A recording has the process id that the process itself
/// sees, which in a container is not the one it has here.
/// </summary>
internal static class RunningProcess
{
    private const string InnerIds = "NSpid:", Deleted = " (deleted)";

    /// <summary>Those of the recorded process id and executable that this user may look at: one, as a rule; containers may have namesakes.</summary>
    /// <param name="process">What was recorded.</param>
    public static IReadOnlyList<string> DirectoriesOf(ProcessInfo process) =>
        process.Pid == 0 ? [] : [.. Directory.EnumerateDirectories("/proc").Where(d => IsNumber(d) && IsOf(d, process))];

    /// <summary>
    /// When the program itself began, as far as that is told: one that was attached to is older than its recording, which is told while it runs.
    /// </summary>
    public static DateTimeOffset Began(ProcessInfo process) => process.Source != ProcessInfo.FromAttach ? process.Started
        : DirectoriesOf(process).Select(BeganOf).OfType<DateTimeOffset>().Append(process.Started).Min();

    /// <returns>Null: it has ended.</returns>
    private static DateTimeOffset? BeganOf(string directory)
    {
        const int field = 22, firstBehindName = 3; // of /proc/PID/stat, counted from 1: since the machine's start
        const double ticks = 100; // a second
        const string boot = "btime ";
        try
        {
            string stat = File.ReadAllText($"{directory}/stat");
            string seconds = File.ReadLines("/proc/stat").First(l => l.StartsWith(boot, StringComparison.Ordinal))[boot.Length..];
            double since = double.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[field - firstBehindName], CultureInfo.InvariantCulture) / ticks;
            return DateTimeOffset.FromUnixTimeSeconds(long.Parse(seconds, CultureInfo.InvariantCulture)).AddSeconds(since);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool IsOf(string directory, ProcessInfo process)
    {
        try
        {
            string? ids = File.ReadLines($"{directory}/status").FirstOrDefault(l => l.StartsWith(InnerIds, StringComparison.Ordinal));
            // A kernel that does not tell has the one number, that of the directory.
            string inner = ids is null ? Path.GetFileName(directory) : ids.Split('\t')[^1];
            // Of another mount namespace the kernel tells the path as far as it can be seen from here: the name is what can be relied on.
            return inner == process.Pid.ToString(CultureInfo.InvariantCulture)
                && (process.Executable.Length == 0 || NameOf(new FileInfo($"{directory}/exe").LinkTarget ?? "") == NameOf(process.Executable));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // it has ended, or is another user's
        }
    }

    private static string NameOf(string program) =>
        Path.GetFileName(program.EndsWith(Deleted, StringComparison.Ordinal) ? program[..^Deleted.Length] : program);

    private static bool IsNumber(string directory) => Path.GetFileName(directory).All(char.IsAsciiDigit);
}
