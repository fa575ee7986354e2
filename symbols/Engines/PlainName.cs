namespace AllocReplay.Symbols.Engines;

/// <summary>
/// A name for an object file: of a link in a directory that has nothing else. A line of a question can hold it, whatever characters the file's own
/// name has; and a resolver that looks beside the file for what its debug link names finds nothing, which may be a pipe, and would be waited for.
/// Where it has its debug information in a package (.dwp), the name is its own.
/// </summary>
internal sealed class PlainName : IDisposable
{
    private readonly string? _directory;

    public PlainName(string file)
    {
        Text = file;
        if (File.Exists(file + ".dwp") && !file.Any(c => c is '"' or '\\' || char.IsControl(c)))
            return;
        _directory = Directory.CreateTempSubdirectory("allocreplay-").FullName;
        Text = Path.Combine(_directory, "object");
        File.CreateSymbolicLink(Text, Path.GetFullPath(file));
    }

    public string Text { get; }

    public void Dispose()
    {
        if (_directory is not null)
            Directory.Delete(_directory, recursive: true);
    }
}
