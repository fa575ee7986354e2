namespace AllocReplay.Recorder.Attach;

/// <summary>
/// Code that a thread must not wait inside of when it is to open a library: what may hold a lock that this takes too, or has begun what this would find half
/// done. A thread waits inside of it if the lower end of its stack says so: there, each word is taken for a return address that follows a call.
/// </summary>
/// <remarks>
/// Between the system call and who waits in it lie one or two small frames of the C library, so the lower end is enough: further up is who called, and
/// where that is the loader, it runs a constructor, which may open libraries. All of the stack would not do: what old calls left in it passes for calls,
/// and a program's first thread has the loader's start in it for ever.
/// </remarks>
internal sealed class ForbiddenCode
{
    /// <summary>Of the C library: of allocation, of the loader, and those that begin and end threads and processes.</summary>
    private static readonly string[] Functions =
    [
        "malloc", "free", "calloc", "realloc", "reallocarray", "posix_memalign", "aligned_alloc", "memalign", "valloc", "pvalloc", "malloc_usable_size",
        "malloc_trim", "mallopt", "malloc_info", "malloc_stats", "mallinfo", "mallinfo2", "dlopen", "dlmopen", "dlclose", "dlsym", "dlvsym", "dlinfo",
        "dladdr", "dladdr1", "dl_iterate_phdr", "__libc_dlopen_mode", "__libc_dlclose", "__libc_dlsym", "fork", "vfork", "_Fork", "posix_spawn", "system",
        "popen", "exit", "_exit", "_Exit", "quick_exit", "abort", "pthread_create", "pthread_exit", "thrd_create", "__libc_freeres",
    ];

    private readonly ProcessMemory _memory;
    private readonly List<CodeRange> _ranges = [];

    public ForbiddenCode(ProcessMemory memory, IReadOnlyList<Mapping> map, ulong loader, IEnumerable<LoadedObject> objects)
    {
        _memory = memory;
        foreach (LoadedObject o in objects)
        {
            bool isLibc = o.Find("gnu_get_libc_version") is not null, isMain = !o.Name.Contains(".so", StringComparison.Ordinal);
            bool isWhole = o.Start == loader || !isLibc && !isMain && o.Find("malloc") is not null;
            if (isWhole)
                _ranges.AddRange(map.Where(m => m.IsCode && m.Name == o.Name).Select(m => new CodeRange(m.Start, m.End, Path.GetFileName(o.Name))));
            else
                _ranges.AddRange(Functions.Select(o.Find).OfType<CodeRange>());
        }
    }

    /// <summary>Of a stack, from its lower end.</summary>
    public const int StackLooked = 1024;

    /// <summary>What a thread waits inside of; null: of nothing that is forbidden.</summary>
    /// <param name="counter">Its program counter.</param>
    /// <param name="stack">The lower end of its stack.</param>
    public string? Around(ulong counter, ReadOnlySpan<byte> stack)
    {
        foreach (CodeRange range in _ranges)
            if (range.Has(counter))
                return range.Name;
        foreach (ulong word in System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(stack))
            foreach (CodeRange range in _ranges)
                if (range.Has(word) && FollowsCall(word))
                    return range.Name;
        return null;
    }

    /// <summary>Whether the instruction before is a call: e8 and four bytes, or ff /2 of any length.</summary>
    private bool FollowsCall(ulong address)
    {
        Span<byte> before = stackalloc byte[7];
        if (!_memory.TryRead(address - 7, before))
            return false;
        if (before[2] == 0xe8)
            return true;
        for (int at = 0; at < 6; at++)
            if (before[at] == 0xff && (before[at + 1] & 0x38) == 0x10)
                return true;
        return false;
    }
}
