using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Passes;

/// <summary>Writes the table <c>regions</c>: what the kernel mapped for the program, range by range.</summary>
/// <param name="writer">Takes the rows.</param>
/// <param name="sites">Which stacks are known; null where they were not recorded.</param>
internal sealed class RegionRows(TableWriter<RegionRow> writer, CallSites? sites) : ITraceSink
{
    private readonly RegionMap _map = new();

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
    }

    /// <inheritdoc/>
    public void Add(in RegionEvent e)
    {
        (long ns, int thread) = (e.TimeNs, e.Thread);
        _map.Take(e, (region, how) => Write(region, how, ns, thread));
    }

    /// <summary>The trace has ended.</summary>
    public void Finish(long endNs)
    {
        foreach (MappedRegion region in _map.Mapped)
            Write(region, RegionEnd.AliveAtEnd, endNs, thread: -1);
    }

    private void Write(in MappedRegion region, RegionEnd how, long ns, int thread)
    {
        int stack = sites?.Known(region.From.Stack) ?? 0;
        writer.Add(new RegionRow
        {
            Address = unchecked((long)region.Address),
            Size = Saturation.ToInt64(region.Size),
            Kind = region.From.Kind,
            AllocNs = region.From.TimeNs,
            EndNs = ns,
            EndKind = how,
            AllocThread = region.From.Thread,
            EndThread = thread,
            AllocStack = stack,
            Site = sites?.SiteOf(stack) ?? 0,
        });
    }
}
