namespace AllocReplay.Recorder;

/// <summary>
/// A name under which the dynamic linker preloads the hook. It splits LD_PRELOAD at blanks and colons, and replaces what begins with a dollar
/// sign; where the hook lies in a directory of such a name, it is preloaded through a link in a private directory.
/// </summary>
internal sealed class PreloadPath : IDisposable
{
    private readonly string? _directory;

    /// <exception cref="RecordException">The directory of temporary files has such a name too.</exception>
    public PreloadPath(string hook)
    {
        Name = hook;
        if (IsPreloadable(hook))
            return;
        _directory = Directory.CreateTempSubdirectory("allocreplay-hook-").FullName;
        Name = Path.Combine(_directory, Path.GetFileName(hook));
        if (!IsPreloadable(Name))
        {
            Dispose();
            throw new RecordException($"{hook}: the dynamic linker preloads nothing whose path holds a space, a colon or a dollar sign, "
                + $"and the directory of temporary files, {Path.GetTempPath()}, offers no other path to it");
        }
        File.CreateSymbolicLink(Name, hook);
    }

    public string Name { get; }

    public void Dispose()
    {
        if (_directory is not null)
            Directory.Delete(_directory, recursive: true);
    }

    private static bool IsPreloadable(string path) => path.AsSpan().IndexOfAny(" \t\n:$") < 0;
}
