using System.Globalization;

namespace AllocReplay.Recorder.Doctor;

/// <summary>The files by which a system tells of itself, below a root: <c>/</c>, or a picture of another system.</summary>
internal sealed class SystemFiles(string root = "/")
{
    /// <summary>Where a file is.</summary>
    /// <param name="path">From the root.</param>
    public string At(string path) => Path.Combine(root, path);

    /// <summary>What stands in a file; null where it is not there or not for us.</summary>
    public string? Text(string path) => Attempt(() => File.ReadAllText(At(path)));

    /// <summary>The value of a line <c>NAME: VALUE</c>; null where there is none.</summary>
    public string? Field(string path, string name) =>
        Text(path)?.Split('\n').Select(l => l.Split(':', 2)).FirstOrDefault(l => l.Length == 2 && l[0].Trim() == name)?[1].Trim();

    /// <summary>The number that is all of a file, or the value of one of its lines.</summary>
    public long? Number(string path, string? name = null) =>
        long.TryParse(name is null ? Text(path) : Field(path, name), NumberStyles.Integer, CultureInfo.InvariantCulture, out long value) ? value : null;

    /// <summary>What a link names; null where it is none or not for us.</summary>
    public string? Link(string path) => Attempt(() => new FileInfo(At(path)).LinkTarget);

    /// <summary>The soft limit of a line of <c>limits</c>; null: unlimited, or not told.</summary>
    /// <param name="process">The process's directory.</param>
    /// <param name="name">What the line begins with.</param>
    public long? Limit(string process, string name)
    {
        string? line = Text($"{process}/limits")?.Split('\n').FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        string? soft = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;
    }

    private static T? Attempt<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }
}
