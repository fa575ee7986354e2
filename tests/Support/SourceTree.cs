namespace AllocReplay.Tests.Support;

/// <summary>Where the sources are, and which there are.</summary>
internal static class SourceTree
{
    private static readonly string[] Built = ["bin", "obj", "artifacts", ".git", "node_modules", "BenchmarkDotNet.Artifacts", "__pycache__"];
    private static readonly Lazy<string[]> All = new(List);

    public static string Root { get; } = Find();

    /// <summary>The paths, relative to <see cref="Root"/>, of all files that no build made; with one of the extensions, if any is named.</summary>
    public static IEnumerable<string> Files(params string[] extensions) =>
        All.Value.Where(f => extensions.Length == 0 || extensions.Contains(Path.GetExtension(f)));

    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    /// <summary>Fails with one line for each violation.</summary>
    public static void AssertNone(IEnumerable<string> violations)
    {
        string text = string.Join('\n', violations);
        Assert.True(text.Length == 0, "\n" + text);
    }

    private static string[] List() => [.. Under(Root).Select(f => Path.GetRelativePath(Root, f)).Order(StringComparer.Ordinal)];

    private static IEnumerable<string> Under(string directory) =>
        Directory.GetFiles(directory).Concat(Directory.GetDirectories(directory).Where(d => !Built.Contains(Path.GetFileName(d))).SelectMany(Under));

    private static string Find()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "tools.sln")))
            directory = Path.GetDirectoryName(directory);
        return directory ?? throw new InvalidOperationException("the tests run from inside the repository");
    }
}
