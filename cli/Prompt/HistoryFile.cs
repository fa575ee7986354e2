using System.Text;

namespace AllocReplay.Cli.Prompt;

/// <summary>
/// The history in the user's state directory, an entry a line: line feeds are written as \n, backslashes twice. Nobody else can read it, as queries tell of
/// what they ask. Several prompts may add to it: each looks for its end anew.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="warn">Told once why it cannot be read or written. Nothing ends for that.</param>
internal sealed class HistoryFile(string path, Action<string> warn)
{
    /// <summary>Entries that are kept, at the most.</summary>
    internal const int EntriesMax = 5000;

    /// <summary>Bytes that are looked at, from the end.</summary>
    private const int BytesMax = 4 << 20;

    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerDirectory = OwnerFile | UnixFileMode.UserExecute;

    private bool _hasWarned;

    /// <summary>Where it is by the rules of freedesktop.org: a relative XDG_STATE_HOME does not count. Null where the user has no directory.</summary>
    public static string? UserPath
    {
        get
        {
            string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
            string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            return Path.IsPathRooted(state) ? Path.Combine(state, "allocreplay", "history")
                : Path.IsPathRooted(home) ? Path.Combine(home, ".local", "state", "allocreplay", "history")
                : null;
        }
    }

    /// <summary>The entries that it has, the latest last; of a file that has grown too long the rest is taken away.</summary>
    public IReadOnlyList<string> Load()
    {
        string[] lines = [];
        Try(() =>
        {
            if (!File.Exists(path))
                return;
            using FileStream file = Open(FileMode.Open);
            bool isCut = file.Length > BytesMax;
            file.Seek(isCut ? -BytesMax : 0, isCut ? SeekOrigin.End : SeekOrigin.Begin);
            // Not to its end: a device may have none.
            var bytes = new byte[BytesMax];
            string text = Encoding.UTF8.GetString(bytes, 0, file.ReadAtLeast(bytes, BytesMax, throwOnEndOfStream: false));
            lines = !text.Contains('\0') ? text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                : throw new IOException($"{path}: expected text, found zeros");
            if (isCut || lines.Length > EntriesMax)
            {
                lines = [.. lines.Skip(isCut ? 1 : 0).TakeLast(EntriesMax)];
                Replace(lines);
            }
        });
        return [.. lines.Select(Decode)];
    }

    public void Add(string entry) => Try(() =>
    {
        MakeDirectory(Path.GetDirectoryName(path)!);
        using FileStream file = Open(FileMode.OpenOrCreate);
        file.Seek(0, SeekOrigin.End);
        file.Write(Encoding.UTF8.GetBytes(Encode(entry) + "\n"));
    });

    private static string Encode(string entry) => entry.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string Decode(string line)
    {
        var text = new StringBuilder();
        for (int i = 0; i < line.Length; i++)
            text.Append(line[i] != '\\' || i + 1 == line.Length ? line[i] : line[++i] == 'n' ? '\n' : line[i]);
        return text.ToString();
    }

    private static void MakeDirectory(string directory)
    {
        if (Directory.Exists(directory))
            return;
        // One by one: of several that are missing, only the last would get the mode.
        MakeDirectory(Path.GetDirectoryName(directory)!);
        Directory.CreateDirectory(directory, OwnerDirectory);
    }

    private void Replace(string[] lines)
    {
        string next = $"{path}.{Environment.ProcessId}";
        using (var file = new FileStream(next, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OwnerFile }))
            file.Write(Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n"));
        File.Move(next, path, overwrite: true);
    }

    /// <summary>Opens it to read and write: a pipe of that name is then not waited for.</summary>
    private FileStream Open(FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite | FileShare.Delete };
        if (mode != FileMode.Open)
            options.UnixCreateMode = OwnerFile;
        var file = new FileStream(path, options);
        if (file.CanSeek)
            return file;
        file.Dispose();
        throw new IOException($"{path}: is no regular file");
    }

    private void Try(Action work)
    {
        try
        {
            work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            if (!_hasWarned)
                warn($"no history is kept: {e.Message}");
            _hasWarned = true;
        }
    }
}
