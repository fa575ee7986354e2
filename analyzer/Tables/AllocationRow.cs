using AllocReplay.Formats.Calls;

namespace AllocReplay.Analyzer.Tables;

/// <summary>One block from its acquisition to its end: a row of the table <c>allocations</c>.</summary>
public readonly record struct AllocationRow
{
    /// <summary><see cref="AllocCallNs"/> and <see cref="FreeCallNs"/> where no duration was recorded.</summary>
    public const long NotRecorded = -1;

    [Column("object", "id", "Blocks are numbered from 0 in merged order of acquisition.")]
    public required long Object { get; init; }

    [Column("address", "address", "The 64 bits as a signed number: an address of the upper half, or with a tag there, is negative. Addresses recur; "
        + "`object` does not.")]
    public required long Address { get; init; }

    [Column("size", "bytes", "Bytes requested. Saturates at 2^63−1: `process.saturated_sizes` counts the blocks of which more was asked.")]
    public required long Size { get; init; }

    [Column("kind", "name", "The call that acquired it: `malloc`, `calloc`, `realloc`, `operator new`, …")]
    public required CallKind Kind { get; init; }

    [Column("alignment", "bytes", "Alignment requested, 0 when the call has none. Saturates at 2^63−1.")]
    public required long Alignment { get; init; }

    [Column("alloc_ns", "ns since start", "Its acquisition: the call had returned.")]
    public required long AllocNs { get; init; }

    [Column("end_ns", "ns since start", "Its end: the call that gave it back began. The end of the trace for a block that is still live.")]
    public required long EndNs { get; init; }

    [Column("end_kind", "name", "`freed`, `reallocated` (its successor in the chain took its place), `alive_at_end` (its lifetime is a lower bound), or "
        + "`lost_free` (its address was acquired again without a release in the trace: its lifetime is an upper bound).")]
    public required EndKind EndKind { get; init; }

    [Column("lifetime_ns", "ns", "`end_ns` − `alloc_ns`, never negative: counters of two cores may disagree by more than a block lived.")]
    public required long LifetimeNs { get; init; }

    [Column("lifetime_bytes", "bytes", "Bytes that the whole process acquired after this block and before its end. Saturates at 2^63−1.")]
    public required long LifetimeBytes { get; init; }

    [Column("lifetime_allocations", "blocks", "Blocks that the whole process acquired after this one and before its end.")]
    public required long LifetimeAllocations { get; init; }

    [Column("alloc_thread", "thread", "The thread that acquired it: `threads.thread`.")]
    public required int AllocThread { get; init; }

    [Column("free_thread", "thread", "The thread that released or reallocated it, -1 when no release is in the trace.")]
    public required int FreeThread { get; init; }

    [Column("chain", "id", "The chain of reallocations that it belongs to: the `object` of the chain's first block.")]
    public required long Chain { get; init; }

    [Column("chain_position", "position", "Its place in the chain, from 0.")]
    public required int ChainPosition { get; init; }

    [Column("alloc_call_ns", "ns", "How long the call that acquired it took; -1 unless latency was recorded (`record --latency`).", Since = 2)]
    public required long AllocCallNs { get; init; }

    [Column("free_call_ns", "ns", "How long the call that released or reallocated it took; -1 when no release is in the trace, or unless latency was "
        + "recorded.", Since = 2)]
    public required long FreeCallNs { get; init; }

    [Column("alloc_stack", "id", "The call that acquired it: `stacks.stack`; 0 where it is not known, or stacks were not recorded (`record --stacks auto`).",
        Since = 3, Repeats = true)]
    public int AllocStack { get; init; }

    [Column("free_stack", "id", "The call that released or reallocated it: `stacks.stack`; 0 where it is not known, no release is in the trace, or stacks "
        + "of releases were not recorded (`record --stacks-free`). The stacks of reallocations are recorded without it.", Since = 3, Repeats = true)]
    public int FreeStack { get; init; }

    [Column("site", "id", "The site of `alloc_stack`: `sites.site`, the hash of its functions' names as a signed number, the same in other runs and on other "
        + "machines; 0 where the stack is not known. It is here and not only in `stacks`, so that what a site holds is one GROUP BY without a join, "
        + "of one process or of a fleet. It costs little: sites are few and compress.", Since = 3, Repeats = true)]
    public long Site { get; init; }

    [Column("is_temporary", "yes or no", "Whether the thread that acquired it released or reallocated it before it acquired another.", Since = 3)]
    public bool IsTemporary { get; init; }

    [Column("carried", "yes or no", "Whether it was acquired before the window of a kept recording (`record --keep`), and live when that began: its time, "
        + "size, thread and stack are true. What was acquired beside it and freed before is not in the dataset, so that `lifetime_bytes` and "
        + "`lifetime_allocations` are lower bounds, and it stands for itself alone where lifetimes are counted.", Since = 5)]
    public bool Carried { get; init; }

    [Column("uncertain", "yes or no", "Of a block that is `alive_at_end`: whether it may have been freed unseen, as calls were lost, or recording was stopped, "
        + "after it was acquired.", Since = 5)]
    public bool Uncertain { get; init; }

    [Column("weight", "blocks", "How many blocks of the program it stands for, of a sample (`record --sample`): 1 / the probability that it had to be "
        + "chosen; 1 where all were recorded. `sum(weight)` estimates a number of blocks, `sum(weight * size)` their bytes, without bias; the "
        + "variance of `sum(weight * x)` is `sum((weight - 1) * weight * x * x)`.", Since = 5)]
    public double Weight { get; init; }
}

/// <summary>Takes rows in the order in which blocks end.</summary>
public interface IAllocationSink
{
    /// <summary>Takes one row.</summary>
    void Add(in AllocationRow row);

    /// <summary>Takes the row of a block that a call ended, or took the place of.</summary>
    /// <param name="row">The row.</param>
    /// <param name="by">The call.</param>
    void Add(in AllocationRow row, in TraceCall by) => Add(row);
}
