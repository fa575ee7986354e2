using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Replayer.Plan;

/// <summary>Counts the blocks that a trace carries, and those of them that are not certain (formats/SPEC.md, "carried").</summary>
/// <remarks>
/// Ids of blocks rise in the merged order. So the uncertain ones are those below a number: that of the next block when the latest loss of calls, or the first
/// event of the latest interval, was met. Memory: 8 bytes for each carried block.
/// </remarks>
internal sealed class CarriedTally : ITraceSink
{
    private const ulong NotCounted = ulong.MaxValue; // no block has as many bytes

    private readonly bool _hasCarried;
    private readonly uint _latestInterval;
    private readonly List<ulong> _bytes = []; // by slot, of what is counted as uncertain if its id is below the number
    private uint _interval;
    private bool _isSettled;
    private long _next, _uncertainBelow; // ids
    private long _blocks, _uncertain;
    private UInt128 _sum, _uncertainSum;

    /// <param name="reader">The trace.</param>
    public CarriedTally(TraceReader reader)
    {
        _hasCarried = reader.Carried is not null;
        if (reader.Carried is { } carried)
            _latestInterval = reader.Intervals.Where(i => i.StartNs <= carried.UntilNs).Select(i => i.Number).DefaultIfEmpty().Max();
    }

    /// <summary>What there was, when the trace has been read; null where it is there from its beginning.</summary>
    public CarriedBlocks? Complete()
    {
        if (!_hasCarried)
            return null;
        Settle();
        return new CarriedBlocks(_blocks, ByteCount.Of(_sum), _uncertain, ByteCount.Of(_uncertainSum));
    }

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        if (!_hasCarried)
            return;
        if (call.IsCarried)
            Carry(call);
        else
            Confirm(call);
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
        if (!_hasCarried)
            return;
        if (!e.IsCarried)
        {
            Settle();
            return;
        }
        Reach(e.Interval);
        if (e.Kind == CallKind.Gap)
            Doubt();
    }

    private void Carry(in TraceCall call)
    {
        Reach(call.Interval);
        if (call.Acquired < 0)
            return;
        _blocks++;
        _sum += call.BytesRequested;
        _next = call.Acquired + 1;
        if (call.TakenSlot >= _bytes.Count)
            CollectionsMarshal.SetCount(_bytes, call.TakenSlot + 1);
        _bytes[call.TakenSlot] = call.BytesRequested;
    }

    private void Reach(uint interval)
    {
        if (interval > _interval)
            Doubt();
        _interval = Math.Max(_interval, interval);
    }

    /// <summary>What is live now may have been given back unseen.</summary>
    private void Doubt() => (_uncertainBelow, _uncertain, _uncertainSum) = (_next, _blocks, _sum);

    private void Settle()
    {
        if (!_isSettled)
            Reach(_latestInterval);
        _isSettled = true;
    }

    /// <summary>A block that is given back in the window was there.</summary>
    private void Confirm(in TraceCall call)
    {
        Settle();
        int slot = call.GivenSlot;
        if (call.Given < 0 || call.Given >= _uncertainBelow || _bytes[slot] == NotCounted)
            return;
        _uncertain--;
        _uncertainSum -= _bytes[slot];
        _bytes[slot] = NotCounted;
    }
}
