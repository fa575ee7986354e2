using System.Globalization;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Files;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder.Doctor;

/// <summary>What on this machine would stop a recording, or make it a lesser one.</summary>
public static class MachineExamination
{
    private const long MiB = 1 << 20;

    /// <summary>What a process that runs ahead of the disk may take at most.</summary>
    private const long QuotaBytes = 64 * MiB;

    /// <summary>Looks at the machine.</summary>
    /// <param name="directory">Where a recording would lie.</param>
    /// <exception cref="ArgumentException">There is no such directory.</exception>
    public static IReadOnlyList<Finding> Examine(string directory)
    {
        var files = new SystemFiles();
        return
        [
            OfArchitecture(RuntimeInformation.ProcessArchitecture), OfKernel(files), OfMembarrier(),
            .. OfCounter(files, RuntimeInformation.ProcessArchitecture), OfSharedMemory("/dev/shm"), OfMemoryLimit(files, "proc/self"),
            .. OfDirectory(directory), OfLimits(files, "proc/self"), OfPreload(Environment.GetEnvironmentVariable("LD_PRELOAD")),
            OfFilter(files, "proc/self"), OfPtrace(files, Environment.IsPrivilegedProcess),
        ];
    }

    internal static Finding OfArchitecture(Architecture architecture) => architecture switch
    {
        Architecture.X64 => new(CheckKind.Architecture, Verdict.Fine, "x86-64"),
        Architecture.Arm64 => new(CheckKind.Architecture, Verdict.Fine, "aarch64"),
        _ => new(CheckKind.Architecture, Verdict.Stops, architecture.ToString().ToLowerInvariant(), Obstacle.NoHook),
    };

    internal static Finding OfKernel(SystemFiles files)
    {
        string release = files.Text("proc/sys/kernel/osrelease")?.Trim() ?? "not known";
        string[] parts = release.Split('.', '-');
        return parts.Length < 2 || !int.TryParse(parts[0], out int major) || !int.TryParse(parts[1], out int minor) || (major, minor).CompareTo((4, 14)) >= 0
            ? new(CheckKind.Kernel, Verdict.Fine, release)
            : new(CheckKind.Kernel, Verdict.Stops, release, Obstacle.OldKernel);
    }

    /// <summary>The events of a counter of arm64 are always those of one clock.</summary>
    internal static IEnumerable<Finding> OfCounter(SystemFiles files, Architecture architecture)
    {
        if (architecture != Architecture.X64)
            yield break;
        string clock = files.Text("sys/devices/system/clocksource/clocksource0/current_clocksource")?.Trim() ?? "not known";
        string[] flags = files.Field("proc/cpuinfo", "flags")?.Split(' ') ?? [];
        bool isSteady = flags.Contains("constant_tsc") && flags.Contains("nonstop_tsc");
        yield return isSteady
            ? new(CheckKind.Counter, Verdict.Fine, $"constant TSC, the kernel's clock is {clock}")
            : new(CheckKind.Counter, Verdict.Limited, $"TSC without {(flags.Contains("constant_tsc") ? "nonstop_tsc" : "constant_tsc")}",
                Obstacle.UnsteadyCounter);
    }

    internal static Finding OfSharedMemory(string directory)
    {
        const long needed = 48 * MiB;
        if (FreeOf(directory) is not var (free, type) || type != "tmpfs")
            return new(CheckKind.SharedMemory, Verdict.Limited, $"no tmpfs in {directory}", Obstacle.SmallSharedMemory);
        string found = $"{directory}, {Size(free)} free";
        return free >= needed
            ? new(CheckKind.SharedMemory, Verdict.Fine, found)
            : new(CheckKind.SharedMemory, Verdict.Limited, found, Obstacle.SmallSharedMemory);
    }

    /// <summary>Of control groups of version 2, and of 1 where that alone is there. A process sees its own group at the root of the file system.</summary>
    internal static Finding OfMemoryLimit(SystemFiles files, string process)
    {
        string? group = files.Text($"{process}/cgroup")?.Split('\n').FirstOrDefault(l => l.StartsWith("0::", StringComparison.Ordinal))?[3..].Trim('/');
        long? limit = null;
        for (string? at = group; at is not null; at = at.Length == 0 ? null : Path.GetDirectoryName(at) ?? "")
            if (files.Number($"sys/fs/cgroup/{(at.Length == 0 ? "" : at + "/")}memory.max") is { } max)
                limit = Math.Min(limit ?? long.MaxValue, max);
        limit ??= files.Number("sys/fs/cgroup/memory/memory.limit_in_bytes") is { } old && old < 1L << 60 ? old : null;
        return limit switch
        {
            null => new(CheckKind.MemoryLimit, Verdict.Fine, "none"),
            { } max when max < 4 * QuotaBytes => new(CheckKind.MemoryLimit, Verdict.Limited, $"{Size(max)}", Obstacle.LittleMemory),
            { } max => new(CheckKind.MemoryLimit, Verdict.Fine, $"{Size(max)}"),
        };
    }

    internal static Finding OfLimits(SystemFiles files, string process)
    {
        const long addresses = 1L << 30, descriptors = 64;
        if (files.Limit(process, "Max address space") is { } space && space < addresses)
            return new(CheckKind.Limits, Verdict.Limited, $"{Size(space)} of addresses (RLIMIT_AS)", Obstacle.AddressLimit);
        if (files.Limit(process, "Max file size") is { } size)
            return new(CheckKind.Limits, Verdict.Limited, $"files of at most {Size(size)} (RLIMIT_FSIZE)", Obstacle.FileSizeLimit);
        if (files.Limit(process, "Max open files") is { } open && open < descriptors)
            return new(CheckKind.Limits, Verdict.Limited, $"{open} open files (RLIMIT_NOFILE)", Obstacle.DescriptorLimit);
        return new(CheckKind.Limits, Verdict.Fine, "none that matters");
    }

    internal static Finding OfPreload(string? preload) => !Others(preload)
        ? new(CheckKind.Preload, Verdict.Fine, string.IsNullOrEmpty(preload) ? "LD_PRELOAD is not set" : "the recorder alone")
        : new(CheckKind.Preload, Verdict.Limited, $"LD_PRELOAD={preload}", Obstacle.OtherPreload);

    /// <summary>Whether there is another library than ours.</summary>
    private static bool Others(string? preload) => preload?.Split([':', ' '], StringSplitOptions.RemoveEmptyEntries)
        .Any(l => !Path.GetFileName(l).StartsWith("liballocreplay", StringComparison.Ordinal)) == true;

    internal static Finding OfFilter(SystemFiles files, string process) => files.Number($"{process}/status", "Seccomp") switch
    {
        1 => new(CheckKind.Filter, Verdict.Stops, "strict seccomp", Obstacle.StrictFilter),
        2 => new(CheckKind.Filter, Verdict.Limited, "seccomp filters system calls", Obstacle.Filtered),
        _ => new(CheckKind.Filter, Verdict.Fine, "none"),
    };

    internal static Finding OfPtrace(SystemFiles files, bool isPrivileged) => files.Number("proc/sys/kernel/yama/ptrace_scope") switch
    {
        3 => new(CheckKind.Ptrace, Verdict.Limited, "ptrace_scope 3", Obstacle.PtraceNobody),
        2 when !isPrivileged => new(CheckKind.Ptrace, Verdict.Limited, "ptrace_scope 2", Obstacle.PtraceAdministrator),
        1 when !isPrivileged => new(CheckKind.Ptrace, Verdict.Limited, "ptrace_scope 1", Obstacle.PtraceDescendants),
        { } scope => new(
            CheckKind.Ptrace, Verdict.Fine, string.Create(CultureInfo.InvariantCulture, $"ptrace_scope {scope}{(isPrivileged ? ", and you are root" : "")}")),
        null => new(CheckKind.Ptrace, Verdict.Fine, "not restricted"),
    };

    private static string Size(long bytes) => bytes < 10240 * MiB ? $"{bytes / MiB} MiB" : $"{bytes / MiB / 1024} GiB";

    private static Finding OfMembarrier()
    {
        const int query = 0, globalExpedited = 2;
        return (Libc.MembarrierCommands(query) & globalExpedited) != 0
            ? new(CheckKind.Membarrier, Verdict.Fine, "of other processes")
            : new(CheckKind.Membarrier, Verdict.Limited, "not of other processes", Obstacle.NoStop);
    }

    private static IEnumerable<Finding> OfDirectory(string directory)
    {
        if (!Directory.Exists(directory))
            throw new ArgumentException($"{directory}: no such directory");
        string type = FreeOf(directory) is var (_, format) ? format : "not known";
        yield return OfFileSystem(directory, type, IsWritable(directory));
        yield return OfSpace(directory, FreeOf(directory)?.Free, DrainSettings.LeaveFreeOf(directory));
    }

    internal static Finding OfFileSystem(string directory, string type, bool isWritable) => (isWritable, type) switch
    {
        (false, _) => new(CheckKind.FileSystem, Verdict.Stops, $"{directory} ({type}) cannot be written to", Obstacle.NotWritable),
        (_, "tmpfs" or "ramfs") => new(CheckKind.FileSystem, Verdict.Limited, $"{directory} is {type}", Obstacle.InMemory),
        (_, "nfs" or "nfs4" or "cifs" or "smb2" or "smbfs" or "9p" or "fuse" or "fuseblk" or "ceph") =>
            new(CheckKind.FileSystem, Verdict.Limited, $"{directory} is {type}", Obstacle.Remote),
        _ => new(CheckKind.FileSystem, Verdict.Fine, $"{directory} is {type}"),
    };

    /// <param name="directory">Where.</param>
    /// <param name="free">Bytes that are free; null where that is not told.</param>
    /// <param name="left">Bytes that a recording leaves free.</param>
    internal static Finding OfSpace(string directory, long? free, long left)
    {
        if (free is not { } bytes)
            return new(CheckKind.DiskSpace, Verdict.Fine, "not told");
        string found = $"{Size(bytes)} free in {directory}, of which {Size(left)} are left free";
        return bytes > left ? new(CheckKind.DiskSpace, Verdict.Fine, found) : new(CheckKind.DiskSpace, Verdict.Stops, found, Obstacle.NoRoom);
    }

    /// <summary>A directory that is made and removed: rights say less, of root above all.</summary>
    private static bool IsWritable(string directory)
    {
        try
        {
            Directory.Delete(Directory.CreateDirectory(Path.Combine(directory, $".allocreplay-{KernelRandom.Name()}")).FullName);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static (long Free, string Type)? FreeOf(string directory)
    {
        try
        {
            var drive = new DriveInfo(directory);
            return (drive.AvailableFreeSpace, drive.DriveFormat);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
