using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Statistics;

/// <summary>Blocks by where they were acquired, for recordings with stacks.</summary>
/// <param name="sampling">Which of the program's blocks are in the trace.</param>
public sealed class SiteStatistics(Sampling sampling = default) : ITraceSink
{
    private readonly Dictionary<int, Site> _sites = [];
    private readonly SlotArray<LiveBlock> _live = new(new LiveBlock(TraceEvent.NoObject, null!, 0));
    private readonly Dictionary<int, (long Object, int Slot)> _given = []; // by thread: the block of a reallocation that has not ended

    /// <summary>What was acquired with one stack.</summary>
    public sealed class Site
    {
        internal Site(int stack) => Stack = stack;

        internal UInt128 Acquired { get; set; }

        internal UInt128 Live { get; set; }

        internal BlockEstimates Estimates; // a field: it is added to in place

        /// <summary>The stack, as <see cref="TraceEvent.Stack"/>; 0: calls of which it is not known.</summary>
        public int Stack { get; }
        /// <summary>Blocks acquired, without those that are carried; a reallocation acquires one.</summary>
        public long Blocks { get; internal set; }
        /// <summary>Bytes requested for them; at most <see cref="ByteCount.Max"/>.</summary>
        public ulong Bytes => ByteCount.Of(Acquired);
        /// <summary>Blocks that are still live, carried ones too.</summary>
        public long LiveBlocks { get; internal set; }
        /// <summary>Bytes requested for those; at most <see cref="ByteCount.Max"/>.</summary>
        public ulong LiveBytes => ByteCount.Of(Live);
    }

    /// <summary>The sites, in no order.</summary>
    public IReadOnlyCollection<Site> Sites => _sites.Values;

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
        // One that is there still was lost: the thread went on, and the end of its call is not in the trace.
        if (_given.Remove(begin.Thread, out (long Object, int Slot) lost))
            Remove(lost.Object, lost.Slot);
        if (begin.Object >= 0)
            _given[begin.Thread] = (begin.Object, begin.Slot);
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        if (call.IsReallocation)
            _given.Remove(call.Thread);
        Remove(call.Released, call.GivenSlot);
        Remove(call.Displaced, call.DisplacedSlot);
        if (call.Acquired < 0)
            return;
        if (!_sites.TryGetValue(call.Stack, out Site? site))
            _sites.Add(call.Stack, site = new Site(call.Stack));
        ulong bytes = call.BytesRequested;
        if (!call.IsCarried)
        {
            site.Blocks++;
            site.Acquired += bytes;
        }
        site.LiveBlocks++;
        site.Live += bytes;
        if (sampling.IsSample)
            site.Estimates.Acquired(bytes, call.IsCarried, sampling);
        _live[call.TakenSlot] = new LiveBlock(call.Acquired, site, bytes);
    }

    private void Remove(long id, int slot)
    {
        if (id < 0 || _live[slot] is var block && block.Object != id)
            return;
        _live[slot].Object = TraceEvent.NoObject;
        block.Site.LiveBlocks--;
        block.Site.Live -= block.Bytes;
        if (sampling.IsSample)
            block.Site.Estimates.Ended(block.Bytes, sampling);
    }

    private record struct LiveBlock(long Object, Site Site, ulong Bytes);
}
