namespace AllocReplay.Symbols.Engines;

/// <summary>A name of a file that a line of a question can hold: where its own has quotes or line breaks, that of a link to it.</summary>
internal sealed class PlainName : IDisposable
{
    private readonly string? _directory;

    public PlainName(string file)
    {
        Text = file;
        if (!file.Any(c => c is '"' or '\\' || char.IsControl(c)))
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
