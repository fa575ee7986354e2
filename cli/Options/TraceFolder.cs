using AllocReplay.Formats;

namespace AllocReplay.Cli.Options;

/// <summary>A directory in which traces lie side by side.</summary>
internal static class TraceFolder
{
    private static readonly string[] Extensions = [".allocrec", ".alloctrace"];

    /// <summary>Whether it is one, and not a recording, which is a directory as well.</summary>
    public static bool Is(string path) => Directory.Exists(path) && !IsNamedTrace(path) && !Trace.IsRecording(path);

    /// <summary>What lies in it, by name: recordings and packed traces, and names of all else. What is called a trace is one, were it unreadable.</summary>
    /// <exception cref="IOException">It cannot be listed.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public static (IReadOnlyList<string> Traces, IReadOnlyList<string> Others) List(string directory)
    {
        string[] names = [.. new DirectoryInfo(directory).EnumerateFileSystemInfos().Select(e => e.Name).Order(StringComparer.Ordinal)];
        ILookup<bool, string> byKind = names.ToLookup(name => Path.Combine(directory, name) is var path && (IsNamedTrace(path) || IsTrace(path)));
        return ([.. byKind[true].Select(name => Path.Combine(directory, name))], [.. byKind[false]]);
    }

    private static bool IsNamedTrace(string path) =>
        Extensions.Contains(Path.GetExtension(Path.TrimEndingDirectorySeparator(path)), StringComparer.OrdinalIgnoreCase);

    private static bool IsTrace(string path)
    {
        if (Directory.Exists(path))
            return Trace.IsRecording(path);
        try
        {
            Trace.Open(path).Dispose();
            return true;
        }
        catch (TraceFormatException)
        {
            return false;
        }
    }
}
