using AllocReplay.Formats.Calls;
using MessagePack;

namespace AllocReplay.Formats;

/// <summary>What a recording says of the process image that made it.</summary>
[MessagePackObject]
public sealed record ProcessInfo
{
    /// <summary><see cref="Source"/>: the calls were interposed, each is recorded by its name.</summary>
    public const string FromPreload = "preload";
    /// <summary><see cref="Source"/>: told by gperftools' MallocHook, which knows malloc and free only: calloc, realloc, alignment and
    /// operator new look like them.</summary>
    public const string FromMallocHook = "mallochook";

    /// <summary><see cref="Source"/>: as <see cref="FromPreload"/>, from a moment on at which the process ran already, and had blocks.</summary>
    public const string FromAttach = "attach";

    /// <summary><see cref="LinkedAllocator"/>: all of its functions that are known, by detours in their code.</summary>
    public const string LinkedRecorded = "recorded";
    /// <summary><see cref="LinkedAllocator"/>: some of its functions; blocks may be missing, or look live for ever.</summary>
    public const string LinkedPartly = "partly recorded";
    /// <summary><see cref="LinkedAllocator"/>: none.</summary>
    public const string LinkedNotRecorded = "not recorded";

    /// <summary><see cref="Failure"/>: as much was recorded as was asked for.</summary>
    internal const string SizeLimit = "the size limit was reached";

    /// <summary><see cref="Source"/> begins so: imported, from the format that is named after it. Process ids, the allocator and the
    /// start are then not known.</summary>
    public const string Imported = "import:";

    /// <summary>Process id, in the namespace of the process itself; 0 where it is not known.</summary>
    [Key("pid")] public required uint Pid { get; init; }
    /// <summary>Parent's process id when recording began.</summary>
    [Key("parent_pid")] public required uint ParentPid { get; init; }
    /// <summary>Path of the executable, as <c>/proc/self/exe</c> gave it.</summary>
    [Key("executable")] public required string Executable { get; init; }
    /// <summary>Arguments, the program's name first; empty when they could not be read.</summary>
    [Key("arguments")] public required IReadOnlyList<string> Arguments { get; init; }
    /// <summary>Path of the object that provides malloc to the process; empty when it is not known.</summary>
    [Key("allocator_path")] public required string AllocatorPath { get; init; }
    /// <summary>Build id of that object in hexadecimal, empty when it has none.</summary>
    [Key("allocator_build_id")] public required string AllocatorBuildId { get; init; }
    /// <summary>Architecture: <c>x86-64</c> or <c>aarch64</c>; of a newer writer <c>unknown (N)</c>; empty where it is not known.</summary>
    [Key("architecture")] public required string Architecture { get; init; }
    /// <summary>Wall-clock time when recording began, UTC: the moment that times of events count from; the Unix epoch where it is not known.</summary>
    [Key("started")] public required DateTimeOffset Started { get; init; }
    /// <summary>How recording ended.</summary>
    [Key("state")] public required RecordingState State { get; init; }
    /// <summary>Why recording ended early, as a phrase; null when it did not.</summary>
    [Key("failure")] public required string? Failure { get; init; }
    /// <summary>Calls that were made while recording and are not in the trace; 0 when all are. Threads count in batches: exact to about a thousand for
    /// each.</summary>
    [Key("lost_events")] public required ulong LostEvents { get; init; }
    /// <summary>Whether operator new and delete come from the allocator itself and are recorded as such.</summary>
    [Key("records_operator_new")] public required bool RecordsOperatorNew { get; init; }
    /// <summary>Where the events come from: <see cref="FromPreload"/>, <see cref="FromAttach"/>, <see cref="FromMallocHook"/>, or <see cref="Imported"/>
    /// and a format's name.</summary>
    [Key("source")] public required string Source { get; init; }
    /// <summary>Whether the process began as a fork of a recorded process.</summary>
    [Key("forked")] public required bool Forked { get; init; }
    /// <summary>Whether it had blocks when recording began: its parent's, or its own.</summary>
    [IgnoreMember] public bool HasOlderBlocks => Forked || Source == FromAttach;
    /// <summary>1 in so many blocks, or bytes, is chosen; 1: all blocks are recorded. Never 0.</summary>
    [Key("sample")] public required uint Sample { get; init; }
    /// <summary>How, where not all are.</summary>
    [Key("sample_scheme")] public SampleScheme SampleScheme { get; init; }
    /// <summary>Whether each call carries how long it took.</summary>
    [Key("latency")] public required bool Latency { get; init; }
    /// <summary>Whether each acquisition carries where it was called.</summary>
    [Key("stacks")] public bool Stacks { get; init; }
    /// <summary>Whether each release does.</summary>
    [Key("free_stacks")] public bool FreeStacks { get; init; }
    /// <summary>Whether it is recorded what the kernel maps for the program.</summary>
    [Key("regions")] public bool Regions { get; init; }
    /// <summary>Whether calls of an allocator that is linked into the executable are recorded: <see cref="LinkedRecorded"/>, <see cref="LinkedPartly"/> or
    /// <see cref="LinkedNotRecorded"/>; null where none is known.</summary>
    [Key("linked_allocator")] public string? LinkedAllocator { get; init; }
    /// <summary>Version of the format it is written in, as major.minor.</summary>
    [Key("format_version")] public required string FormatVersion { get; init; }

    /// <summary>Which blocks are in the trace.</summary>
    [IgnoreMember]
    public Sampling Sampling => new(SampleScheme, Sample);

    /// <summary>The optional fields that its events have.</summary>
    [IgnoreMember]
    internal CallFields OptionalFields => (Latency ? CallFields.Duration : 0) | (Stacks ? CallFields.Stack : 0) | (FreeStacks ? CallFields.FreeStack : 0);

    /// <summary>Whether recording ended early because it had reached the size that it was allowed.</summary>
    [IgnoreMember]
    public bool SizeLimitReached => Failure == SizeLimit;

    /// <summary>Whether it was imported from another tool's trace.</summary>
    [IgnoreMember]
    public bool IsImported => Source.StartsWith(Imported, StringComparison.Ordinal);

    /// <summary>False where a file left out what every recording has.</summary>
    [IgnoreMember]
    internal bool IsWhole => (object?)Executable is not null && (object?)Arguments is not null && (object?)AllocatorPath is not null
        && (object?)AllocatorBuildId is not null && (object?)Architecture is not null && (object?)Source is not null
        && (object?)FormatVersion is not null && Sample > 0 && Enum.IsDefined(SampleScheme) && Enum.IsDefined(State)
        && Arguments.All(a => (object?)a is not null);
}
