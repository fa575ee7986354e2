namespace AllocReplay.Recorder.Attach;

/// <summary>
/// Code that a thread must not wait inside of when it is to open a library: what may hold a lock that this takes too, or has begun what this would find half
/// done. A thread waits inside of it if the lower end of its stack says so: there, each word is taken for a return address that follows a call.
/// </summary>
/// <remarks>
/// Between the system call and who waits in it lie one or two small frames, so the lower end is enough: further up is who called. All of the stack would not
/// do: what old calls left in it passes for calls.
/// The C library's own functions of allocation are not among it. While they hold a lock they wait for another only, by a futex's value that
/// refuses a thread (<see cref="RestingThread"/>), and what a signal handler waits in above them is told by <see cref="SignalFrames"/>.
/// </remarks>
internal sealed class ForbiddenCode
{
    /// <summary>Of the C library: those that end threads and processes, and those that write a report while they hold malloc's lock.</summary>
    private static readonly string[] Functions = ["exit", "_exit", "_Exit", "quick_exit", "abort", "pthread_exit", "__libc_freeres", "malloc_info",
        "malloc_stats"];

    /// <summary>Of the C library, too, where another allocator may hold its locks for the time of a fork, while what was registered behind it waits.</summary>
    private static readonly string[] Forks = ["fork", "vfork", "_Fork", "posix_spawn", "system", "popen"];

    /// <summary>Of an executable that has an allocator of its own: its other code is no allocator's.</summary>
    private static readonly string[] Allocation =
    [
        "malloc", "free", "calloc", "realloc", "reallocarray", "posix_memalign", "aligned_alloc", "memalign", "valloc", "pvalloc", "malloc_usable_size",
        "malloc_trim", "mallopt", "malloc_info", "malloc_stats", "mallinfo", "mallinfo2",
    ];

    private readonly ProcessMemory _memory;
    private readonly List<CodeRange> _ranges = [], _loader = [], _hook = [];

    /// <param name="memory">Of the process.</param>
    /// <param name="map">What it has mapped.</param>
    /// <param name="loader">Where its loader begins.</param>
    /// <param name="objects">What it has loaded.</param>
    public ForbiddenCode(ProcessMemory memory, IReadOnlyList<Mapping> map, ulong loader, IReadOnlyList<LoadedObject> objects)
    {
        _memory = memory;
        bool hasOther = false;
        foreach (LoadedObject o in objects)
        {
            if (o.Start == loader)
                _loader.AddRange(CodeOf(map, o));
            else if (o.Find(HookInside.Settings) is not null)
                _hook.AddRange(CodeOf(map, o)); // it holds no lock; where it waits, it does so itself
            else if (!IsLibc(o) && o.Find("malloc") is not null)
            {
                hasOther = true;
                _ranges.AddRange(IsMain(o) ? Allocation.Select(o.Find).OfType<CodeRange>() : CodeOf(map, o));
            }
        }
        _ranges.AddRange(objects.Where(IsLibc).SelectMany(o => (hasOther ? Functions.Concat(Forks) : Functions).Select(o.Find).OfType<CodeRange>()));
    }

    /// <summary>Of a stack, from its lower end.</summary>
    public const int StackLooked = 1024;

    /// <summary>What a thread waits inside of; null: of nothing that is forbidden.</summary>
    /// <param name="counter">Its program counter.</param>
    /// <param name="stack">The lower end of its stack.</param>
    /// <param name="holdsLoader">Whether it has one of the loader's locks: then the loader may have called it with something half done.</param>
    public string? Around(ulong counter, ReadOnlySpan<byte> stack, bool holdsLoader)
    {
        if ((Having(_ranges, counter) ?? Having(_loader, counter) ?? Having(_hook, counter)) is { } inside)
            return inside;
        foreach (ulong word in System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(stack))
            if ((Having(_ranges, word) ?? (holdsLoader ? Having(_loader, word) : null)) is { } name && FollowsCall(word))
                return name;
        return null;
    }

    private static string? Having(List<CodeRange> ranges, ulong address)
    {
        foreach (CodeRange range in ranges)
            if (range.Has(address))
                return range.Name;
        return null;
    }

    private static bool IsLibc(LoadedObject o) => o.Find("gnu_get_libc_version") is not null;

    private static bool IsMain(LoadedObject o) => !o.Name.Contains(".so", StringComparison.Ordinal);

    private static IEnumerable<CodeRange> CodeOf(IReadOnlyList<Mapping> map, LoadedObject o) =>
        map.Where(m => m.IsCode && m.Name == o.Name).Select(m => new CodeRange(m.Start, m.End, Path.GetFileName(o.Name)));

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
