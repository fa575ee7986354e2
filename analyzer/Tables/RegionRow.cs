using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Tables;

/// <summary>The names that the column <c>end_kind</c> of <c>regions</c> holds.</summary>
internal static class RegionEnds
{
    /// <summary>By <see cref="RegionEnd"/>.</summary>
    public static IReadOnlyList<string> Names { get; } = ["unmapped", "remapped", "replaced", "alive_at_end"];
}

/// <summary>A range of addresses that was mapped at once, and ended at once: a row of the table <c>regions</c>.</summary>
internal readonly record struct RegionRow
{
    [Column("address", "address", "Of its first byte, the 64 bits as a signed number.")]
    public required long Address { get; init; }

    [Column("size", "bytes", "How many, whole pages but of `brk`; whether they were ever touched is not known. Of a range of which the program gave back a "
        + "part there are several rows, which add up to it. Saturates at 2^63−1.")]
    public required long Size { get; init; }

    [Column("kind", "name", "What mapped it: `mmap`, `mremap` or `brk`.")]
    public required CallKind Kind { get; init; }

    [Column("alloc_ns", "ns since start", "When it was mapped.")]
    public required long AllocNs { get; init; }

    [Column("end_ns", "ns since start", "When it ended; of one that is mapped still, the end of the trace.")]
    public required long EndNs { get; init; }

    [Column("end_kind", "name", "How: `unmapped` by munmap or brk; `remapped` by mremap, which another row goes on for; `replaced` by what was mapped in its "
        + "place; `alive_at_end`.")]
    public required RegionEnd EndKind { get; init; }

    [Column("alloc_thread", "thread", "Which thread mapped it: `threads.thread`.", Repeats = true)]
    public required int AllocThread { get; init; }

    [Column("end_thread", "thread", "Which thread ended it; -1 of one that is mapped still.", Repeats = true)]
    public required int EndThread { get; init; }

    [Column("alloc_stack", "id", "Where it was mapped: `stacks.stack`; 0 where that is not known or was not recorded.", Repeats = true)]
    public required int AllocStack { get; init; }

    [Column("site", "id", "The site of that stack: `sites.site`; 0 where it has none.", Repeats = true)]
    public required long Site { get; init; }
}
