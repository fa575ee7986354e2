using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Recorder;

/// <summary>The process images of a recording that a watcher asks for: of a process id, or of a directory. They are looked for, and nobody is asked.</summary>
public sealed class WatchedImages
{
    private readonly string? _prefix; // of names

    private WatchedImages(string session, string? prefix) => (Session, _prefix) = (session, prefix);

    /// <summary>The recording's directory.</summary>
    public string Session { get; }

    /// <summary>Finds what a process id, a recording directory, or a process image's directory names.</summary>
    /// <exception cref="ControlException">There is no such process or recording.</exception>
    public static WatchedImages Find(string target)
    {
        if (target.Length == 0)
            throw new ControlException(ControlTarget.Nothing);
        if (File.Exists(Path.Combine(target, Wire.ProcessFile)))
        {
            string image = Path.GetFullPath(target.TrimEnd('/'));
            return new WatchedImages(Path.GetDirectoryName(image)!, Path.GetFileName(image));
        }
        if (Directory.Exists(target))
            return new WatchedImages(target, null);
        if (!int.TryParse(target, NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
            throw new ControlException($"{target}: neither a process id nor a recording directory");
        string found = ControlTarget.OfProcessAsItIs(pid);
        string name = Path.GetFileName(found);
        // The id of a recorder stands for its command's; and an exec begins another image under the same id.
        return new WatchedImages(Path.GetDirectoryName(found)!, name[..(name.LastIndexOf('.') + 1)]);
    }

    /// <summary>The directories of those that are there now.</summary>
    public IReadOnlyList<string> Now()
    {
        try
        {
            return [.. Trace.ImageDirectories(Session).Where(d => _prefix is null || IsNamed(Path.GetFileName(d)))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ControlException($"{Session}: {e.Message}");
        }
    }

    /// <summary>What a process image has on disk: bytes of whole chunks, and of those that are not full. It is compared in that order.</summary>
    /// <param name="image">Its directory.</param>
    public static (long Whole, long Tails) BytesOf(string image) =>
        (FileLengths.Sum(image, Wire.EventsFile + "*"), FileLengths.Sum(image, Wire.TailsFile));

    /// <summary>Those of them that are still written.</summary>
    /// <exception cref="ControlException">They cannot be listed.</exception>
    public IReadOnlyList<string> Running()
    {
        HashSet<uint>? recording = null; // process ids, where the session has shared memory: of thousands of images few are looked at
        try
        {
            using SafeFileHandle? arena = SharedArena.OpenToRead(Session, out ArenaHeader header);
            if (arena is not null)
                recording = [.. ImageWatch.Recording(arena, header)];
        }
        catch (IOException)
        {
            // It names no shared memory: then nobody records into it.
        }
        return [.. Now().Where(d => recording is null || recording.Contains(PidOf(Path.GetFileName(d)))).Where(IsWritten)];
    }

    private static uint PidOf(string name) =>
        uint.TryParse(name.AsSpan(1, Math.Max(0, name.IndexOf('.') - 1)), CultureInfo.InvariantCulture, out uint pid) ? pid : 0;

    private static bool IsWritten(string directory)
    {
        try
        {
            using ImageWatch watch = ImageWatch.Open(directory);
            return watch.Life() != ImageLife.Ended;
        }
        catch (ControlException)
        {
            return false; // it was taken away
        }
    }

    private bool IsNamed(string name) => _prefix!.EndsWith('.') ? name.StartsWith(_prefix, StringComparison.Ordinal) : name == _prefix;
}
