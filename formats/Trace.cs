using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Formats;

/// <summary>
/// A trace: a session's process images, in a recording directory or in one packed file. It is opened and listed once; each image is
/// then read by a <see cref="TraceReader"/> of its own.
/// </summary>
/// <remarks>What is there is looked at once: an image that begins after the trace was opened is not in it.</remarks>
public sealed class Trace : IDisposable
{
    private readonly PackFile? _pack;
    private readonly Dictionary<string, ByteFolder> _directories; // of a recording, by image
    private IReadOnlyList<ProcessImage>? _images;

    private Trace(string path, SessionInfo? session, PackFile? pack, IEnumerable<ByteFolder> directories) =>
        (Path, Session, _pack, _directories) = (path, session, pack, directories.ToDictionary(NameOf));

    /// <summary>The path it was opened by.</summary>
    public string Path { get; }

    /// <summary>The session that the trace belongs to, or null when the recorder was not asked (the hook was preloaded by hand).</summary>
    public SessionInfo? Session { get; }

    /// <summary>Whether it is a packed trace, not a recording directory.</summary>
    public bool IsPacked => _pack is not null;

    /// <summary>Number of process images, at least 1. Known without looking into them.</summary>
    public int ImageCount => _pack?.Images.Count ?? _directories.Count;

    /// <summary>The process images, busiest first. The first use measures them all.</summary>
    /// <exception cref="IOException">A recording's directory cannot be read.</exception>
    public IReadOnlyList<ProcessImage> Images => _images ??=
        [.. Describe().OrderByDescending(i => i.EventBytes).ThenBy(i => i.Name, StringComparer.Ordinal)];

    /// <summary>Opens a trace: a packed file, a session's recording directory, or that of one process image inside it.</summary>
    /// <param name="path">The file or directory.</param>
    /// <returns>The trace. The caller disposes of it, after its readers.</returns>
    /// <exception cref="TraceFormatException">There is no trace at the path, it cannot be read, or its head is damaged.</exception>
    public static Trace Open(string path)
    {
        try
        {
            if (File.Exists(System.IO.Path.Combine(path, Wire.ProcessFile)))
                return OfImage(
                    ByteFolder.OfDirectory(path), SessionInfo.Load(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path).TrimEnd('/'))!));
            if (Directory.Exists(path))
                return OfSession(path);
            if (!File.Exists(path))
                throw new TraceFormatException(path, null, FileKind.IsDenied(path) ? "cannot be read: Permission denied" : "no such trace");
            ByteSource bytes = ByteSource.OpenFile(path);
            if (PackFile.IsPack(bytes))
                return OfPack(bytes);
            bool isEmpty = bytes.Length == 0;
            bytes.Dispose();
            throw new TraceFormatException(path, null, isEmpty ? "the file is empty"
                : "expected a recording directory (NAME.allocrec) or a packed trace (NAME.alloctrace), found a file that is neither");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TraceFormatException(path, null, e.Message);
        }
    }

    /// <summary>Opens a process image.</summary>
    /// <param name="image">Its name, as in <see cref="Images"/>; null for the busiest one.</param>
    /// <param name="range">The part to read, or null for all.</param>
    /// <param name="ownsTrace">The reader disposes of the trace with itself, and so does this when it throws.</param>
    /// <param name="isGrowing">Whether a recording is still written: what is not whole at its end is then on its way, and no damage.</param>
    /// <returns>The reader, at the beginning. The caller disposes of it, before the trace.</returns>
    /// <exception cref="TracePartException">There is no such image, interval or mark.</exception>
    /// <exception cref="TraceFormatException">The image cannot be read, or its head is damaged. Damage further on is met by reading.</exception>
    public TraceReader OpenImage(string? image = null, TraceRange? range = null, bool ownsTrace = false, bool isGrowing = false)
    {
        try
        {
            string name = image ?? (ImageCount == 1 ? Names.First() : Images[0].Name);
            return TraceReader.Create(this, name, range, OpenSource(name, isGrowing), ownsTrace);
        }
        catch (Exception e)
        {
            if (ownsTrace)
                Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw new TraceFormatException(Path, null, e.Message);
            throw;
        }
    }

    /// <summary>Whether a directory is a recording, or that of a process image inside one.</summary>
    /// <param name="directory">The directory; it need not be there.</param>
    public static bool IsRecording(string directory)
    {
        try
        {
            return Directory.Exists(directory) && (File.Exists(System.IO.Path.Combine(directory, SessionInfo.FileName)) || IsImage(directory)
                || ImageDirectories(directory).Any(IsImage));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or TraceFormatException)
        {
            return false; // nor can it be read as one
        }
    }

    /// <summary>The recording that a file of this name would be in, or null.</summary>
    /// <param name="path">The name.</param>
    public static string? RecordingAround(string path)
    {
        // A recording is two directories deep.
        string? image = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path)), session = System.IO.Path.GetDirectoryName(image);
        return new[] { image, session }.FirstOrDefault(d => d is not null && IsRecording(d));
    }

    /// <summary>Adds up the files of the trace, all process images included.</summary>
    /// <returns>Bytes, as the files' lengths give them.</returns>
    /// <exception cref="IOException">They cannot be listed.</exception>
    /// <exception cref="UnauthorizedAccessException">They may not be listed.</exception>
    public long MeasureFiles() =>
        File.Exists(Path)
            ? new FileInfo(Path).Length
            : FileLengths.Sum(Path, "*");

    /// <summary>Null for a recording.</summary>
    internal PackFile? Pack => _pack;

    /// <summary>The directory of a process image of a recording.</summary>
    internal string DirectoryOf(string image) => _directories[image].Path;

    /// <summary>Closes the file of a packed trace.</summary>
    public void Dispose() => _pack?.Dispose();

    /// <summary>A packed trace, whose bytes it takes over.</summary>
    internal static Trace OfPack(ByteSource bytes)
    {
        PackFile pack = PackFile.Open(bytes);
        return new Trace(bytes.Path, pack.Session, pack, []);
    }

    /// <summary>The trace that one process image's directory is, which may be in memory.</summary>
    internal static Trace OfImage(ByteFolder directory, SessionInfo? session = null) => new(directory.Path, session, null, [directory]);

    /// <summary>The directories of a session's process images, by name.</summary>
    internal static IReadOnlyList<string> ImageDirectories(string session) =>
        [.. Directory.GetDirectories(session).Where(d => File.Exists(System.IO.Path.Combine(d, Wire.ProcessFile))).Order(StringComparer.Ordinal)];

    private static Trace OfSession(string path)
    {
        SessionInfo? session = SessionInfo.Load(path);
        ByteFolder[] images = [.. ImageDirectories(path).Select(ByteFolder.OfDirectory)];
        return images.Length > 0 ? new Trace(path, session, null, images) : throw new TraceFormatException(path, null, session?.Source switch
        {
            null => "expected a recording directory (NAME.allocrec), found a directory without one",
            ProcessInfo.FromMallocHook => "the recording is empty: the program carries no MallocHook (gperftools' tcmalloc, linked dynamically or exported)",
            _ => "the recording is empty: the program never loaded the hook (it is statically linked, or set-user-ID), or the hook could "
                + "not write here and said so on standard error",
        });
    }

    private ITraceSource OpenSource(string image, bool isGrowing) =>
        _pack?.Images.Find(i => i.Name == image) is { } packed ? packed
        : _directories.TryGetValue(image, out ByteFolder? directory) ? ProcessRecording.Open(directory, isGrowing)
        : throw new TracePartException(Path, $"no process image {image}; there are {string.Join(", ", Images.Select(i => i.Name))}");

    private IEnumerable<string> Names => _pack?.Images.Select(i => i.Name) ?? _directories.Keys;

    private IEnumerable<ProcessImage> Describe() =>
        _pack?.Images.Select(i => new ProcessImage(i.Name, Path, i.Info.Executable, i.EventBytes, i.Info.LostEvents, i.Info.Failure))
        ?? _directories.Select(d => ProcessRecording.Describe(d.Key, d.Value));

    private static bool IsImage(string directory)
    {
        using ByteSource? header = ByteFolder.OfDirectory(directory).Open(Wire.ProcessFile);
        return header?.ReadAll(sizeof(ulong)) is { Length: sizeof(ulong) } magic && BitConverter.ToUInt64(magic) == Wire.ProcessMagic;
    }

    private static string NameOf(ByteFolder directory) => System.IO.Path.GetFileName(System.IO.Path.GetFullPath(directory.Path).TrimEnd('/'));
}
