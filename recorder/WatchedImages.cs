using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Recording;

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

    private bool IsNamed(string name) => _prefix!.EndsWith('.') ? name.StartsWith(_prefix, StringComparison.Ordinal) : name == _prefix;
}
