using AllocReplay.Recorder.Doctor;

namespace AllocReplay.Cli.Pages;

/// <summary>What the doctor's checks are called, and what stands in the way of a recording in words, with what to do.</summary>
internal static class ObstacleText
{
    public static string NameOf(CheckKind kind) => kind switch
    {
        CheckKind.Architecture => "architecture",
        CheckKind.Kernel => "kernel",
        CheckKind.Membarrier => "membarrier",
        CheckKind.Counter => "counter",
        CheckKind.SharedMemory => "shared memory",
        CheckKind.MemoryLimit => "memory limit",
        CheckKind.FileSystem => "file system",
        CheckKind.DiskSpace => "disk space",
        CheckKind.Limits => "limits",
        CheckKind.Preload => "preload",
        CheckKind.Filter => "seccomp",
        CheckKind.Ptrace => "ptrace",
        CheckKind.Process => "process",
        CheckKind.Program => "program",
        CheckKind.CLibrary => "C library",
        CheckKind.Allocator => "allocator",
        CheckKind.Tracer => "traced by",
        CheckKind.Namespaces => "namespaces",
        CheckKind.Recorded => "recorded",
        CheckKind.Attach => "attach",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    public static string Of(Obstacle obstacle) => obstacle switch
    {
        Obstacle.NoHook => "The hook is for x86-64 and aarch64.",
        Obstacle.OldKernel => "Linux 4.14 or later is needed; programs run unrecorded here.",
        Obstacle.NoStop => "'control stop' and 'start' of a running program need membarrier (Linux 4.16), which a sandbox may forbid. "
            + "Record from start to end.",
        Obstacle.UnsteadyCounter => "Times between events are not to be trusted, nor the order of those that are close together. "
            + "Use a machine with a steady TSC.",
        Obstacle.SmallSharedMemory => "Memory without a name is used: what came in the last second is lost if program and recorder are killed together. "
            + "In a container, give /dev/shm more: docker run --shm-size 256m.",
        Obstacle.LittleMemory => "Shared memory counts in it: 18 MiB, and up to 64 MiB of a process that runs ahead of the disk.",
        Obstacle.InMemory => "A recording takes memory there. Record to a disk, or bound it by --keep.",
        Obstacle.Remote => "The recorder writes some 5 bytes for each call; where that is slow, calls are lost. Record to a disk of this machine, "
            + "or bound it by --sample.",
        Obstacle.NotWritable => "Record elsewhere: -o.",
        Obstacle.NoRoom => "A recording would stop at once. Make room, record elsewhere (-o), or leave less free: --leave-free.",
        Obstacle.FileSizeLimit => "A recording ends where its files would be larger. Raise it: ulimit -f unlimited.",
        Obstacle.AddressLimit => "The shared memory takes 464 MiB of addresses: a program with few has none left for itself. Raise it: ulimit -v unlimited, "
            + "or while it runs prlimit --pid PID --as=unlimited.",
        Obstacle.DescriptorLimit => "The recorder opens a few files for each process. Raise it: ulimit -n 1024, "
            + "or while it runs prlimit --pid PID --nofile=1024.",
        Obstacle.OtherPreload => "The hook comes before it, so calls are recorded as the program makes them, and this library gets them then. "
            + "One that records too slows the program down.",
        Obstacle.Filtered => "Programs that are started here inherit the filter. Where it is in place before the first call of malloc, stacks are left out, "
            + "and nothing waits for the disk; the rest is recorded. 'attach' refuses such a process.",
        Obstacle.StrictFilter => "Nothing but read, write and exit is allowed: it cannot be recorded.",
        Obstacle.PtraceDescendants => "'attach' is for root here (CAP_SYS_PTRACE), or set kernel.yama.ptrace_scope to 0. "
            + "Recording from the start needs no such right.",
        Obstacle.PtraceAdministrator => "'attach' is for root here (CAP_SYS_PTRACE). Recording from the start needs no such right.",
        Obstacle.PtraceNobody => "Nobody can 'attach' until the machine is started again. Recording from the start needs no such right.",
        Obstacle.NoProcess => "Look for one that runs: pgrep -r R,S,D,T NAME.",
        Obstacle.KernelThread => "It has no memory of its own.",
        Obstacle.OtherUser => "Ask as that user, or as root.",
        Obstacle.ProgramRefused => "'record' refuses it too.",
        Obstacle.UnrecordedCalls => "What these give and take is not in the recording.",
        Obstacle.Musl => "The hook is for glibc. See the guide for programs of musl.",
        Obstacle.OldCLibrary => "The hook needs glibc 2.17 or later.",
        Obstacle.Traced => "A debugger or another tracer is in it: 'attach' cannot come in beside it.",
        Obstacle.OtherNamespace => "Its process id and its files have other names inside. In a recording they are those of inside.",
        Obstacle.NotAttached => "'attach' refuses it as it is now.",
        Obstacle.RecordedAlready => "'control' stops and starts that recording, and 'info' shows it while it grows. 'detach' takes a recorder out that "
            + "was attached.",
        _ => throw new ArgumentOutOfRangeException(nameof(obstacle)),
    };
}
