using AllocReplay.Formats.Statistics;

namespace AllocReplay.Formats.Summary;

/// <summary>What is kept of a recording whose oldest part is gone (<c>record --keep</c>). All other figures of calls are of the part that is whole.</summary>
/// <param name="FromNs">From when on all that was recorded is there, nanoseconds since the start of the recording: the window.</param>
/// <param name="EventsGone">Events before it of which nothing is left.</param>
/// <param name="Blocks">Blocks that were live then, which are carried: with their true times, sizes, threads and stacks.</param>
/// <param name="Bytes">Bytes requested for them.</param>
/// <param name="StillLiveBlocks">Those of them that were not given back in the window.</param>
/// <param name="StillLiveBytes">Bytes requested for these.</param>
/// <param name="UncertainBlocks">Those of the latter that may have been given back unseen.</param>
/// <param name="KeepBytes">Bytes that were to be kept whole; 0: not told.</param>
/// <param name="KeepNs">Time that was to be kept whole; 0: not told.</param>
/// <param name="PackedInto">Name of the packed trace beside the recording that has what is gone: it is packed while it is written; null: nothing has.</param>
public sealed record KeptSummary(
    long FromNs, long EventsGone, long Blocks, ulong Bytes, long StillLiveBlocks, ulong StillLiveBytes, long UncertainBlocks, long KeepBytes, long KeepNs,
    string? PackedInto)
{
    internal static KeptSummary? Of(TraceReader reader, TraceStatistics statistics, LiveCertainty live) => reader.Carried is not { } carried ? null : new(
        carried.UntilNs, carried.EventsGone, statistics.CarriedBlocks, statistics.CarriedBytes, live.CarriedBlocks, live.CarriedBytes,
        live.UncertainCarriedBlocks, reader.Session?.KeepBytes ?? 0, reader.Session?.KeepNs ?? 0, reader.Session?.PackedInto);
}
