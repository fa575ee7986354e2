namespace AllocReplay.Analyzer.Parquet;

/// <summary>Files and directories that their owner alone can read: a dataset has the arguments and addresses of the trace.</summary>
internal static class OwnerOnly
{
    private const UnixFileMode OfFiles = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OfDirectories = OfFiles | UnixFileMode.UserExecute;

    public static FileStream CreateFile(string path, FileAccess access, FileShare share = FileShare.Read) =>
        new(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = access, Share = share, UnixCreateMode = OfFiles });

    /// <summary>Creates a directory and those above it; what is there stays as it is.</summary>
    public static void CreateDirectory(string path)
    {
        if (Directory.Exists(path))
            return;
        // The mode that the runtime is given is that of the last one only.
        if (Path.GetDirectoryName(path) is { Length: > 0 } parent)
            CreateDirectory(parent);
        Directory.CreateDirectory(path, OfDirectories);
    }
}
