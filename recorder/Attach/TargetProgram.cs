using System.Runtime.InteropServices;

namespace AllocReplay.Recorder.Attach;

/// <summary>A program that runs, looked at from outside: whether it can be attached to, and where in it what is needed lies.</summary>
internal sealed class TargetProgram : IDisposable
{
    private const ulong SecureKey = 23; // AT_SECURE
    private const ulong OpenNow = 2, FromInside = 0x80000000; // RTLD_NOW; that the C library's own dlopen is told

    /// <summary>By which a signal handler returns: mov $15, %rax; syscall.</summary>
    private static ReadOnlySpan<byte> Sigreturn => [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];

    private TargetProgram(int pid, ProcessStatus status, ProcessMemory memory) => (Pid, Status, Memory) = (pid, status, memory);

    public int Pid { get; }

    public ProcessStatus Status { get; }

    public ProcessMemory Memory { get; }

    /// <summary>Opens a program that can be attached to.</summary>
    /// <param name="pid">Of its process.</param>
    /// <param name="detours">Whether its code may be changed.</param>
    /// <param name="purpose">What it is to be: attached to, or detached from.</param>
    /// <exception cref="ControlException">It cannot, and why.</exception>
    public static TargetProgram Open(int pid, bool detours = true, string purpose = "attached to")
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            throw new ControlException("attaching is built for x86-64 only: start the program with 'allocreplay record', and --start-paused");
        if (ProcessStatus.Of(pid) is not { } status)
            throw new ControlException($"pid {pid}: no such process");
        if (WhyNot(pid, status, detours) is { } why)
            throw new ControlException($"pid {pid}: cannot be {purpose}: {why}");
        var memory = new ProcessMemory(pid);
        try
        {
            ulong[] keys = AuxiliaryVector(pid);
            if (ValueOf(keys, SecureKey) != 0)
                throw new ControlException($"pid {pid}: cannot be attached to: it runs with more rights than its caller (set-user-ID or capabilities)");
            return new TargetProgram(pid, status, memory);
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    private static string? WhyNot(int pid, ProcessStatus status, bool detours)
    {
        string program = $"{RunningThreads.DirectoryOf(pid)}/exe";
        if (RunningThreads.HasEnded(pid))
            return "it has ended, and its parent has not waited for it";
        if (IsOfKernel(pid))
            return "it is a thread of the kernel, which has no memory of its own";
        if (status.Tracer != 0)
            return $"{ProcessStatus.Describe(status.Tracer)} traces it already, as a debugger or strace does";
        if (RunningThreads.IsStopped(pid))
            return $"it is stopped; kill -CONT {pid} lets it go on";
        foreach ((int thread, ProcessStatus of) in ProcessStatus.OfThreads(pid))
        {
            if (of.IsFiltered)
                return $"its thread {thread} is under a filter of system calls (seccomp), which may end it for what opening a library takes";
            if (of.HasShadowStack)
                return $"its thread {thread} has a shadow stack, which would not know the call";
        }
        if (Executable.WhyNotRecordable(program, RecordVia.Attach, detours) is { } why)
            return Executable.Describe(why);
        return null;
    }

    private static bool IsOfKernel(int pid)
    {
        try
        {
            string directory = RunningThreads.DirectoryOf(pid);
            return File.ReadAllText($"{directory}/cmdline").Length == 0 && new FileInfo($"{directory}/exe").LinkTarget is null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // another reason will be found
        }
    }

    /// <summary>What it has mapped.</summary>
    public List<Mapping> Map() => MemoryMap.Of(Pid);

    /// <summary>The hook, where it is loaded already.</summary>
    public HookInside? Hook() => HookInside.In(Memory, Map());

    /// <summary>How it is had to call a function.</summary>
    /// <exception cref="ControlException">It has not what that takes.</exception>
    public RemoteCall NewCall()
    {
        List<LoadedObject> objects = Objects(Map());
        ulong sigreturn = CodeOf(Libc(objects), Sigreturn);
        CodeRange state = Loader(objects).Find(LoaderLocks.State)!.Value;
        return new RemoteCall(Pid, Memory, Forbidden, new LoaderLocks(Pid, Memory, state), sigreturn);
    }

    /// <summary>Its function that opens a library, for one at a path.</summary>
    /// <exception cref="ControlException">It has none.</exception>
    public RemoteFunction Open(string path)
    {
        List<LoadedObject> objects = Objects(Map());
        LoadedObject libc = Libc(objects);
        LoadedObject? older = objects.FirstOrDefault(o => Path.GetFileName(o.Name).StartsWith("libdl", StringComparison.Ordinal));
        if ((libc.Find("dlopen") ?? older?.Find("dlopen")) is { } open)
            return new RemoteFunction(open.Start, path, OpenNow);
        return libc.Find("__libc_dlopen_mode") is { } inside ? new RemoteFunction(inside.Start, path, OpenNow | FromInside)
            : throw new ControlException($"pid {Pid}: cannot be attached to: its C library has no dlopen");
    }

    public void Dispose() => Memory.Dispose();

    private LoadedObject Libc(List<LoadedObject> objects)
    {
        // A file that somebody has mapped to read it has no code there.
        List<Mapping> map = Map();
        List<LoadedObject> found = [.. objects.Where(o => o.Find("gnu_get_libc_version") is { } at && map.Any(m => m.IsCode && m.Has(at.Start)))];
        if (found.Count > 1)
            throw new ControlException($"pid {Pid}: cannot be attached to: it has {found.Count} C libraries (dlmopen), and the recorder would be in "
                + "one of them only");
        if (found is [var libc])
            return libc;
        bool isMusl = objects.Any(o => Path.GetFileName(o.Name).StartsWith("ld-musl", StringComparison.Ordinal));
        throw new ControlException($"pid {Pid}: cannot be attached to: "
            + (isMusl ? "its C library is musl, which gives a library that is opened late no thread-local storage of the kind that the recorder needs"
                : "it has no C library of GNU's that is loaded"));
    }

    private LoadedObject Loader(List<LoadedObject> objects) => objects.FirstOrDefault(o => o.Find(LoaderLocks.State) is not null)
        ?? throw new ControlException($"pid {Pid}: cannot be attached to: its loader is not one of GNU's C library");

    private ForbiddenCode Forbidden()
    {
        List<Mapping> map = Map();
        List<LoadedObject> objects = Objects(map);
        return new ForbiddenCode(Memory, map, Loader(objects).Start, objects);
    }

    private List<LoadedObject> Objects(List<Mapping> map) =>
        [.. map.Where(m => m is { Offset: 0, IsReadable: true, IsFile: true }).Select(m => LoadedObject.At(Memory, m)).OfType<LoadedObject>()];

    private ulong CodeOf(LoadedObject o, ReadOnlySpan<byte> bytes)
    {
        foreach (Mapping m in Map())
            if (m.IsCode && m.Name == o.Name && Memory.Bytes(m.Start, (int)Math.Min(m.End - m.Start, 64 << 20)).AsSpan().IndexOf(bytes) is >= 0 and var at)
                return m.Start + (ulong)at;
        throw new ControlException($"pid {Pid}: cannot be attached to: its C library does not return from signals as others do");
    }

    private static ulong[] AuxiliaryVector(int pid)
    {
        try
        {
            return MemoryMarshal.Cast<byte, ulong>(File.ReadAllBytes($"{RunningThreads.DirectoryOf(pid)}/auxv")).ToArray();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ControlException($"pid {pid}: may not be looked at: {AttachRights.Advice}");
        }
    }

    private static ulong ValueOf(ulong[] vector, ulong key)
    {
        for (int i = 0; i + 1 < vector.Length; i += 2)
            if (vector[i] == key)
                return vector[i + 1];
        return 0;
    }
}
