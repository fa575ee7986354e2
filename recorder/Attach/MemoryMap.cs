using System.Globalization;

namespace AllocReplay.Recorder.Attach;

/// <summary>A mapping of a process.</summary>
/// <param name="Start">Its first address.</param>
/// <param name="End">Behind its last.</param>
/// <param name="Offset">Of the file.</param>
/// <param name="IsReadable">Whether it can be read.</param>
/// <param name="IsWritable">Whether it can be written.</param>
/// <param name="IsCode">Whether it can be executed.</param>
/// <param name="Name">Of the file, with "(deleted)" behind it where that has no name any more; or what the kernel calls it; or empty.</param>
internal readonly record struct Mapping(ulong Start, ulong End, ulong Offset, bool IsReadable, bool IsWritable, bool IsCode, string Name)
{
    public bool Has(ulong address) => address - Start < End - Start;

    /// <summary>Of a file, and not of the kernel's own or a device.</summary>
    public bool IsFile => Name.StartsWith('/') && !Name.StartsWith("/dev/", StringComparison.Ordinal) || Name.StartsWith("/dev/shm/", StringComparison.Ordinal)
        || Name.StartsWith("/memfd:", StringComparison.Ordinal);
}

/// <summary>What a process has mapped, at one look.</summary>
internal static class MemoryMap
{
    /// <exception cref="ControlException">It may not be looked at.</exception>
    public static List<Mapping> Of(int pid)
    {
        try
        {
            return [.. File.ReadLines($"{RunningThreads.DirectoryOf(pid)}/maps").Select(Parse)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ControlException($"pid {pid}: {(Directory.Exists($"/proc/{pid}") ? "may not be looked at: " + AttachRights.Advice : "no such process")}");
        }
    }

    private static Mapping Parse(string line)
    {
        string[] fields = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
        int dash = fields[0].IndexOf('-');
        return new Mapping(Hex(fields[0].AsSpan(0, dash)), Hex(fields[0].AsSpan(dash + 1)), Hex(fields[2]), fields[1][0] == 'r', fields[1][1] == 'w',
            fields[1][2] == 'x', fields.Length > 5 ? fields[5] : "");
    }

    private static ulong Hex(ReadOnlySpan<char> digits) => ulong.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
