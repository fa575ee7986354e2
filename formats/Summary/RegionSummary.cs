using AllocReplay.Formats.Statistics;

namespace AllocReplay.Formats.Summary;

/// <summary>What the kernel mapped for the program at its own calls (<c>record --mmap</c>).</summary>
/// <param name="Events">Calls of mmap, munmap, mremap and brk; an mremap is two.</param>
/// <param name="Regions">Ranges that are mapped at the end.</param>
/// <param name="Bytes">Bytes of them, touched or not.</param>
/// <param name="PeakBytes">The most bytes that were mapped at a time.</param>
public sealed record RegionSummary(long Events, long Regions, ulong Bytes, ulong PeakBytes)
{
    internal static RegionSummary? Of(ProcessInfo process, RegionMap map) =>
        process.Regions || map.Events > 0 ? new RegionSummary(map.Events, map.Count, map.Bytes, map.PeakBytes) : null;
}
