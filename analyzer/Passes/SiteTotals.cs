using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Passes;

/// <summary>What was acquired at a site, and what became of it.</summary>
internal sealed class SiteTotals(long site, Sampling sampling)
{
    private UInt128 _bytes, _carriedBytes, _uncertainBytes; // exact
    private long _carried, _uncertain;
    private BlockEstimates _estimates;
    private long _blocks, _liveBlocks, _temporary, _crossThread, _firstNs = -1, _lastNs = -1;

    /// <summary>Its hash; 0 of what is not known.</summary>
    public long Site => site;

    /// <summary>Stacks of it that were met.</summary>
    public int Stacks { get; set; }

    public bool HasBlocks => _blocks + _carried > 0;

    /// <summary>Its live bytes in the course of the trace; who ends a block tells it how.</summary>
    public LivePeak Peak { get; } = new();

    public void Acquired(in TraceCall call, long size)
    {
        if (call.IsCarried)
        {
            _carried++;
            _carriedBytes += (ulong)size;
        }
        else
        {
            _blocks++;
            _bytes += (ulong)size;
        }
        if (sampling.IsSample)
            _estimates.Acquired((ulong)size, call.IsCarried, sampling);
        _liveBlocks++;
        long ns = call.TimeNs;
        Peak.Acquired((ulong)size, call.Acquired, ns);
        _firstNs = _firstNs < 0 ? ns : Math.Min(_firstNs, ns);
        _lastNs = Math.Max(_lastNs, ns);
    }

    public void Ended(in AllocationRow row)
    {
        if (row.Uncertain)
        {
            _uncertain++;
            _uncertainBytes += (ulong)row.Size;
        }
        if (row.EndKind == EndKind.AliveAtEnd)
            return;
        _liveBlocks--;
        if (sampling.IsSample)
            _estimates.Ended((ulong)row.Size, sampling);
        if (row.IsTemporary)
            _temporary++;
        if (row.FreeThread >= 0 && row.FreeThread != row.AllocThread)
            _crossThread++;
    }

    public SiteRow ToRow(string function, string file, int line, string text)
    {
        ulong peak = ByteCount.Of(Peak.Peak.Bytes);
        EstimatedBlocks estimates = sampling.IsSample
            ? _estimates.ToTotals(sampling)
            : EstimatedBlocks.Exact(_blocks, ByteCount.Of(_bytes), _liveBlocks, ByteCount.Of(Peak.Held), peak);
        return new SiteRow
        {
            Site = site,
            Function = function,
            File = file,
            Line = line,
            Text = text,
            Stacks = Stacks,
            Blocks = _blocks,
            Bytes = (long)ByteCount.Of(_bytes),
            LiveBlocks = _liveBlocks,
            LiveBytes = (long)ByteCount.Of(Peak.Held),
            PeakLiveBytes = (long)peak,
            TemporaryBlocks = _temporary,
            CrossThreadFrees = _crossThread,
            FirstNs = _firstNs,
            LastNs = _lastNs,
            CarriedBlocks = _carried,
            CarriedBytes = (long)ByteCount.Of(_carriedBytes),
            UncertainBlocks = _uncertain,
            UncertainBytes = (long)ByteCount.Of(_uncertainBytes),
            EstimatedBlocks = estimates.Blocks,
            EstimatedBytes = estimates.Bytes,
            EstimatedLiveBlocks = estimates.LiveBlocks,
            EstimatedLiveBytes = estimates.LiveBytes,
        };
    }
}
