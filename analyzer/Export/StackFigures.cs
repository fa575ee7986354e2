using System.Runtime.InteropServices;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Analyzer.Export;

/// <summary>Counts the blocks of a selection by the stack that they were acquired with, in one pass. Memory is bounded by live blocks and stacks.</summary>
/// <remarks>Blocks that were acquired before the window of a kept recording are live there, and were neither allocated nor temporary in it.</remarks>
/// <param name="selection">The blocks.</param>
/// <param name="windowFromNs">Of a kept recording: when the window begins.</param>
internal sealed class StackFigures(BlockSelection selection, long windowFromNs = 0) : ITraceSink
{
    private readonly Dictionary<int, Figures> _stacks = [];
    private readonly Dictionary<long, LiveBlock> _live = [];
    private readonly List<long> _lastAcquired = []; // by thread
    private UInt128 _liveBytes, _peakBytes;
    private int _peaks; // higher peaks met so far
    private long _peakNs;
    private bool _isOver;

    /// <summary>Time of the first call, nanoseconds since the start of the recording; 0 without calls.</summary>
    public long FirstNs { get; private set; } = -1;

    /// <summary>Time of the last call.</summary>
    public long LastNs { get; private set; }

    private bool IsOfPeak => selection is { Blocks: SelectedBlocks.Live, AtNs: null };

    /// <summary>The moment of the live blocks that are told of, as far as the calls reach; null for the other selections.</summary>
    public long? AtNs => selection.Blocks == SelectedBlocks.Live ? selection.AtNs ?? _peakNs : null;

    /// <summary>What was counted, of the most bytes first.</summary>
    public IReadOnlyList<StackWeight> Weights() =>
        [.. _stacks.Select(s => s.Value.Selected(IsOfPeak, _peaks) is var (blocks, bytes) ? new StackWeight(s.Key, blocks, ByteCount.Of(bytes)) : default)
            .Where(w => w.Blocks > 0).OrderByDescending(w => w.Bytes).ThenByDescending(w => w.Blocks).ThenBy(w => w.Stack)];

    public void Begin(in TraceEvent begin)
    {
    }

    public void Add(in ThreadEvent e)
    {
    }

    public void Add(in TraceCall call)
    {
        if (call.IsCarried)
        {
            if (call.Acquired >= 0)
                Acquire(call);
            return;
        }
        FirstNs = FirstNs < 0 ? call.TimeNs : FirstNs;
        LastNs = Math.Max(LastNs, call.TimeNs);
        // In merged order, as the ends of a part are: what follows the first call that is later does not count.
        _isOver |= call.TimeNs > selection.AtNs;
        if (_isOver)
            return;
        Release(call.Released, call.Thread);
        Release(call.Displaced, call.Thread);
        if (call.Acquired >= 0)
            Acquire(call);
    }

    private void Acquire(in TraceCall call)
    {
        ref Figures? slot = ref CollectionsMarshal.GetValueRefOrAddDefault(_stacks, call.Stack, out _);
        slot ??= new Figures { Peaks = _peaks };
        ulong bytes = call.BytesRequested;
        _live[call.Acquired] = new LiveBlock(slot, bytes, call.Thread);
        if (!call.IsCarried)
            LastAcquiredBy(call.Thread) = call.Acquired;
        _liveBytes += bytes;
        if (selection.Blocks != SelectedBlocks.Temporary && !(call.IsCarried && selection.Blocks == SelectedBlocks.Allocated))
            slot.Change(_peaks, 1, bytes, isMore: true);
        if (_liveBytes > _peakBytes)
        {
            (_peakBytes, _peakNs) = (_liveBytes, call.IsCarried ? windowFromNs : call.TimeNs);
            _peaks++;
        }
    }

    private void Release(long id, int thread)
    {
        if (id < 0 || !_live.Remove(id, out LiveBlock block))
            return;
        _liveBytes -= block.Bytes;
        if (selection.Blocks is SelectedBlocks.Live or SelectedBlocks.Outstanding)
            block.Stack.Change(_peaks, 1, block.Bytes, isMore: false);
        else if (selection.Blocks == SelectedBlocks.Temporary && block.Thread == thread && LastAcquiredBy(thread) == id)
            block.Stack.Change(_peaks, 1, block.Bytes, isMore: true);
    }

    private ref long LastAcquiredBy(int thread)
    {
        while (_lastAcquired.Count <= thread)
            _lastAcquired.Add(TraceEvent.NoObject);
        return ref CollectionsMarshal.AsSpan(_lastAcquired)[thread];
    }

    private readonly record struct LiveBlock(Figures Stack, ulong Bytes, int Thread);

    /// <summary>
    /// Of one stack, now and at the highest peak so far. A peak may be met with every call: so the figures are kept for it by the first change
    /// after it, not by the peak.
    /// </summary>
    private sealed class Figures
    {
        private long _blocks, _peakBlocks;
        private UInt128 _bytes, _peakBytes;

        /// <summary>The peaks that were met when the figures at the peak were kept.</summary>
        public int Peaks { get; set; }

        public void Change(int peaks, long blocks, ulong bytes, bool isMore)
        {
            if (Peaks != peaks)
                (_peakBlocks, _peakBytes, Peaks) = (_blocks, _bytes, peaks);
            _blocks += isMore ? blocks : -blocks;
            _bytes = isMore ? _bytes + bytes : _bytes - bytes;
        }

        public (long Blocks, UInt128 Bytes) Selected(bool isOfPeak, int peaks) =>
            isOfPeak && Peaks == peaks ? (_peakBlocks, _peakBytes) : (_blocks, _bytes);
    }
}
