using System.Globalization;
using AllocReplay.Recorder.Doctor;

namespace AllocReplay.Recorder.Attach;

/// <summary>What keeps a program's loader from opening the recorder's library, as far as it can be seen from outside.</summary>
internal static class OpeningObstacles
{
    /// <summary>Addresses that the library and the recording's shared memory take.</summary>
    private const long AddressesMiB = 465;

    private static readonly string[] Libraries = ["libdl.so.2", "libpthread.so.0"];

    /// <summary>Those that there are, each as a phrase of which the program is the subject; none where nothing is seen.</summary>
    public static IEnumerable<string> Of(TargetProgram program)
    {
        int pid = program.Pid;
        if (Limit(pid, "Max open files") is { } files && DescriptorsBelow(files, pid) >= files)
            yield return $"all of its {files} descriptors are in use: prlimit --pid {pid} --nofile={files + 16} gives it more";
        if (Limit(pid, "Max address space") is { } space && ((space >> 20) - (program.Status.MappedBytes >> 20)) is var left and < AddressesMiB)
            yield return $"{Math.Max(0, left)} MiB of addresses are left to it (ulimit -v), and {AddressesMiB} are needed: prlimit --pid {pid} --as=unlimited";
        if (program.Status is { LockedBytes: > 0, User: not 0 } && Limit(pid, "Max locked memory") is { } locked)
        {
            yield return $"it locks its memory (mlockall), and may lock {locked >> 20} MiB (ulimit -l), where {AddressesMiB} more are needed: "
                + $"prlimit --pid {pid} --memlock=unlimited";
        }
        string[] missing = Missing(program);
        if (missing.Length > 0)
            yield return $"it has no {string.Join(" and no ", missing)} in its view of files, beside its C library";
    }

    private static int DescriptorsBelow(long limit, int pid)
    {
        try
        {
            return Directory.GetFileSystemEntries($"{RunningThreads.DirectoryOf(pid)}/fd")
                .Count(d => long.Parse(Path.GetFileName(d), CultureInfo.InvariantCulture) < limit);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static long? Limit(int pid, string name) => new SystemFiles().Limit(string.Create(CultureInfo.InvariantCulture, $"proc/{pid}"), name);

    /// <summary>Neither loaded, nor where the C library lies, to which it belongs.</summary>
    private static string[] Missing(TargetProgram program)
    {
        List<Mapping> map = program.Map();
        string root = $"{RunningThreads.DirectoryOf(program.Pid)}/root", itsRoot = new FileInfo(root).LinkTarget ?? "/";
        string? libc = map.Select(m => m.Name).FirstOrDefault(n => Path.GetFileName(n) is "libc.so.6");
        if (libc is null)
            return []; // older ones have another name, and their libraries too
        // The kernel tells the path as we see it, or, where we do not, as it is below the mount.
        string below = itsRoot != "/" && libc.StartsWith(itsRoot + "/", StringComparison.Ordinal) ? libc[itsRoot.Length..] : libc;
        string directory = root + Path.GetDirectoryName(below);
        return !Directory.Exists(directory) ? []
            : [.. Libraries.Where(l => !Path.Exists($"{directory}/{l}") && !map.Exists(m => Path.GetFileName(m.Name) == l))];
    }
}
