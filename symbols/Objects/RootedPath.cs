namespace AllocReplay.Symbols.Objects;

/// <summary>Paths as a program sees them whose root is another directory.</summary>
internal static class RootedPath
{
    private const int LinksMax = 40; // as the kernel

    /// <summary>The path that leads there from here: a link to an absolute path is meant below the root, and nothing leads above it.</summary>
    /// <param name="root">The root.</param>
    /// <param name="path">An absolute path below it.</param>
    /// <returns>Null where links lead in a circle, or one cannot be looked at.</returns>
    public static string? Resolve(string root, string path)
    {
        if (root == "/")
            return path;
        var ahead = new Stack<string>(Parts(path).Reverse());
        var behind = new List<string>();
        int links = 0;
        while (ahead.TryPop(out string? part))
        {
            if (part == "..")
            {
                behind.RemoveRange(Math.Max(0, behind.Count - 1), Math.Min(1, behind.Count));
                continue;
            }
            behind.Add(part);
            if (!TryLinkOf(Below(root, behind), out string? target) || (target is not null && ++links > LinksMax))
                return null;
            if (target is null)
                continue;
            if (Path.IsPathRooted(target))
                behind.Clear();
            else
                behind.RemoveAt(behind.Count - 1);
            foreach (string next in Parts(target).Reverse())
                ahead.Push(next);
        }
        return Below(root, behind);
    }

    private static string[] Parts(string path) => [.. path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(p => p != ".")];

    private static string Below(string root, List<string> parts) => Path.Join(root, string.Join('/', parts));

    /// <summary>Where a link leads, null where it is none; false where that cannot be told.</summary>
    private static bool TryLinkOf(string path, out string? target)
    {
        try
        {
            target = new FileInfo(path).LinkTarget;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            target = null;
            return false;
        }
    }
}
