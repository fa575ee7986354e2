using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Formats;

/// <summary>
/// Opens a trace, a recording directory or a packed file, and streams its events in an order that respects program order,
/// ownership and time. Memory is bounded by the number of live blocks plus one chunk or block of events per thread. A recording
/// can be opened while it is being written: the reader sees what was published when it was opened.
/// </summary>
/// <remarks>
/// <see cref="Read"/> is for one thread at a time; <see cref="ReadThread"/> may be called, and enumerated, on several at once.
/// </remarks>
public sealed class TraceReader : IDisposable
{
    private readonly ITraceSource _source;
    private OwnershipMerge? _merge;
    private MergeStatistics _mergeOfInterval;
    private ulong _fromTicks;
    private readonly Lazy<Dictionary<uint, int>> _denseThreads;

    private TraceReader(string path, ITraceSource source, SessionInfo? session, IReadOnlyList<ProcessImage> images, string image)
    {
        _source = source;
        _denseThreads = new(source.DenseThreads);
        Path = path;
        Session = session;
        Images = images;
        Image = image;
        Threads = [.. source.Threads.Select(t => t.ToInfo())];
    }

    /// <summary>The path it was opened by.</summary>
    public string Path { get; }

    /// <summary>The session that the trace belongs to, or null when the recorder was not asked (the hook was preloaded by hand).</summary>
    public SessionInfo? Session { get; }

    /// <summary>All process images of the session, busiest first.</summary>
    public IReadOnlyList<ProcessImage> Images { get; }

    /// <summary>Name of the image that this reader reads.</summary>
    public string Image { get; }

    /// <summary>Whether it is a packed trace, not a recording directory.</summary>
    public bool IsPacked => _source is PackedImage;

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
    /// The one interval to read, or null for all. Earlier ones are then passed over silently, so that blocks of theirs are
    /// known when they are released.
    /// </summary>
    public uint? OnlyInterval { get; private init; }

    /// <summary>Bytes of events stored, the headers of chunks or blocks included; of <see cref="OnlyInterval"/>, where it is set.</summary>
    public long EventBytes => OnlyInterval is { } only ? _source.EventBytesOf(only) : _source.EventBytes;

    /// <summary>
    /// The share of the trace's bytes that <see cref="Read"/> has loaded since the beginning or the last <see cref="Seek"/>, from 0 to
    /// 1: how far it is.
    /// </summary>
    public double Progress => (double)(_merge?.BytesRead ?? 0) / Math.Max(1, _source.EventBytes);

    /// <summary>The first damage met so far, or null. Complete once <see cref="Read"/> has returned false.</summary>
    public TraceFormatException? Damage => _source.Damage ?? _merge?.Damage;

    /// <summary>What the merge did so far, since the beginning or the last <see cref="Seek"/>; in <see cref="OnlyInterval"/>, where it is set.</summary>
    public MergeStatistics Merge => OnlyInterval is null ? _merge?.Statistics ?? default : _mergeOfInterval;

    /// <summary>Blocks live at this point of the stream, 0 before the first <see cref="Read"/>.</summary>
    public int LiveBlocks => _merge?.LiveBlocks ?? 0;

    internal ITraceSource Source => _source;

    /// <summary>Opens a trace: a packed file, a session's recording directory, or that of one process image inside it.</summary>
    /// <param name="path">The file or directory.</param>
    /// <param name="image">Name of the process image to read, as in <see cref="Images"/>; null for the busiest one.</param>
    /// <param name="interval">The one interval to read, or null for all.</param>
    /// <returns>The reader, at the beginning. The caller disposes of it.</returns>
    /// <exception cref="TraceFormatException">There is no such trace, image or interval at the path, it cannot be read, or its head is damaged. Damage
    /// further on is met by reading.</exception>
    public static TraceReader Open(string path, string? image = null, uint? interval = null)
    {
        TraceReader reader = OpenAny(path, image, interval);
        if (interval is null || reader.Intervals.Any(i => i.Number == interval))
            return reader;
        reader.Dispose();
        throw new TraceFormatException(path, null, $"no interval {interval}; there are {(reader.Intervals.Count == 0 ? "none" : $"1 to {reader.Intervals[^1].Number}")}");
    }

    /// <summary>Opens a packed trace that is in memory.</summary>
    internal static TraceReader OpenPack(ByteSource bytes, string? image = null, uint? interval = null)
    {
        PackFile pack = PackFile.Open(bytes);
        try
        {
            ProcessImage[] images = [.. pack.Images.Select(i => new ProcessImage(i.Name, bytes.Path, i.Info.Executable, i.EventBytes))
                .OrderByDescending(i => i.EventBytes).ThenBy(i => i.Name, StringComparer.Ordinal)];
            string chosen = Choose(bytes.Path, images, image).Name;
            return new TraceReader(bytes.Path, pack.Images.First(i => i.Name == chosen).Owning(), pack.Session, images, chosen) { OnlyInterval = interval };
        }
        catch
        {
            pack.Dispose();
            throw;
        }
    }

    /// <summary>Opens one process image's directory, which may be in memory.</summary>
    internal static TraceReader OpenImage(ByteFolder directory, SessionInfo? session = null, uint? interval = null)
    {
        string name = System.IO.Path.GetFileName(System.IO.Path.GetFullPath(directory.Path).TrimEnd('/'));
        return new TraceReader(directory.Path, ProcessRecording.Open(directory), session, [Describe(directory)], name) { OnlyInterval = interval };
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
        _mergeOfInterval = default;
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
        return OnlyInterval is { } only ? ReadOnly(_merge, only, out e) : _merge.Read(out e);
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

    /// <summary>Adds up the files of the trace at <see cref="Path"/>, all process images included.</summary>
    /// <returns>Bytes, as the files' lengths give them.</returns>
    /// <exception cref="IOException">They cannot be listed.</exception>
    /// <exception cref="UnauthorizedAccessException">They may not be listed.</exception>
    public long MeasureFiles() =>
        File.Exists(Path)
            ? new FileInfo(Path).Length
            : new DirectoryInfo(Path).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);

    /// <summary>Closes the trace's files.</summary>
    public void Dispose()
    {
        _merge?.Dispose();
        _source.Dispose();
    }

    private bool ReadOnly(OwnershipMerge merge, uint only, out TraceEvent e)
    {
        MergeStatistics before = merge.Statistics;
        while (merge.Read(out e) && e.Interval <= only)
        {
            MergeStatistics after = merge.Statistics;
            if (e.Interval == only)
            {
                _mergeOfInterval += after - before;
                return true;
            }
            before = after;
        }
        return false;
    }

    private IEnumerable<TraceEvent> Enumerate(int thread, ulong fromTicks)
    {
        Clock clock = _source.Clock;
        Dictionary<uint, int> denseThreads = _denseThreads.Value;
        using IEventCursor cursor = _source.OpenCursor(thread, fromTicks);
        while (cursor.Read(out RawEvent e))
            if (OnlyInterval is not { } only || e.Interval == only)
                yield return TraceEvent.Of(e, thread, clock, denseThreads);
    }

    private static TraceReader OpenAny(string path, string? image, uint? interval)
    {
        try
        {
            if (File.Exists(System.IO.Path.Combine(path, Wire.ProcessFile)))
                return OpenImage(ByteFolder.OfDirectory(path), SessionInfo.Load(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path).TrimEnd('/'))!), interval);
            if (Directory.Exists(path))
                return OpenSession(path, image, interval);
            if (!File.Exists(path))
                throw new TraceFormatException(path, null, "no such trace");
            ByteSource bytes = ByteSource.OpenFile(path);
            if (PackFile.IsPack(bytes))
                return OpenPack(bytes, image, interval);
            bool isEmpty = bytes.Length == 0;
            bytes.Dispose();
            throw new TraceFormatException(path, null, isEmpty ? "the file is empty" : "expected a recording directory (NAME.allocrec) or a packed trace (NAME.alloctrace), found a file that is neither");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TraceFormatException(path, null, e.Message);
        }
    }

    private static TraceReader OpenSession(string path, string? image, uint? interval)
    {
        SessionInfo? session = SessionInfo.Load(path);
        ProcessImage[] images = [.. ImagesOf(path)];
        if (images.Length == 0)
        {
            throw new TraceFormatException(path, null, session?.Source switch
            {
                null => "expected a recording directory (NAME.allocrec), found a directory without one",
                ProcessInfo.FromMallocHook => "the recording is empty: the program carries no MallocHook (gperftools' tcmalloc, linked dynamically or exported)",
                _ => "the recording is empty: the program never loaded the hook (it is statically linked, or set-user-ID), or the hook could not write here and said so on standard error",
            });
        }
        ProcessImage chosen = Choose(path, images, image);
        return new TraceReader(path, ProcessRecording.Open(ByteFolder.OfDirectory(chosen.Path)), session, images, chosen.Name) { OnlyInterval = interval };
    }

    /// <summary>The process images of a session's directory, busiest first.</summary>
    private static IEnumerable<ProcessImage> ImagesOf(string session) =>
        Directory.GetDirectories(session)
            .Where(d => File.Exists(System.IO.Path.Combine(d, Wire.ProcessFile)))
            .Select(d => Describe(ByteFolder.OfDirectory(d)))
            .OrderByDescending(i => i.EventBytes).ThenBy(i => i.Name, StringComparer.Ordinal);

    private static ProcessImage Choose(string path, ProcessImage[] images, string? image) =>
        image is null
            ? images[0]
            : images.FirstOrDefault(i => i.Name == image)
              ?? throw new TraceFormatException(path, null, $"no process image {image}; there are {string.Join(", ", images.Select(i => i.Name))}");

    private static ProcessImage Describe(ByteFolder directory) =>
        new(System.IO.Path.GetFileName(directory.Path.TrimEnd('/')), directory.Path, ProcessRecording.ReadExecutable(directory), ChunkIndex.MeasureEvents(directory));
}
