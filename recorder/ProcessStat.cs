using System.Globalization;

namespace AllocReplay.Recorder;

/// <summary>What the kernel tells of a process or a thread in its <c>stat</c>: see proc(5).</summary>
/// <param name="State">R: it runs or could; S, D: it waits; T: a signal, t: a tracer has stopped it; Z, X: it has ended.</param>
/// <param name="User">In its own code so far.</param>
/// <param name="System">In the kernel so far.</param>
/// <param name="Began">Since the machine's start, times of suspension included; to 10 ms.</param>
/// <param name="StackStart">The stack pointer that the program began with; 0 where that is not told, as of a process that may not be looked at.</param>
internal readonly record struct ProcessStat(char State, TimeSpan User, TimeSpan System, TimeSpan Began, ulong StackStart)
{
    private const int FirstBehindName = 3; // fields are counted from 1
    private const long TimeSpanTicks = TimeSpan.TicksPerSecond / 100; // the kernel's ticks are hundredths of a second, whatever its own clock is

    /// <param name="directory">In /proc: <c>/proc/PID</c>, <c>/proc/PID/task/TID</c>.</param>
    /// <returns>Null when there is no such process or thread, or it may not be looked at.</returns>
    public static ProcessStat? Of(string directory)
    {
        string stat;
        try
        {
            stat = File.ReadAllText(directory + "/stat");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        // The name, in parentheses, may hold anything.
        string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        ulong Number(int field) => ulong.TryParse(fields[field - FirstBehindName], NumberStyles.None, CultureInfo.InvariantCulture, out ulong n) ? n : 0;
        TimeSpan Time(int field) => TimeSpan.FromTicks((long)Math.Min(Number(field), long.MaxValue / TimeSpanTicks) * TimeSpanTicks);
        return fields.Length <= 28 - FirstBehindName ? null : new ProcessStat(fields[0][0], Time(14), Time(15), Time(22), Number(28));
    }
}
