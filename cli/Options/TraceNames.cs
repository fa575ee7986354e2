namespace AllocReplay.Cli.Options;

/// <summary>What several traces are called beside each other: by their files, with as many directories before them as tell them apart.</summary>
internal static class TraceNames
{
    /// <param name="traces">No two alike.</param>
    public static IReadOnlyList<string> Of(IReadOnlyList<TraceChoice> traces)
    {
        string[] paths = [.. traces.Select(t => Path.GetFullPath(Path.TrimEndingDirectorySeparator(t.Path))).Distinct()];
        return [.. traces.Select(t => NameOf(Path.GetFullPath(Path.TrimEndingDirectorySeparator(t.Path)), paths) + Part(t))];
    }

    private static string Part(TraceChoice trace) =>
        (trace.Process is { } image ? $" {image}" : "") + (trace.Program is { Length: > 0 } program ? $" ({program})" : "");

    private static string NameOf(string path, string[] paths)
    {
        string name = Path.GetFileName(path);
        for (string? above = Path.GetDirectoryName(path); above is not null; above = Path.GetDirectoryName(above))
        {
            if (paths.Count(p => p.EndsWith("/" + name, StringComparison.Ordinal)) <= 1)
                break;
            name = $"{Path.GetFileName(above)}/{name}";
        }
        return name;
    }
}
