using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Formats;

/// <summary>
/// Reads one process image of a <see cref="Formats.Trace"/>: streams its events in an order that respects program order, ownership and
/// time. Memory is bounded by the number of live blocks plus one chunk or block of events per thread. A recording can be opened while it is
/// being written: the reader sees what was published when it was opened.
/// </summary>
/// <remarks>
/// <see cref="Read"/> is for one thread at a time; <see cref="ReadThread"/> may be called, and enumerated, on several at once.
/// </remarks>
public sealed class TraceReader : IDisposable
{
    /// <summary>Events between two reports of progress.</summary>
    private const int ReportEvery = 1 << 16;

    private readonly ITraceSource _source;
    private readonly Lazy<Dictionary<uint, int>> _denseThreads;
    private readonly Func<MergeWindow?> _newWindow;
    private readonly bool _ownsTrace;
    private OwnershipMerge? _merge;
    private MergeWindow? _window;
    private ulong _fromTicks;

    private TraceReader(Trace trace, string image, ITraceSource source, TraceRange? range, bool ownsTrace)
    {
        _source = source;
        _denseThreads = new(source.DenseThreads);
        (Trace, Image, Range, _ownsTrace) = (trace, image, range, ownsTrace);
        Threads = [.. source.Threads.Select(t => t.ToInfo())];
        _newWindow = () => null;
        if (range is not null)
        {
            Bounds = range.Resolve(trace.Path, Intervals, Markers);
            _newWindow = () => new MergeWindow(range.Interval, Bounds.FromNs, Bounds.ToNs);
        }
        _window = _newWindow();
        (long fromNs, long? toNs) = Stretch;
        MemorySamples = [.. source.MemorySamples.Where(s => s.TimeNs >= fromNs && s.TimeNs < (toNs ?? long.MaxValue))];
    }

    /// <summary>The trace that the image is of.</summary>
    public Trace Trace { get; }

    /// <summary>The path that it was opened by.</summary>
    public string Path => Trace.Path;

    /// <summary>The session that the trace belongs to, or null when the recorder was not asked (the hook was preloaded by hand).</summary>
    public SessionInfo? Session => Trace.Session;

    /// <summary>All process images of the trace, busiest first.</summary>
    public IReadOnlyList<ProcessImage> Images => Trace.Images;

    /// <summary>Name of the image that this reader reads.</summary>
    public string Image { get; }

    /// <summary>The process image that this reader reads.</summary>
    public ProcessInfo Process => _source.Info;

    /// <summary>Its threads, by index.</summary>
    public IReadOnlyList<ThreadInfo> Threads { get; }

    /// <summary>Index of the thread that the process began with; -1 where the trace does not have it, or does not tell.</summary>
    public int MainThread
    {
        get
        {
            for (int i = 0; i < Threads.Count; i++)
                if (Threads[i].OsTid == Process.Pid && Process.Pid != 0)
                    return i;
            return -1;
        }
    }

    /// <summary>Nanoseconds by which one step of the clock may round a time or a duration, at least 1.</summary>
    public long ResolutionNs => Math.Max(1, _source.Clock.SpanToNs(1));

    /// <summary>The intervals that were recorded, in order; empty when none was begun.</summary>
    public IReadOnlyList<Interval> Intervals => _source.Intervals;

    /// <summary>Marks that were left meanwhile, in order of time.</summary>
    public IReadOnlyList<Marker> Markers => _source.Markers;

    /// <summary>
    /// How much memory the process had, in order of time, of the <see cref="Stretch"/> that is read; empty where nobody looked: without a recorder beside
    /// the program, and in traces of other tools.
    /// </summary>
    public IReadOnlyList<MemorySample> MemorySamples { get; }

    /// <summary>What is there of a part of the recording that is gone (<c>record --keep</c>); null where it is there from its beginning.</summary>
    public CarriedPart? Carried => _source.Carried;

    /// <summary>The part that is read, or null for all.</summary>
    public TraceRange? Range { get; }

    /// <summary>
    /// Bytes of events stored, the headers of chunks or blocks included; of the interval that <see cref="Range"/> names, where it names
    /// one. Bounds of time do not count: what is stored does not end at them.
    /// </summary>
    public long EventBytes => Range?.Interval is { } only ? _source.EventBytesOf(only) : _source.EventBytes;

    /// <summary>
    /// Events stored, of the interval that <see cref="Range"/> names, where it names one; null for a recording that is not packed, which does not
    /// tell without being read. Bounds of time do not count.
    /// </summary>
    public long? EventCount => _source.EventCountOf(Range?.Interval);

    /// <summary>
    /// The share of the trace's bytes that <see cref="Read"/> has loaded since the beginning or the last <see cref="Seek"/>, from 0 to
    /// 1: how far it is.
    /// </summary>
    public double Progress => (double)(_merge?.BytesRead ?? 0) / Math.Max(1, _source.EventBytes);

    /// <summary>The first damage met so far, or null. Complete once <see cref="Read"/> has returned false.</summary>
    public TraceFormatException? Damage => _source.Damage ?? _merge?.Damage;

    /// <summary>What the merge did so far, since the beginning or the last <see cref="Seek"/>; within <see cref="Range"/>, where it is set.</summary>
    public MergeStatistics Merge => _window?.Statistics ?? _merge?.Statistics ?? default;

    /// <summary>Blocks live at this point of the stream, 0 before the first <see cref="Read"/>.</summary>
    public int LiveBlocks => _merge?.LiveBlocks ?? 0;

    /// <summary>The stacks of the calls (<see cref="TraceEvent.Stack"/>); empty when none were recorded. Read at the first use.</summary>
    /// <exception cref="TraceFormatException">They cannot be read.</exception>
    public FrameTable Frames => _source.Frames;

    /// <summary>The symbols that were stored for them (<see cref="SymbolStore"/>); empty when there are none. Read at the first use.</summary>
    /// <exception cref="TraceFormatException">They cannot be read.</exception>
    public SymbolTable Symbols => _source.Symbols;

    internal ITraceSource Source => _source;

    /// <summary>
    /// The stretch of time that <see cref="Range"/> is, nanoseconds since the start of the recording: from the first moment, up to the second, which is null
    /// where it goes on to the end. Of a whole trace from 0.
    /// </summary>
    public (long FromNs, long? ToNs) Stretch
    {
        get
        {
            Interval? only = Range?.Interval is { } number ? Intervals.First(i => i.Number == number) : null;
            long to = Math.Min(Bounds.ToNs, only?.StopNs ?? long.MaxValue);
            return (Math.Max(Bounds.FromNs, only?.StartNs ?? 0), to == long.MaxValue ? null : to);
        }
    }

    /// <summary>The moments between which <see cref="Range"/> lies: from the first, up to the second.</summary>
    internal (long FromNs, long ToNs) Bounds { get; } = (0, long.MaxValue);

    /// <summary>
    /// Opens one process image of a trace, and the trace with it: <see cref="Formats.Trace.Open"/> and <see cref="Formats.Trace.OpenImage"/>
    /// in one.
    /// </summary>
    /// <param name="path">A packed file, a session's recording directory, or that of one process image inside it.</param>
    /// <param name="image">Name of the process image to read, as in <see cref="Images"/>; null for the busiest one.</param>
    /// <param name="range">The part to read, or null for all.</param>
    /// <returns>The reader, at the beginning. The caller disposes of it.</returns>
    /// <exception cref="TracePartException">The trace has no such image, interval or mark.</exception>
    /// <exception cref="TraceFormatException">There is no trace at the path, it cannot be read, or its head is damaged. Damage further on is met
    /// by reading.</exception>
    public static TraceReader Open(string path, string? image = null, TraceRange? range = null) =>
        Trace.Open(path).OpenImage(image, range, ownsTrace: true);

    /// <summary>Opens a packed trace that is in memory.</summary>
    internal static TraceReader OpenPack(ByteSource bytes, string? image = null, TraceRange? range = null) =>
        Trace.OfPack(bytes).OpenImage(image, range, ownsTrace: true);

    /// <summary>Opens one process image's directory, which may be in memory.</summary>
    internal static TraceReader OpenImage(ByteFolder directory, TraceRange? range = null) => Trace.OfImage(directory).OpenImage(null, range, ownsTrace: true);

    /// <summary>A reader of a source, which it disposes of, also when it throws.</summary>
    internal static TraceReader Create(Trace trace, string image, TraceRange? range, ITraceSource source, bool ownsTrace)
    {
        try
        {
            return new TraceReader(trace, image, source, range, ownsTrace);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Goes to a moment: the next event that <see cref="Read"/> returns is the first that is not before it. What was acquired
    /// earlier is then not known: its release has no object, and is counted as unknown. What lies between is not decoded, where
    /// chunks or blocks can be passed over.
    /// </summary>
    /// <param name="timeNs">Nanoseconds since the start of the recording; 0 or less for the beginning. Beyond the end there is nothing to read.</param>
    public void Seek(long timeNs)
    {
        _merge?.Dispose();
        _merge = null;
        _window = _newWindow();
        _fromTicks = _source.Clock.At(timeNs);
    }

    /// <summary>Reads the next event in merged order. Each event is read once, unless <see cref="Seek"/> goes back.</summary>
    /// <param name="e">The event; of no meaning when there is none.</param>
    /// <returns>False at the end, or where damage ends the last readable stream: see <see cref="Damage"/>.</returns>
    /// <exception cref="IOException">The disk failed. Damage of the trace is not thrown.</exception>
    /// <exception cref="ObjectDisposedException">The reader was disposed of.</exception>
    public bool Read(out TraceEvent e)
    {
        _merge ??= new OwnershipMerge(_source, _fromTicks);
        if (_window is null)
            return _merge.Read(out e);
        while (_window.Read(_merge, out e, out bool isWithin))
            if (isWithin)
                return true;
        return false;
    }

    /// <summary>Reads from here to the end, or to where damage ends the last readable stream: see <see cref="Damage"/>.</summary>
    /// <param name="sinks">Told of every call and thread event in merged order, on one thread, which is not the caller's; all is told when it
    /// returns.</param>
    /// <param name="progress">Told the share of the trace that is read: it never falls, and is 1 at the end.</param>
    /// <param name="token">Ends the reading within some tens of thousands of events.</param>
    /// <exception cref="IOException">The disk failed. Damage of the trace is not thrown.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    /// <exception cref="Exception">What a sink threw.</exception>
    public void ForEach(IReadOnlyList<ITraceSink> sinks, IProgress<double>? progress = null, CancellationToken token = default)
    {
        using var relay = new SinkRelay(sinks);
        for (long events = 1; ; events++)
        {
            ref TraceCall call = ref relay.Next;
            if (!Step(out call.Event, out bool isWithin))
                break;
            if (isWithin)
            {
                if (call.IsReallocation)
                    call.Begin = _merge!.Reallocation;
                relay.Added();
            }
            if (events % ReportEvery != 0)
                continue;
            progress?.Report(Math.Min(1, Progress));
            token.ThrowIfCancellationRequested();
        }
        relay.Complete();
        progress?.Report(1);
    }

    /// <summary>The calls from here to the end, in merged order, without the thread events and the beginnings of reallocations.</summary>
    /// <exception cref="IOException">While enumerating: the disk failed. Damage of the trace is not thrown.</exception>
    public IEnumerable<TraceCall> ReadCalls()
    {
        var call = default(TraceCall);
        while (Read(out call.Event))
        {
            if (!CallKinds.IsOfBlock(call.Kind) || CallKinds.IsReallocBegin(call.Kind))
                continue;
            if (call.IsReallocation)
                call.Begin = _merge!.Reallocation;
            yield return call;
        }
    }

    /// <summary>
    /// One thread's events in program order, without the merge: they have no objects. Several threads may be read at once, each on
    /// a core of its own.
    /// </summary>
    /// <param name="thread">Index of the thread, as in <see cref="Threads"/>.</param>
    /// <param name="fromNs">Nanoseconds since the start of the recording; events before it are left out.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such thread.</exception>
    /// <exception cref="TraceFormatException">While enumerating: the stream is damaged there.</exception>
    public IEnumerable<TraceEvent> ReadThread(int thread, long fromNs = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(thread);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(thread, Threads.Count);
        return Enumerate(thread, _source.Clock.At(fromNs));
    }

    /// <summary>Closes the trace's files.</summary>
    public void Dispose()
    {
        _merge?.Dispose();
        _source.Dispose();
        if (_ownsTrace)
            Trace.Dispose();
    }

    /// <summary>As <see cref="Read"/>, but comes by what lies before <see cref="Range"/> too.</summary>
    private bool Step(out TraceEvent e, out bool isWithin)
    {
        _merge ??= new OwnershipMerge(_source, _fromTicks);
        isWithin = true;
        return _window is null ? _merge.Read(out e) : _window.Read(_merge, out e, out isWithin);
    }

    private IEnumerable<TraceEvent> Enumerate(int thread, ulong fromTicks)
    {
        Clock clock = _source.Clock;
        Dictionary<uint, int> denseThreads = _denseThreads.Value;
        MergeWindow? window = _window;
        foreach (IEventCursor? part in new[] { fromTicks == 0 ? _source.OpenCarried(thread) : null, _source.OpenCursor(thread, fromTicks) })
        {
            using IEventCursor? cursor = part;
            while (cursor?.Read(out RawEvent raw) == true)
            {
                if (window is not null && !window.Has(raw, clock))
                    continue;
                TraceEvent.Of(raw, thread, clock, denseThreads, out TraceEvent e);
                yield return e;
            }
        }
    }
}
