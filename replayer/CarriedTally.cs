using AllocReplay.Formats;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Replayer;

/// <summary>Counts the blocks that a trace carries, and those of them that are not certain (formats/SPEC.md, "carried").</summary>
/// <remarks>Memory: 24 bytes for each carried block. They are found by their ids, which are dense: what is carried comes first.</remarks>
internal sealed class CarriedTally : ITraceSink
{
    private readonly List<Block> _blocks = [];
    private readonly uint _intervalAtCut;
    private bool _isMet, _isSettled;
    private uint _latestInterval;
    private long _firstId, _count, _uncertain;
    private long _latestGapNs = long.MinValue;
    private UInt128 _sum, _uncertainSum;

    private record struct Block(ulong Bytes, long AcquiredNs, uint Interval, bool IsUncertain);

    /// <param name="reader">The trace.</param>
    public CarriedTally(TraceReader reader)
    {
        if (reader.Carried is { } carried)
            _intervalAtCut = reader.Intervals.Where(i => i.StartNs <= carried.UntilNs).Select(i => i.Number).DefaultIfEmpty().Max();
    }

    /// <summary>What there was, when the trace has been read; null where it, or the part that was read, is there from its beginning.</summary>
    public CarriedBlocks? Complete()
    {
        if (!_isMet)
            return null;
        Settle();
        return new CarriedBlocks(_count, ByteCount.Of(_sum), _uncertain, ByteCount.Of(_uncertainSum));
    }

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
        if (!begin.IsCarried)
            return;
        _isMet = true;
        _latestInterval = Math.Max(_latestInterval, begin.Interval);
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        if (call.IsCarried)
            Carry(call);
        else if (_isMet)
            Confirm(call);
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
        if (!e.IsCarried)
            return;
        _isMet = true;
        _latestInterval = Math.Max(_latestInterval, e.Interval);
        if (e.Kind == CallKind.Gap)
            _latestGapNs = Math.Max(_latestGapNs, e.TimeNs);
    }

    private void Carry(in TraceCall call)
    {
        _isMet = true;
        _latestInterval = Math.Max(_latestInterval, call.Interval);
        if (call.Acquired < 0)
            return;
        if (_count++ == 0)
            _firstId = call.Acquired;
        _sum += call.BytesRequested;
        _blocks.Add(new Block(call.BytesRequested, call.TimeNs, call.Interval, IsUncertain: false));
    }

    /// <summary>All that is carried is known, the latest loss of calls too.</summary>
    private void Settle()
    {
        if (_isSettled)
            return;
        _isSettled = true;
        uint latest = Math.Max(_latestInterval, _intervalAtCut);
        for (int i = 0; i < _blocks.Count; i++)
        {
            if (_blocks[i].AcquiredNs > _latestGapNs && _blocks[i].Interval >= latest)
                continue;
            _blocks[i] = _blocks[i] with { IsUncertain = true };
            _uncertain++;
            _uncertainSum += _blocks[i].Bytes;
        }
    }

    /// <summary>A block that is given back in the window was there.</summary>
    private void Confirm(in TraceCall call)
    {
        Settle();
        long index = call.Given - _firstId;
        if (call.Given < 0 || index < 0 || index >= _blocks.Count || !_blocks[(int)index].IsUncertain)
            return;
        _uncertain--;
        _uncertainSum -= _blocks[(int)index].Bytes;
        _blocks[(int)index] = _blocks[(int)index] with { IsUncertain = false };
    }
}
