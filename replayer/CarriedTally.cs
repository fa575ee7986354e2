using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Replayer;

/// <summary>Counts the blocks that a trace carries, and those of them that are not certain where its window begins (formats/SPEC.md, "carried").</summary>
/// <remarks>Memory: 24 bytes for each carried block. They are found by their ids, which are dense: what is carried comes first.</remarks>
internal sealed class CarriedTally : ITraceSink
{
    private readonly List<Block> _blocks = [];
    private readonly Certainty _certainty = new(); // told of what is carried, and nothing later
    private bool _isMet;
    private long _firstId;

    private record struct Block(ulong Bytes, long AcquiredNs, uint Interval, bool IsGiven);

    /// <param name="reader">The trace.</param>
    public CarriedTally(TraceReader reader)
    {
        if (reader.Carried is { } carried)
            _certainty.See(reader, beforeNs: carried.UntilNs + 1);
    }

    /// <summary>What there was, when the trace has been read; null where it, or the part that was read, is there from its beginning.</summary>
    public CarriedBlocks? Complete()
    {
        if (!_isMet)
            return null;
        long uncertain = 0;
        UInt128 sum = 0, uncertainSum = 0;
        foreach (Block block in _blocks)
        {
            sum += block.Bytes;
            // One that is given back in the window was there.
            if (block.IsGiven || !_certainty.IsUncertain(block.AcquiredNs, block.Interval))
                continue;
            uncertain++;
            uncertainSum += block.Bytes;
        }
        return new CarriedBlocks(_blocks.Count, ByteCount.Of(sum), uncertain, ByteCount.Of(uncertainSum));
    }

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
        if (begin.IsCarried)
            Meet(begin.Interval);
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        if (call.IsCarried)
            Carry(call);
        else if (call.Given - _firstId is var index && call.Given >= 0 && index >= 0 && index < _blocks.Count)
            _blocks[(int)index] = _blocks[(int)index] with { IsGiven = true };
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
        if (!e.IsCarried)
            return;
        Meet(e.Interval);
        _certainty.See(e);
    }

    private void Meet(uint interval)
    {
        _isMet = true;
        _certainty.See(interval);
    }

    private void Carry(in TraceCall call)
    {
        Meet(call.Interval);
        if (call.Acquired < 0)
            return;
        if (_blocks.Count == 0)
            _firstId = call.Acquired;
        _blocks.Add(new Block(call.BytesRequested, call.TimeNs, call.Interval, IsGiven: false));
    }
}
