using AllocReplay.Formats.Recording;

namespace AllocReplay.Formats;

/// <summary>A process image of a session, as a directory listing shows it.</summary>
/// <param name="Name">Name of its directory, <c>pPID.N</c>: the N-th image that ran under that process id.</param>
/// <param name="Path">Path of its directory.</param>
/// <param name="Executable">The program that it ran; empty when its header cannot be read.</param>
/// <param name="EventBytes">Bytes of events on disk, a measure of how busy it was.</param>
public sealed record ProcessImage(string Name, string Path, string Executable, long EventBytes);

/// <summary>
/// Opens a recording and streams its events in an order that respects program order, ownership and time. Memory is bounded
/// by the number of live blocks plus one chunk per thread. A recording can be opened while it is being written: the reader
/// sees what was published when it was opened.
/// </summary>
public sealed class TraceReader : IDisposable
{
    private readonly ProcessRecording _recording;
    private OwnershipMerge? _merge;

    private TraceReader(string path, ProcessRecording recording, SessionInfo? session, IReadOnlyList<ProcessImage> images, string image)
    {
        _recording = recording;
        Path = path;
        Session = session;
        Images = images;
        Image = image;
        Threads = recording.Threads.Select(t => t.ToInfo()).ToList();
    }

    /// <summary>The path it was opened by.</summary>
    public string Path { get; }

    /// <summary>The session that the recording belongs to, or null when the recorder was not asked (the hook was preloaded by hand).</summary>
    public SessionInfo? Session { get; }

    /// <summary>All process images of the session, busiest first.</summary>
    public IReadOnlyList<ProcessImage> Images { get; }

    /// <summary>Name of the image that this reader reads.</summary>
    public string Image { get; }

    /// <summary>The process image that this reader reads.</summary>
    public ProcessInfo Process => _recording.Info;

    /// <summary>Its threads, by index.</summary>
    public IReadOnlyList<ThreadInfo> Threads { get; }

    /// <summary>The intervals that were recorded.</summary>
    public IReadOnlyList<Interval> Intervals => _recording.Intervals;

    /// <summary>Marks that were left meanwhile.</summary>
    public IReadOnlyList<Marker> Markers => _recording.Markers;

    /// <summary>
    /// The one interval to read, or null for all. Earlier ones are then passed over silently, so that blocks of theirs are
    /// known when they are released.
    /// </summary>
    public uint? OnlyInterval { get; init; }

    /// <summary>Bytes of events on disk, chunk headers included.</summary>
    public long EventBytes => _recording.EventBytes;

    /// <summary>The first damage met so far, or null. Complete once <see cref="Read"/> has returned false.</summary>
    public TraceFormatException? Damage => _recording.Damage ?? _merge?.Damage;

    /// <summary>What the merge did so far.</summary>
    public MergeStatistics Merge => _merge?.Statistics ?? default;

    /// <summary>Blocks live at this point of the stream.</summary>
    public int LiveBlocks => _merge?.LiveBlocks ?? 0;

    /// <summary>Opens a recording directory: a session's, or that of one process image inside it.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="image">Name of the process image to read, as in <see cref="Images"/>; null for the busiest one.</param>
    /// <param name="interval">The one interval to read, or null for all.</param>
    /// <exception cref="TraceFormatException">There is no such recording or interval at the path, or it cannot be read.</exception>
    public static TraceReader Open(string path, string? image = null, uint? interval = null)
    {
        TraceReader reader = OpenAny(path, image, interval);
        if (interval is null || reader.Intervals.Any(i => i.Number == interval))
            return reader;
        reader.Dispose();
        throw new TraceFormatException(path, null, $"no interval {interval}; there are {(reader.Intervals.Count == 0 ? "none" : $"1 to {reader.Intervals[^1].Number}")}");
    }

    private static TraceReader OpenAny(string path, string? image, uint? interval)
    {
        try
        {
            if (File.Exists(System.IO.Path.Combine(path, Wire.ProcessFile)))
                return OpenImage(path, interval);
            if (!Directory.Exists(path))
            {
                throw new TraceFormatException(path, null, File.Exists(path)
                    ? "expected a recording directory (NAME.allocrec), found a file that is not a trace"
                    : "no such recording");
            }
            return OpenSession(path, image, interval);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TraceFormatException(path, null, e.Message);
        }
    }

    /// <summary>Reads the next event in merged order. Each event is read once.</summary>
    /// <returns>False at the end, or where damage ends the last readable stream: see <see cref="Damage"/>.</returns>
    public bool Read(out TraceEvent e)
    {
        _merge ??= new OwnershipMerge(_recording.Threads.Select(_recording.OpenCursor), _recording.Clock);
        while (_merge.Read(out e))
        {
            if (OnlyInterval is not { } only || e.Interval == only)
                return true;
            if (e.Interval > only)
                return false;
        }
        return false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _merge?.Dispose();
        _recording.Dispose();
    }

    private static TraceReader OpenImage(string path, uint? interval)
    {
        string full = System.IO.Path.GetFullPath(path).TrimEnd('/');
        string session = System.IO.Path.GetDirectoryName(full)!;
        string name = System.IO.Path.GetFileName(full);
        return new TraceReader(path, ProcessRecording.Open(path), SessionInfo.Load(session), [Describe(path)], name) { OnlyInterval = interval };
    }

    private static TraceReader OpenSession(string path, string? image, uint? interval)
    {
        SessionInfo? session = SessionInfo.Load(path);
        ProcessImage[] images = Directory.GetDirectories(path)
            .Where(d => File.Exists(System.IO.Path.Combine(d, Wire.ProcessFile)))
            .Select(Describe)
            .OrderByDescending(i => i.EventBytes).ThenBy(i => i.Name, StringComparer.Ordinal)
            .ToArray();
        if (images.Length == 0)
        {
            throw new TraceFormatException(path, null, session?.Source switch
            {
                null => "expected a recording directory (NAME.allocrec), found a directory without one",
                ProcessInfo.FromMallocHook => "the recording is empty: the program carries no MallocHook (gperftools' tcmalloc, linked dynamically or exported)",
                _ => "the recording is empty: the program never loaded the hook (it is statically linked, or set-user-ID), or the hook could not write here and said so on standard error",
            });
        }
        ProcessImage chosen = image is null
            ? images[0]
            : images.FirstOrDefault(i => i.Name == image)
              ?? throw new TraceFormatException(path, null, $"no process image {image}; there are {string.Join(", ", images.Select(i => i.Name))}");
        return new TraceReader(path, ProcessRecording.Open(chosen.Path), session, images, chosen.Name) { OnlyInterval = interval };
    }

    private static ProcessImage Describe(string directory)
    {
        long bytes = ChunkIndex.MeasureEvents(directory);
        return new ProcessImage(System.IO.Path.GetFileName(directory.TrimEnd('/')), directory, ProcessRecording.ReadExecutable(directory), bytes);
    }
}
