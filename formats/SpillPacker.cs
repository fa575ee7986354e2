using AllocReplay.Formats.Files;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Formats;

/// <summary>
/// Packs a recording while it is written: takes the segments that nobody writes any more into a packed trace beside the recording's directory, and
/// removes them. What the program is ahead by stays in the directory, as chunks, and is taken when there is time, or at the end. One that was killed is
/// gone on with.
/// </summary>
/// <remarks>
/// <para><b>Nothing is in both, and nothing in neither.</b> Images are taken one after the other. Of an image the events up to a cut through its threads
/// go to the file; <c>carried</c>, which replaces the one before by a rename, then tells the cut and how long the file was, and the segments before it
/// are removed. After a kill the file counts up to the longest that a <c>carried</c>, or the end of an image, vouches for: what is behind that is of one
/// image whose <c>carried</c> is older, and is cut off and packed again.</para>
/// <para><b>The directory can be read at any moment</b>, as one that has let go of its oldest events can: <c>carried</c> holds the blocks that are live at the
/// cut, so a look at what runs now sees what is there.</para>
/// <para>Memory: what <see cref="RecordingWindow"/> has, a block of events for each thread, and encoded blocks of a segment or two.</para>
/// </remarks>
internal sealed class SpillPacker : IDisposable
{
    private readonly string _session;
    private readonly PackWriter _writer;
    private readonly Dictionary<string, SpilledImage> _images = []; // by name
    private readonly Dictionary<string, (uint Number, PackedImage Image)> _begun; // by a packer before this one

    private SpillPacker(string session, string path, PackWriter writer, IReadOnlyList<PackedImage> begun)
    {
        (_session, Path, _writer) = (session, path, writer);
        _begun = begun.Select((image, n) => ((uint)n, image)).ToDictionary(i => i.image.Name);
    }

    /// <summary>The packed trace.</summary>
    public string Path { get; }

    /// <summary>Blocks that are encoded at a time, on threads of the pool; 0: each on the caller's.</summary>
    public int Encoders
    {
        set => _writer.Encoders = value;
    }

    /// <summary>Begins the file.</summary>
    /// <param name="session">The recording's directory.</param>
    /// <param name="path">The file.</param>
    /// <param name="replace">Whether a file of that name is replaced.</param>
    /// <exception cref="TraceNotWritableException">It cannot be written.</exception>
    public static SpillPacker Begin(string session, string path, bool replace)
    {
        PackWriter writer = PackWriter.Begin(path, replace);
        if (SessionInfo.Load(session) is { } info)
            writer.WriteSession(info);
        writer.Flush();
        return new SpillPacker(session, path, writer, []);
    }

    /// <summary>The packed trace that has the events which a recording's directory has no more; null where it has all.</summary>
    /// <param name="session">The directory.</param>
    /// <exception cref="TraceFormatException">It names one that cannot be: the directory may be a stranger's.</exception>
    public static string? FileOf(string session)
    {
        if (!Directory.Exists(session) || SessionInfo.Load(session)?.PackedInto is not { } name)
            return null;
        if (name.Length == 0 || name.Contains('/', StringComparison.Ordinal) || !name.EndsWith(".alloctrace", StringComparison.Ordinal))
            throw new TraceFormatException(System.IO.Path.Combine(session, SessionInfo.FileName), null, $"expected the name of a packed trace, found '{name}'");
        return System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(session).TrimEnd('/'))!, name);
    }

    /// <summary>Goes on with a file that a packer before this one has left, complete or not.</summary>
    /// <param name="session">The recording's directory.</param>
    /// <exception cref="TraceFormatException">The file is not there, or of another recording, or damaged where it has to be whole.</exception>
    /// <exception cref="TraceNotWritableException">It cannot be written.</exception>
    public static SpillPacker Continue(string session)
    {
        string path = FileOf(session)!;
        bool isThere = File.Exists(path), isNeeded = Trace.ImageDirectories(session).Any(d => File.Exists(System.IO.Path.Combine(d, Wire.CarriedFile)));
        if (!isThere && isNeeded)
            throw new TraceFormatException(session, null, $"its first part was packed into {path}, which is not there: put it back beside it");
        if (!isThere)
            return Begin(session, path, replace: false);
        FileStream file = PackWriter.Lock(path);
        try
        {
            // Who began the file was killed before anything was in it.
            if (file.Length == 0 && !isNeeded)
            {
                file.Dispose();
                return Begin(session, path, replace: true);
            }
            PackWriter writer = PackWriter.Continue(path, file, FramesThatCount(session, path));
            using PackFile begun = PackFile.OpenBegun(ByteSource.OpenFile(path, followsLinks: false));
            return new SpillPacker(session, path, writer, begun.Images);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <exception cref="TraceFormatException">The file is another recording's, or the two do not go together.</exception>
    private static (long, FrameHeader)[] FramesThatCount(string session, string path)
    {
        using PackFile found = PackFile.OpenBegun(ByteSource.OpenFile(path, followsLinks: false));
        if (found.Session is null || found.Session.StartedNs != SessionInfo.Load(session)!.StartedNs)
            throw new TraceFormatException(path, null, $"expected the first part of {session}, found another recording");
        if (found.Images.Select(i => i.Name).Distinct().Count() < found.Images.Count)
            throw new TraceFormatException(path, null, "expected each image once");
        long length = LengthThatCounts(session, found);
        (long, FrameHeader)[] frames = [.. found.Frames.TakeWhile(f => PackWriter.EndOf(f) <= length)];
        return PackWriter.EndOf(frames[^1]) == length ? frames : throw new TraceFormatException(path, PackWriter.EndOf(frames[^1]),
            $"expected whole blocks up to byte {length}, found {found.Damage?.Message}");
    }

    /// <summary>
    /// How far a file is vouched for: by images that are whole in it, and by what is left of others. Before anything is written it is made sure that the two
    /// go together, as what is cut off is gone.
    /// </summary>
    private static long LengthThatCounts(string session, PackFile pack)
    {
        long length = 0;
        var ends = new HashSet<long>();
        var begins = new Dictionary<string, long>(); // images of which a part is there: where their first frame ends
        var untouched = new HashSet<string>(); // images that have let go of nothing
        foreach ((long offset, FrameHeader header) in pack.Frames)
        {
            ends.Add(PackWriter.EndOf((offset, header)));
            if (header.Kind is FrameKind.Session or FrameKind.ImageEnd)
                length = PackWriter.EndOf((offset, header));
            else if (header.Kind == FrameKind.Image)
                begins[pack.Images[begins.Count].Name] = PackWriter.EndOf((offset, header));
        }
        foreach (PackedImage image in pack.Images)
            if (image.End is not null)
                begins.Remove(image.Name); // whole, whatever is left of its directory
        foreach (string directory in Trace.ImageDirectories(session))
        {
            if (pack.Images.Any(i => i.Name == NameOf(directory) && i.End is not null))
                continue;
            CarriedFile? carried = CarriedFile.Read(ByteFolder.OfDirectory(directory));
            carried?.Source.Dispose();
            if (carried is null)
            {
                RequireSegments(directory, 0);
                untouched.Add(NameOf(directory));
                continue;
            }
            RequireSegments(directory, carried.FirstSegment);
            if (!begins.Remove(NameOf(directory), out long begin) || !ends.Contains(carried.PackedLength) || carried.PackedLength < begin)
            {
                throw new TraceFormatException(carried.Source.Path, 40, $"expected the length of {pack.Path} with the image's first part, found "
                    + $"{carried.PackedLength}: the two do not go together");
            }
            length = Math.Max(length, carried.PackedLength);
        }
        if (begins.FirstOrDefault(b => b.Value <= length || !untouched.Contains(b.Key)) is { Key: { } lost })
            throw new TraceFormatException(System.IO.Path.Combine(session, lost), null, $"expected what is left of an image that {pack.Path} has begun");
        return length;
    }

    /// <summary>That all segments of an image are there from one on: what is behind a hole would be lost with its directory.</summary>
    private static void RequireSegments(string directory, int first)
    {
        int[] found = [.. EventFiles.SegmentsOf(directory).Where(n => n >= first).Order()];
        int missing = Enumerable.Range(0, found.Length).TakeWhile(i => found[i] == first + i).Count();
        if (missing < found.Length || found.Length == 0)
            throw new TraceFormatException(System.IO.Path.Combine(directory, EventFiles.NameOf(first + missing)), null, "no such file: events are lost");
    }

    /// <summary>Packs segments that nobody writes any more, as far as it is known that their events are final.</summary>
    /// <param name="stop">Ends it early, behind a segment.</param>
    /// <returns>Whether there were any.</returns>
    /// <exception cref="TraceNotWritableException">The file cannot be written: this is of no more use then.</exception>
    /// <exception cref="TraceFormatException">The recording is damaged.</exception>
    /// <exception cref="IOException">The recording cannot be read.</exception>
    public bool PackSegments(CancellationToken stop)
    {
        bool any = false;
        foreach (string directory in Trace.ImageDirectories(_session))
            if (_images.ContainsKey(NameOf(directory)) || File.Exists(System.IO.Path.Combine(directory, EventFiles.NameOf(1))))
                any |= ImageOf(directory).PackSegments(stop);
        return any;
    }

    /// <summary>Packs all that is left. The directories of images that have ended go with their last events.</summary>
    /// <param name="hasEnded">Tells of an image's directory whether nobody writes it any more.</param>
    /// <param name="bringIn">Has who writes it bring in all that there is, so that what is found of others is final.</param>
    /// <param name="partial">Go on with what is readable of a damaged recording.</param>
    /// <param name="progress">Told the share that is done, from 0 to 1.</param>
    /// <param name="cancellation">Ends it early: what was packed stays packed, and it can be gone on with.</param>
    /// <returns>What is in the file.</returns>
    /// <exception cref="TraceDamagedException">It is damaged, and <paramref name="partial"/> is not given.</exception>
    /// <exception cref="TraceNotWritableException">The file cannot be written.</exception>
    /// <exception cref="IOException">The recording cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public PackResult Complete(Func<string, bool> hasEnded, Action bringIn, bool partial, IProgress<double>? progress, CancellationToken cancellation)
    {
        TraceFormatException? damage = null;
        bringIn();
        IReadOnlyList<string> directories = Trace.ImageDirectories(_session);
        string[] running = [.. directories.Where(d => !IsWhole(d) && !hasEnded(d))];
        foreach (string directory in running)
            ImageOf(directory).Look();
        if (running.Length > 0)
            bringIn();
        long total = Math.Max(1, directories.Sum(d => FileLengths.Sum(d, Wire.EventsFile + "*"))), before = 0;
        foreach (string directory in directories)
        {
            bool isLast = hasEnded(directory);
            if (!IsWhole(directory))
            {
                SpilledImage image = ImageOf(directory);
                long begun = image.BytesRead;
                image.PackAll(isLast, partial, bytes => progress?.Report(Math.Min(1, (before + bytes - begun) / (double)total)), cancellation);
                before += image.BytesRead - begun;
                damage ??= image.Damage;
                image.Dispose();
                _images.Remove(NameOf(directory));
            }
            if (isLast)
                Directory.Delete(directory, recursive: true);
        }
        // As it is now: when the file was begun, the program did not run yet.
        if (SessionInfo.Load(_session) is { } info)
            _writer.WriteSession(info);
        _writer.Complete();
        progress?.Report(1);
        using PackFile whole = PackFile.Open(ByteSource.OpenFile(Path, followsLinks: false));
        return new PackResult(whole.Images.Count, whole.Images.Sum(i => i.EventCountOf(null) ?? 0), new FileInfo(Path).Length, damage);
    }

    /// <summary>Closes the file. Where it is not complete it stays, and can be gone on with.</summary>
    public void Dispose()
    {
        foreach (SpilledImage image in _images.Values)
            image.Dispose();
        _writer.Dispose();
    }

    private static string NameOf(string directory) => System.IO.Path.GetFileName(directory);

    /// <summary>Whether the file has all of an image: who packed it was killed before its directory was gone.</summary>
    private bool IsWhole(string directory) => _begun.TryGetValue(NameOf(directory), out var begun) && begun.Image.End is not null;

    private SpilledImage ImageOf(string directory)
    {
        string name = NameOf(directory);
        if (!_images.TryGetValue(name, out SpilledImage? image))
            _images.Add(name, image = new SpilledImage(directory, _writer, _begun.TryGetValue(name, out var begun) ? begun : null));
        return image;
    }
}
