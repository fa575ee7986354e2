namespace AllocReplay.Formats.Summary;

/// <summary>How much memory the process had, which is more than what was live: what the allocator holds beside, other allocators, programs and files.</summary>
/// <param name="Samples">How often that was looked at.</param>
/// <param name="PeakRssBytes">The most bytes that were in memory at a time, between looks too.</param>
/// <param name="PeakRssNs">When that was first told, nanoseconds since the start of the recording: it was not later.</param>
/// <param name="LastNs">When it was looked at last.</param>
/// <param name="RssBytes">Bytes in memory then.</param>
/// <param name="AnonymousBytes">Those of them that are of no file.</param>
/// <param name="SwapBytes">Bytes in swap then.</param>
/// <param name="LiveBytes">Bytes of blocks that were live then, by the sample where the trace is one.</param>
/// <param name="MappedBytes">Bytes of ranges that were mapped then (<c>record --mmap</c>); null where they were not recorded.</param>
public sealed record MemorySummary(
    int Samples, long PeakRssBytes, long PeakRssNs, long LastNs, long RssBytes, long AnonymousBytes, long SwapBytes, ulong LiveBytes, ulong? MappedBytes)
{
    internal static MemorySummary? Of(IReadOnlyList<MemorySample> samples, LastLook look, bool hasRegions)
    {
        if (samples.Count == 0)
            return null;
        MemorySample highest = samples.MaxBy(s => s.PeakResidentBytes), last = samples[^1]; // of equal ones the first
        return new MemorySummary(
            samples.Count, highest.PeakResidentBytes, highest.TimeNs, last.TimeNs, last.ResidentBytes, last.AnonymousBytes, last.SwappedBytes,
            look.LiveBytes, hasRegions ? look.MappedBytes : null);
    }
}
