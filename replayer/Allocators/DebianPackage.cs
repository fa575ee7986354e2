using System.Collections.Concurrent;

namespace AllocReplay.Replayer.Allocators;

/// <summary>What dpkg and apt know of the allocators' packages; nothing on other distributions.</summary>
internal static class DebianPackage
{
    private const string MergedRoot = "/usr";

    private static readonly ConcurrentDictionary<string, string> Owners = new();

    /// <summary>Name and version of the package that brought a file, as <c>libjemalloc2 5.3.0-1</c>; empty where none did.</summary>
    public static string Of(string path) => Owners.GetOrAdd(path, static file => Ask(file) ?? Ask(Unmerged(file)) ?? "");

    /// <summary>Of the names that a package goes by, newest first, the one that this release has; the newest where nobody knows.</summary>
    public static string Offered(IReadOnlyList<string> names) => Offered(names, IsOffered);

    internal static string Offered(IReadOnlyList<string> names, Func<string, bool> isOffered) => names.FirstOrDefault(isOffered) ?? names[0];

    /// <summary>Whether the lists of packages have one of that name.</summary>
    private static bool IsOffered(string name) => Tool.Output("apt-cache", "pkgnames", name)?.Split('\n').Contains(name) == true;

    /// <summary>dpkg names a file as its package does: on a merged /usr that may be without the /usr.</summary>
    private static string Unmerged(string path) => path.StartsWith(MergedRoot + "/", StringComparison.Ordinal) ? path[MergedRoot.Length..] : MergedRoot + path;

    private static string? Ask(string path)
    {
        // "libjemalloc2:amd64: /usr/lib/…", several packages by comma
        string? owner = Tool.Output("dpkg-query", "--search", path)?.Split(": ")[0].Split(',')[0];
        return owner is null ? null : Tool.Output("dpkg-query", "--show", "--showformat=${Package} ${Version}", owner);
    }
}
