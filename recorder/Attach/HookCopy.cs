using AllocReplay.Formats.Files;

namespace AllocReplay.Recorder.Attach;

/// <summary>
/// A copy of the hook where another process can open it, with its settings inside: in a directory of its own, below that process's root, whichever
/// namespace of mounts that is of. It can go when it is loaded.
/// </summary>
internal sealed class HookCopy : IDisposable
{
    /// <summary>Where there may be one: file systems in memory first, as all may be read-only but these.</summary>
    private static readonly string[] Places = ["/dev/shm", "/tmp", "/var/tmp", "/run"];

    private readonly string _directory; // as we see it

    private HookCopy(string directory, string path) => (_directory, Path) = (directory, path);

    /// <summary>As the process sees it.</summary>
    public string Path { get; }

    /// <summary>Makes one.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="hook">The hook.</param>
    /// <param name="settings">What it is to be told.</param>
    /// <param name="isOurs">Whether the process is of our user: others can read it too if not.</param>
    /// <exception cref="ControlException">There is no place for it.</exception>
    public static HookCopy Make(int pid, string hook, IEnumerable<string> settings, bool isOurs)
    {
        byte[] bytes = File.ReadAllBytes(hook);
        if (HookFile.OffsetOf(bytes, HookInside.Settings) is not { } offset)
            throw new ControlException($"{hook}: expected a library that can be attached");
        HookInside.BytesOf(settings).CopyTo(bytes, offset);
        string why = "it has none of " + string.Join(", ", Places);
        foreach (string place in Places)
        {
            string name = $"{place}/allocreplay-{RandomName.New()}", outside = $"/proc/{pid}/root{name}";
            if (!Directory.Exists($"/proc/{pid}/root{place}") || IsNotForCode(pid, place))
                continue;
            var copy = new HookCopy(outside, $"{name}/{System.IO.Path.GetFileName(hook)}");
            try
            {
                const UnixFileMode pass = UnixFileMode.GroupExecute | UnixFileMode.OtherExecute, read = UnixFileMode.GroupRead | UnixFileMode.OtherRead;
                Directory.CreateDirectory(outside, PrivateFile.DirectoryMode);
                File.WriteAllBytes($"/proc/{pid}/root{copy.Path}", bytes);
                File.SetUnixFileMode($"/proc/{pid}/root{copy.Path}", UnixFileMode.UserRead | UnixFileMode.UserWrite | (isOurs ? 0 : read));
                File.SetUnixFileMode(outside, PrivateFile.DirectoryMode | (isOurs ? 0 : pass));
                return copy;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                copy.Dispose();
                why = e.Message;
            }
        }
        throw new ControlException($"pid {pid}: there is no place from which it could open the hook: {why}");
    }

    /// <summary>Whether what lies there is not executed (noexec).</summary>
    private static bool IsNotForCode(int pid, string place)
    {
        // id parent device root mount-point options …: the longest mount point that begins the path, of equal ones the last.
        (string Point, string Options) mount = ("", "");
        foreach (string line in File.ReadLines($"/proc/{pid}/mountinfo"))
        {
            string[] fields = line.Split(' ');
            string point = fields[4] == "/" ? "" : fields[4];
            if (point.Length >= mount.Point.Length && (place + "/").StartsWith(point + "/", StringComparison.Ordinal))
                mount = (point, fields[5]);
        }
        return mount.Options.Split(',').Contains("noexec");
    }

    public void Dispose()
    {
        try
        {
            if (Directory.Exists(_directory))
                Directory.Delete(_directory, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The process has ended, and its namespace with it.
        }
    }
}
