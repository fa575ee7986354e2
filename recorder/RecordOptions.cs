using AllocReplay.Formats;

namespace AllocReplay.Recorder;

/// <summary>How the program's calls are seen.</summary>
public enum RecordVia
{
    /// <summary>The allocation functions are interposed.</summary>
    Preload,
    /// <summary>They are exchanged in a program that runs: <see cref="Attach.Attachment"/>.</summary>
    Attach,
    /// <summary>gperftools' tcmalloc, which the program carries, tells of them through MallocHook.</summary>
    MallocHook,
}

/// <summary>How the frames above a call are found.</summary>
public enum StackWalk
{
    /// <summary>They are not.</summary>
    None,
    /// <summary>By the call frame information that compilers leave in .eh_frame; by frame pointers where there is none.</summary>
    FrameInformation,
    /// <summary>By frame pointers, for programs that keep them (-fno-omit-frame-pointer); by frame information where they lead nowhere.</summary>
    FramePointers,
}

/// <summary>What a recorded thread does when events come faster than they reach the disk, and shared memory is full.</summary>
public enum WhenFull
{
    /// <summary>It waits, at most 20 ms for each lack; its calls are then lost, and counted, until there is room again.</summary>
    Wait,
    /// <summary>Its calls are lost at once, and counted.</summary>
    Drop,
}

/// <summary>What to record and where.</summary>
public sealed record RecordOptions
{
    /// <summary>The command and its arguments, as a shell would pass them.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>The recording directory to create.</summary>
    public required string Output { get; init; }

    /// <summary>Whether nothing is recorded until <c>allocreplay control</c> starts it.</summary>
    public bool StartPaused { get; init; }

    /// <summary>Whether a recording that is already there is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Which blocks are recorded: all, or those that chance chooses by blocks or by bytes.</summary>
    public Sampling Sample { get; init; } = Sampling.None;

    /// <summary>Makes the choice of a program of one thread the same in each run, for tests; 0: it differs.</summary>
    internal ulong SampleSeed { get; init; }

    /// <summary>Whether each call's duration is recorded.</summary>
    public bool Latency { get; init; }

    /// <summary>Whether, and how, it is recorded where blocks are acquired.</summary>
    public StackWalk Stacks { get; init; }

    /// <summary>Whether it is recorded where they are released, too.</summary>
    public bool FreeStacks { get; init; }

    /// <summary>Frames of a stack that are kept, the lowest ones, from 1 to 128.</summary>
    public int StackDepth { get; init; } = 64;

    /// <summary>
    /// Whether memory that the kernel maps for the program (mmap, mremap, brk) is recorded too. Not together with <see cref="KeepBytes"/>,
    /// <see cref="KeepTime"/> or MallocHook.
    /// </summary>
    public bool Regions { get; init; }

    /// <summary>Bytes of events after which a process image stops recording; 0: no limit.</summary>
    public long MaxSize { get; init; }

    /// <summary>Bytes of the recording's latest part that are kept whole, of what is older only blocks that are live; 0: all of it.</summary>
    public long KeepBytes { get; init; }

    /// <summary>The same, as a time; null: all of it.</summary>
    public TimeSpan? KeepTime { get; init; }

    /// <summary>
    /// The packed trace that the recording becomes while it is written; null: it stays a directory. It lies beside <see cref="Output"/>, and nothing is kept
    /// apart (<see cref="KeepBytes"/>).
    /// </summary>
    public string? PackedInto { get; init; }

    /// <summary>Bytes of the disk that stay free: recording stops before; null: a twentieth of the disk, but no more than 1 GiB.</summary>
    public long? LeaveFree { get; init; }

    /// <summary>What a thread does that finds no room in shared memory for its events.</summary>
    public WhenFull WhenFull { get; init; }

    /// <summary>Time after which recording stops while the command goes on; null: never.</summary>
    public TimeSpan? Duration { get; init; }

    /// <summary>Whether processes that the command starts are recorded.</summary>
    public bool FollowChildren { get; init; } = true;

    /// <summary>Whether arguments are left out of the recording.</summary>
    public bool Redact { get; init; }

    /// <summary>
    /// Whether functions of an allocator that is linked into the executable are recorded, by changing their first instructions in memory. Where it cannot be,
    /// as on other processors than x86-64, such programs are refused.
    /// </summary>
    public bool Detours { get; init; } = true;

    /// <summary>Whether threads are recorded only where they ask for it (<c>allocreplay_record_thread</c>): for programs that know the hook.</summary>
    public bool OptIn { get; init; }

    /// <summary>How the calls are seen.</summary>
    public RecordVia Via { get; init; }

    /// <summary>The preload library; that of <see cref="Via"/> unless set.</summary>
    public string HookPath
    {
        get => field ?? Path.Combine(AppContext.BaseDirectory, Via == RecordVia.MallocHook ? "liballocreplay-mallochook.so" : "liballocreplay.so");
        init;
    }

    /// <summary>What is preloaded behind the hook where <see cref="Regions"/> is set.</summary>
    internal static string RegionsPath => Path.Combine(AppContext.BaseDirectory, "liballocreplay-regions.so");
}
