using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Tables;

/// <summary>A place that blocks come from, and what became of them: a row of the table <c>sites</c>.</summary>
internal readonly record struct SiteRow
{
    [Column("site", "id", "The hash of the names of the functions on its stacks, as a signed number: the same in other runs, on other machines, and where "
        + "a compiler inlined others. 0 stands for the blocks whose stack is not known.")]
    public required long Site { get; init; }

    [Column("function", "text", "The lowest of its functions that has a frame and is not of the C library or a language's own; else the lowest that has one. "
        + "`(not known)` of site 0.")]
    public required string Function { get; init; }

    [Column("file", "path", "The source file of the call there; empty where it is not known.")]
    public required string File { get; init; }

    [Column("line", "line", "Its line, of the stack of the site with the most bytes live at the end, or else acquired: others may be of other lines of the "
        + "function, which `stacks` has. 0 where it is not known.")]
    public required int Line { get; init; }

    [Column("text", "text", "The functions whose names make the site, on one line for people to read, as `stacks.text`; without inlined ones and those before "
        + "`main` or a thread's function.")]
    public required string Text { get; init; }

    [Column("stacks", "stacks", "How many rows of `stacks` have it.")]
    public required int Stacks { get; init; }

    [Column("blocks", "blocks", "Blocks acquired there, without those that are carried.")]
    public required long Blocks { get; init; }

    [Column("bytes", "bytes", "Bytes requested for them. Saturates at 2^63−1.")]
    public required long Bytes { get; init; }

    [Column("live_blocks", "blocks", "Blocks still live at the end of the trace.")]
    public required long LiveBlocks { get; init; }

    [Column("live_bytes", "bytes", "Bytes of those. Saturates at 2^63−1.")]
    public required long LiveBytes { get; init; }

    [Column("peak_live_bytes", "bytes", "Most bytes of the site live at a time: sites have their peaks at different times. Saturates at 2^63−1.")]
    public required long PeakLiveBytes { get; init; }

    [Column("temporary_blocks", "blocks", "Blocks with `allocations.is_temporary`.")]
    public required long TemporaryBlocks { get; init; }

    [Column("cross_thread_frees", "blocks", "Blocks that another thread released or reallocated than the one that acquired them.")]
    public required long CrossThreadFrees { get; init; }

    [Column("first_ns", "ns since start", "Its first acquisition; -1 where releases alone were made there.")]
    public required long FirstNs { get; init; }

    [Column("last_ns", "ns since start", "Its last acquisition; -1 where releases alone were made there.")]
    public required long LastNs { get; init; }

    [Column("carried_blocks", "blocks", "Blocks with `allocations.carried`: of a kept recording those that were live when its window began. They are not in "
        + "`blocks`, and in `live_blocks` as long as they are live.", Since = 5)]
    public required long CarriedBlocks { get; init; }

    [Column("carried_bytes", "bytes", "Bytes of those. Saturates at 2^63−1.", Since = 5)]
    public required long CarriedBytes { get; init; }

    [Column("uncertain_blocks", "blocks", "Of `live_blocks`: those with `allocations.uncertain`.", Since = 5)]
    public required long UncertainBlocks { get; init; }

    [Column("uncertain_bytes", "bytes", "Bytes of those. Saturates at 2^63−1.", Since = 5)]
    public required long UncertainBytes { get; init; }

    [Column("estimated_blocks", "blocks", "Blocks that the program acquired there, as a sample says; as `blocks` where all were recorded.", Since = 5)]
    public required EstimatedTotal EstimatedBlocks { get; init; }

    [Column("estimated_bytes", "bytes", "Bytes requested for those.", Since = 5)]
    public required EstimatedTotal EstimatedBytes { get; init; }

    [Column("estimated_live_blocks", "blocks", "Those that were live at the end.", Since = 5)]
    public required EstimatedTotal EstimatedLiveBlocks { get; init; }

    [Column("estimated_live_bytes", "bytes", "Bytes requested for those.", Since = 5)]
    public required EstimatedTotal EstimatedLiveBytes { get; init; }
}
