namespace AllocReplay.Tests.Support;

/// <summary>Shared libraries of the machine.</summary>
internal static class Libraries
{
    private static readonly string[] Directories = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"];

    public static string? Find(string name) => Directories.Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists);
}
