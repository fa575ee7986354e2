namespace AllocReplay.Recorder.Doctor;

/// <summary>What a machine, or a process, is examined for.</summary>
public enum CheckKind
{
    /// <summary>The processor's architecture, which the hook is built for.</summary>
    Architecture,
    /// <summary>The kernel's release: the hook needs MADV_WIPEONFORK, and stopping a recording membarrier.</summary>
    Kernel,
    /// <summary>Whether membarrier of other processes is there, without which no recording can be stopped while the program runs.</summary>
    Membarrier,
    /// <summary>The counter that events are stamped by.</summary>
    Counter,
    /// <summary>Memory that the program and the process that writes the recording share.</summary>
    SharedMemory,
    /// <summary>The most memory that the control group may have, which counts shared memory.</summary>
    MemoryLimit,
    /// <summary>The file system of the directory that is recorded to.</summary>
    FileSystem,
    /// <summary>Room in it.</summary>
    DiskSpace,
    /// <summary>Limits of files, descriptors and addresses.</summary>
    Limits,
    /// <summary>Libraries that are preloaded already.</summary>
    Preload,
    /// <summary>Filters of system calls.</summary>
    Filter,
    /// <summary>Who may trace which process.</summary>
    Ptrace,
    /// <summary>Of a process: what it is, and whose.</summary>
    Process,
    /// <summary>Of a process: whether the hook could be in its executable.</summary>
    Program,
    /// <summary>Of a process: its C library.</summary>
    CLibrary,
    /// <summary>Of a process: whose malloc it has.</summary>
    Allocator,
    /// <summary>Of a process: who traces it.</summary>
    Tracer,
    /// <summary>Of a process: the namespaces that it is in.</summary>
    Namespaces,
    /// <summary>Of a process: where it is recorded.</summary>
    Recorded,
    /// <summary>Of a process: whether it could be attached to as it is now.</summary>
    Attach,
}

/// <summary>What a check came to, the worse the higher.</summary>
public enum Verdict
{
    /// <summary>Nothing is in the way.</summary>
    Fine,
    /// <summary>It can be recorded, with less than usual, or with something to know.</summary>
    Limited,
    /// <summary>It cannot be recorded.</summary>
    Stops,
}

/// <summary>One check.</summary>
/// <param name="Kind">What was looked at.</param>
/// <param name="Verdict">What it came to.</param>
/// <param name="Found">What was found, in a few words.</param>
/// <param name="Obstacle">What is in the way; null where nothing is.</param>
public sealed record Finding(CheckKind Kind, Verdict Verdict, string Found, Obstacle? Obstacle = null);

/// <summary>What is in the way of a recording, or makes it a lesser one.</summary>
public enum Obstacle
{
    /// <summary>No hook is built for the architecture.</summary>
    NoHook,
    /// <summary>The kernel is older than MADV_WIPEONFORK (Linux 4.14): the hook records nothing.</summary>
    OldKernel,
    /// <summary>membarrier of other processes (Linux 4.16) is not there, or forbidden.</summary>
    NoStop,
    /// <summary>The counter's rate changes, or it stands still while a processor sleeps.</summary>
    UnsteadyCounter,
    /// <summary>/dev/shm is missing or small: memory without a name is used.</summary>
    SmallSharedMemory,
    /// <summary>The control group may have little memory.</summary>
    LittleMemory,
    /// <summary>The file system is of memory: the recording takes memory.</summary>
    InMemory,
    /// <summary>The file system is of another machine.</summary>
    Remote,
    /// <summary>It cannot be written to.</summary>
    NotWritable,
    /// <summary>No more is free than a recording leaves free.</summary>
    NoRoom,
    /// <summary>Files may not grow.</summary>
    FileSizeLimit,
    /// <summary>There are too few addresses for the shared memory.</summary>
    AddressLimit,
    /// <summary>There are few descriptors.</summary>
    DescriptorLimit,
    /// <summary>Another library is preloaded, which may have a malloc of its own.</summary>
    OtherPreload,
    /// <summary>System calls are filtered.</summary>
    Filtered,
    /// <summary>Nothing but read, write and exit is allowed.</summary>
    StrictFilter,
    /// <summary>Only descendants may be traced.</summary>
    PtraceDescendants,
    /// <summary>Only with CAP_SYS_PTRACE.</summary>
    PtraceAdministrator,
    /// <summary>Nobody may be traced.</summary>
    PtraceNobody,
    /// <summary>There is no such process, or it has ended.</summary>
    NoProcess,
    /// <summary>A thread of the kernel.</summary>
    KernelThread,
    /// <summary>It is another user's.</summary>
    OtherUser,
    /// <summary>See <see cref="Unrecordable"/>.</summary>
    ProgramRefused,
    /// <summary>It calls functions of an allocator that are not recorded.</summary>
    UnrecordedCalls,
    /// <summary>Its C library is musl.</summary>
    Musl,
    /// <summary>Its C library is older than the hook needs.</summary>
    OldCLibrary,
    /// <summary>It is traced already.</summary>
    Traced,
    /// <summary>It is in other namespaces.</summary>
    OtherNamespace,
    /// <summary>It cannot be attached to as it is now.</summary>
    NotAttached,
    /// <summary>A recorder is in it.</summary>
    RecordedAlready,
}
