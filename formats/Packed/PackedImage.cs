using System.Buffers;
using System.Runtime.CompilerServices;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Formats.Packed;

/// <summary>One process image of a packed trace.</summary>
internal sealed class PackedImage : ITraceSource
{
    private readonly PackFile _pack;
    private readonly List<StreamInfo> _threads;
    private readonly List<List<(long Offset, FrameHeader Header)>> _blocks = [], _carried = []; // by thread
    private FrameTable? _frames;
    private SymbolTable? _symbols;

    private PackedImage(PackFile pack, ImageMetadata metadata, Clock clock)
    {
        (_pack, Maps, Name, Info, Clock) = (pack, metadata.Maps, metadata.Name, metadata.Process, clock);
        (Intervals, Markers, Carried) = (metadata.Intervals, metadata.Markers, metadata.Carried);
        _threads = [.. metadata.Threads];
        ReserveBlocks();
    }

    public string Name { get; }
    public ProcessInfo Info { get; private set; }
    public Clock Clock { get; private set; }
    public IReadOnlyList<StreamInfo> Threads => _threads;
    public IReadOnlyList<Interval> Intervals { get; private set; }
    public IReadOnlyList<Marker> Markers { get; private set; }
    public IReadOnlyList<MemorySample> MemorySamples { get; set; } = [];
    public string Maps { get; }
    public CarriedPart? Carried { get; }
    public long EventBytes { get; private set; }

    /// <summary>Where its stacks are; empty when it has none.</summary>
    public List<(long Offset, FrameHeader Header)> StacksFrames { get; } = [];

    public FrameTable Frames => _frames ??= StacksFrames.Count > 0 ? _pack.ReadStacks(StacksFrames) : FrameTable.Empty;

    /// <summary>Where their symbols are; null when there are none.</summary>
    public (long Offset, FrameHeader Header)? SymbolsFrame { get; set; }

    public SymbolTable Symbols => _symbols ??= SymbolsFrame is { } frame ? _pack.ReadSymbols(frame.Offset, frame.Header) : SymbolTable.Empty;

    /// <summary>What was known at the end of packing; null in a pack that is cut before it.</summary>
    public ImageEnd? End { get; set; }

    public TraceFormatException? Damage =>
        _pack.Damage ?? (End?.Damage is not { } damage ? null : new TraceFormatException(_pack.Path, null, $"packed from a damaged recording: {damage}"));

    /// <exception cref="TraceFormatException">The metadata contradicts itself.</exception>
    public static PackedImage Create(PackFile pack, ImageMetadata metadata, long offset)
    {
        // MessagePack fills what is missing with null.
        if (metadata.Name is null || metadata.Process is null || metadata.Threads is null || metadata.Intervals is null || metadata.Markers is null
            || metadata.Maps is null || metadata.Threads.Any(t => t?.Name is null) || metadata.Intervals.Any(i => i is null)
                || metadata.Markers.Any(m => m?.Name is null)
            || !metadata.Process.IsWhole)
            throw new TraceFormatException(pack.Path, offset, "expected an image's name, process, threads, intervals and markers");
        for (int i = 0; i < metadata.Threads.Length; i++)
            if (metadata.Threads[i].Index != i)
                throw new TraceFormatException(pack.Path, offset, $"expected thread {i}, found thread {metadata.Threads[i].Index}");
        Clock clock = Clock.FromRate(metadata.Clock) ?? throw new TraceFormatException(pack.Path, offset, "expected a clock between 1 MHz and 1 THz");
        return new PackedImage(pack, metadata, clock);
    }

    /// <summary>Takes what has become known since.</summary>
    /// <exception cref="TraceFormatException">It contradicts what was known.</exception>
    public void Take(long offset, ImageUpdate update)
    {
        if (update.Threads is null || update.Process is not { IsWhole: true } || update.Threads.Any(t => t?.Name is null)
            || update.Intervals is { } intervals && intervals.Any(i => i is null) || update.Markers is { } markers && markers.Any(m => m?.Name is null)
            || update.Process.OptionalFields != Info.OptionalFields)
            throw new TraceFormatException(_pack.Path, offset, "expected an image's process, and threads, intervals and markers that are new");
        foreach (StreamInfo thread in update.Threads)
        {
            if (thread.Index < 0 || thread.Index > _threads.Count)
                throw new TraceFormatException(_pack.Path, offset, $"expected thread {_threads.Count} or one before it, found thread {thread.Index}");
            if (thread.Index == _threads.Count)
                _threads.Add(thread);
            else
                _threads[thread.Index] = thread;
        }
        Info = update.Process;
        Clock = Clock.FromRate(update.Clock) ?? throw new TraceFormatException(_pack.Path, offset, "expected a clock between 1 MHz and 1 THz");
        (Intervals, Markers) = (update.Intervals ?? Intervals, update.Markers ?? Markers);
        ReserveBlocks();
    }

    /// <summary>Notes a block of the image.</summary>
    /// <exception cref="TraceFormatException">It is of a thread that the image does not have, or out of order.</exception>
    public void Take(long offset, in FrameHeader header)
    {
        if (header.Thread >= _blocks.Count)
            throw new TraceFormatException(_pack.Path, offset, $"expected a thread below {_blocks.Count}, found {header.Thread}");
        bool isCarried = header.Kind == FrameKind.Carried;
        if (isCarried && Carried is null)
            throw new TraceFormatException(_pack.Path, offset, "expected no carried events of a trace that is there from its beginning");
        List<(long, FrameHeader Header)> blocks = (isCarried ? _carried : _blocks)[(int)header.Thread];
        if (header.LastTicks < header.FirstTicks || (blocks.Count > 0 && header.FirstTicks < blocks[^1].Header.LastTicks))
            throw new TraceFormatException(_pack.Path, offset, $"expected the blocks of thread {header.Thread} in order of time");
        blocks.Add((offset, header));
        EventBytes += Unsafe.SizeOf<FrameHeader>() + header.Length;
    }

    private void ReserveBlocks()
    {
        while (_blocks.Count < _threads.Count)
            _blocks.Add(new List<(long, FrameHeader)>(1));
        while (Carried is not null && _carried.Count < _threads.Count)
            _carried.Add([]);
    }

    public long EventBytesOf(uint interval) =>
        _blocks.Concat(_carried).Sum(t => t.Where(b => b.Header.Interval == interval).Sum(b => (long)Unsafe.SizeOf<FrameHeader>() + b.Header.Length));

    public long? EventCountOf(uint? interval) =>
        _blocks.Concat(_carried).Sum(t => t.Where(b => interval is null || b.Header.Interval == interval).Sum(b => (long)b.Header.Count));

    public IEventCursor OpenCursor(int thread, ulong fromTicks = 0) => new Cursor(this, _blocks[thread], fromTicks);

    public IEventCursor? OpenCarried(int thread) => Carried is not null && _carried[thread].Count > 0 ? new Cursor(this, _carried[thread], 0) : null;

    /// <summary>The file is the trace's.</summary>
    public void Dispose()
    {
    }

    private sealed class Cursor : IEventCursor
    {
        private readonly PackedImage _image;
        private readonly List<(long Offset, FrameHeader Header)> _blocks;
        private readonly ulong _from;
        private EventBlockReader? _block; // a pack may name many threads that have no block
        private int _next;
        private bool _inBlock;

        public Cursor(PackedImage image, List<(long Offset, FrameHeader Header)> blocks, ulong fromTicks)
        {
            _image = image;
            _blocks = blocks;
            _from = fromTicks;
            while (_next < _blocks.Count && _blocks[_next].Header.LastTicks < fromTicks)
                _next++;
        }

        public long BytesRead { get; private set; }

        public bool Read(out RawEvent e)
        {
            while (true)
            {
                while (_inBlock && _block!.Read(out e))
                    if (e.Ticks >= _from)
                        return true;
                _inBlock = false;
                if (_next >= _blocks.Count)
                {
                    e = default;
                    return false;
                }
                Load();
            }
        }

        public void Dispose()
        {
        }

        private void Load()
        {
            (long offset, FrameHeader header) = _blocks[_next];
            // Not kept: there may be a million threads.
            byte[] rented = ArrayPool<byte>.Shared.Rent((int)header.Length), payload = rented;
            int length = _image._pack.ReadPayload(offset, header, ref payload);
            _block ??= new EventBlockReader();
            string? problem = _block.Decode(payload.AsSpan(0, length), header, _image.Info.OptionalFields);
            ArrayPool<byte>.Shared.Return(rented);
            if (problem is not null)
                throw new TraceFormatException(_image._pack.Path, offset, $"{problem} (thread {header.Thread})");
            _next++;
            _inBlock = true;
            BytesRead += Unsafe.SizeOf<FrameHeader>() + length;
        }
    }
}
