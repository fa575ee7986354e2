using AllocReplay.Formats;

namespace AllocReplay.Analyzer.Tables;

/// <summary>How much memory the process had at a moment: a row of the table <c>memory</c>.</summary>
internal readonly record struct MemoryRow
{
    [Column("ns", "ns since start", "When it was looked at: ten times a second, rarer where that takes long, where nothing changes, and long ago.")]
    public required long Ns { get; init; }

    [Column("rss_bytes", "bytes", "Bytes in memory, of all that the process has mapped: programs, files and what it shares with others too, among which is the "
        + "memory that the recorder writes events into.")]
    public required long RssBytes { get; init; }

    [Column("anonymous_bytes", "bytes", "Those of them that are of no file: heaps, stacks, and what was written of private mappings.")]
    public required long AnonymousBytes { get; init; }

    [Column("swap_bytes", "bytes", "Bytes in swap; they are in no other column.")]
    public required long SwapBytes { get; init; }

    [Column("peak_rss_bytes", "bytes", "The most bytes that were in memory up to then, between looks too.")]
    public required long PeakRssBytes { get; init; }

    public static MemoryRow Of(MemorySample sample) => new()
    {
        Ns = sample.TimeNs,
        RssBytes = sample.ResidentBytes,
        AnonymousBytes = sample.AnonymousBytes,
        SwapBytes = sample.SwappedBytes,
        PeakRssBytes = sample.PeakResidentBytes,
    };
}
