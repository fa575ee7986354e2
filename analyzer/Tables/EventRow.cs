using AllocReplay.Formats.Calls;

namespace AllocReplay.Analyzer.Tables;

/// <summary>A <see cref="CallKind"/> by the name that its event has: the halves of a reallocation are two.</summary>
internal enum EventKind : byte
{
}

/// <summary>One event of a trace: a row of the table <c>events</c>.</summary>
internal readonly record struct EventRow
{
    [Column("event", "number", "Events are numbered from 0 in merged order: by ownership, then by time.")]
    public required long Event { get; init; }

    [Column("ns", "ns since start", "When it was: a deallocation and the beginning of a reallocation when they began, any other call when it ended.")]
    public required long Ns { get; init; }

    [Column("thread", "thread", "Whose it is: `threads.thread`.", Repeats = true)]
    public required int Thread { get; init; }

    [Column("kind", "name", "What happened: `malloc`, `free`, … `realloc` and `reallocarray` are two events, `.begin` and `.end`; `thread.start`, "
        + "`thread.create`, `thread.exit`, `gap`; with `record --mmap` also `mmap`, `munmap`, `mremap.begin`, `mremap.end`, `brk`.")]
    public required EventKind Kind { get; init; }

    [Column("object", "id", "The block that it acquired or released: `allocations.object`; -1 where there is none, or it is not known. A reallocation that "
        + "failed ends with its old block.")]
    public required long Object { get; init; }

    [Column("previous_object", "id", "At the end of a reallocation the block that was given up; else -1.")]
    public required long PreviousObject { get; init; }

    [Column("displaced_object", "id", "Of an acquisition the block that was still live at its address, as its release is not in the trace; else -1.")]
    public required long DisplacedObject { get; init; }

    [Column("address", "address", "The 64 bits as a signed number; 0 where there is none.")]
    public required long Address { get; init; }

    [Column("size", "bytes", "Requested, of one element where there is a count; of a release that tells a size, that size. Saturates at 2^63−1.")]
    public required long Size { get; init; }

    [Column("count", "elements", "Requested, 1 for calls without a count; of a gap the calls that were not recorded. Saturates at 2^63−1.", Repeats = true)]
    public required long Count { get; init; }

    [Column("alignment", "bytes", "Requested, 0 when the call has none. Saturates at 2^63−1.", Repeats = true)]
    public required long Alignment { get; init; }

    [Column("call_ns", "ns", "How long the call took; -1 unless latency was recorded (`record --latency`).")]
    public required long CallNs { get; init; }

    [Column("other_thread", "thread", "The parent of a thread that starts, the child of one that creates it; else -1.", Repeats = true)]
    public required int OtherThread { get; init; }

    [Column("stack", "id", "Where the call was made: `stacks.stack`; 0 where it is not known or was not recorded.", Repeats = true)]
    public required int Stack { get; init; }

    [Column("interval", "number", "The interval that it falls into: `intervals.interval`.", Repeats = true)]
    public required int Interval { get; init; }

    [Column("carried", "yes or no", "Whether it is of the part of a kept recording that is gone: see `allocations.carried`. Such events come first.",
        Repeats = true)]
    public required bool Carried { get; init; }
}
