namespace AllocReplay.Tests.Support;

/// <summary>Shared libraries of the machine.</summary>
internal static class Libraries
{
    private static readonly string[] Directories = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"];

    /// <summary>What a later release has in its place: the same library to those who call malloc.</summary>
    private static readonly Dictionary<string, string> Successors = new() { ["libmimalloc.so.2"] = "libmimalloc.so.3" };

    public static string? Find(string name) =>
        Directories.Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists) ?? (Successors.TryGetValue(name, out string? next) ? Find(next) : null);
}
