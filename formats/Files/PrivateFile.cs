namespace AllocReplay.Formats.Files;

/// <summary>Files that are readable by their owner alone: a trace holds arguments, paths and addresses.</summary>
internal static class PrivateFile
{
    /// <summary>Of files.</summary>
    public const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    /// <summary>Of directories.</summary>
    public const UnixFileMode DirectoryMode = Mode | UnixFileMode.UserExecute;

    /// <summary>Writes a file under another name and gives it its own when it is whole. What is left of a failure is taken away.</summary>
    /// <exception cref="TraceNotWritableException">It cannot be written.</exception>
    public static void Replace(string path, Action<Stream> write)
    {
        string temporary = path + ".tmp";
        try
        {
            using (FileStream stream = Create(temporary, FileMode.Create))
                write(stream);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (TraceNotWritableException.Covers(e))
        {
            if (File.Exists(temporary))
                File.Delete(temporary);
            throw TraceNotWritableException.Of(path, e);
        }
    }

    /// <summary>Creates a directory and those above it; what is there stays as it is.</summary>
    /// <exception cref="IOException">One cannot be created.</exception>
    public static void CreateDirectory(string path)
    {
        if (Directory.Exists(path))
            return;
        // The mode that the runtime is given is that of the last one only.
        if (Path.GetDirectoryName(path) is { Length: > 0 } parent)
            CreateDirectory(parent);
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, DirectoryMode);
    }

    /// <summary>Opens a file for writing.</summary>
    /// <exception cref="IOException">It cannot be created.</exception>
    public static FileStream Create(string path, FileMode mode, FileAccess access = FileAccess.Write, FileShare share = FileShare.Read)
    {
        var options = new FileStreamOptions { Mode = mode, Access = access, Share = share, BufferSize = 1 << 16 };
        // Elsewhere a file takes its folder's permissions, and asking for others throws.
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = Mode;
        return new FileStream(path, options);
    }
}
