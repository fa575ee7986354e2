namespace AllocReplay.Analyzer.Tables;

/// <summary>What was live at a moment: a row of the table <c>timeline</c>.</summary>
internal readonly record struct TimelineRow
{
    [Column("ns", "ns since start", "The moment. Moments are equally far apart, from 0 (of a kept recording `process.window_from_ns`) to the end of the "
        + "trace, 1024 of them at the most.")]
    public required long Ns { get; init; }

    [Column("scope", "name", "What the row is of: `process`, all blocks; `thread`, those that one thread acquired; `site`, those of one call site.")]
    public required TimelineScope Scope { get; init; }

    [Column("thread", "thread", "The thread, where `scope` is `thread`; else -1.", Repeats = true)]
    public required int Thread { get; init; }

    [Column("site", "id", "The site, where `scope` is `site`: `sites.site`; else 0.", Repeats = true)]
    public required long Site { get; init; }

    [Column("live_bytes", "bytes", "Bytes of the blocks that had been acquired by then, and had not ended: `alloc_ns` ≤ `ns`, and `ns` < `end_ns` or "
        + "`end_kind` is `alive_at_end`. Saturates at 2^63−1.")]
    public required long LiveBytes { get; init; }

    [Column("live_blocks", "blocks", "How many these are.")]
    public required long LiveBlocks { get; init; }

    [Column("acquired_bytes", "bytes", "Bytes acquired since the moment before, without carried blocks. Saturates at 2^63−1.")]
    public required long AcquiredBytes { get; init; }

    [Column("acquired_blocks", "blocks", "How many blocks these are.")]
    public required long AcquiredBlocks { get; init; }
}
