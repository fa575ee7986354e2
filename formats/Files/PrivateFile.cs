namespace AllocReplay.Formats.Files;

/// <summary>Files that are readable by their owner alone: a trace holds arguments, paths and addresses.</summary>
internal static class PrivateFile
{
    /// <summary>Opens a file for writing.</summary>
    /// <exception cref="IOException">It cannot be created.</exception>
    public static FileStream Create(string path, FileMode mode, FileAccess access = FileAccess.Write)
    {
        var options = new FileStreamOptions { Mode = mode, Access = access, BufferSize = 1 << 16 };
        // Elsewhere a file takes its folder's permissions, and asking for others throws.
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path, options);
    }
}
