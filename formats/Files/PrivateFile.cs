namespace AllocReplay.Formats.Files;

/// <summary>Files that are readable by their owner alone: a trace holds arguments, paths and addresses.</summary>
internal static class PrivateFile
{
    /// <summary>Of files.</summary>
    public const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    /// <summary>Of directories.</summary>
    public const UnixFileMode DirectoryMode = Mode | UnixFileMode.UserExecute;

    /// <summary>Opens a file for writing.</summary>
    /// <exception cref="IOException">It cannot be created.</exception>
    public static FileStream Create(string path, FileMode mode, FileAccess access = FileAccess.Write)
    {
        var options = new FileStreamOptions { Mode = mode, Access = access, BufferSize = 1 << 16 };
        // Elsewhere a file takes its folder's permissions, and asking for others throws.
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = Mode;
        return new FileStream(path, options);
    }
}
