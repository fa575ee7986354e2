using System.Globalization;
using System.Runtime.InteropServices;

namespace AllocReplay.Replayer.Allocators;

/// <summary>The run-time libraries that come with clang, each release in a directory of its own.</summary>
internal static class ClangRuntime
{
    private const string Debian = "/usr/lib/llvm-", Others = "/usr/lib", Standalone = "libclang_rt.scudo_standalone";

    /// <summary>Scudo of the newest release that is installed, as one library that can be preloaded; null where there is none.</summary>
    public static string? Scudo()
    {
        string machine = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "aarch64" : "x86_64";
        var options = new EnumerationOptions { IgnoreInaccessible = true };
        return Roots(options).OrderByDescending(r => r.Release)
            .SelectMany(r => Directory.EnumerateDirectories(r.Path, "*", options)) // …/clang/14.0.6
            .Select(d => Path.Combine(d, "lib"))
            .SelectMany(lib => new[]
            {
                Path.Combine(lib, "linux", $"{Standalone}-{machine}.so"),
                Path.Combine(lib, $"{machine}-pc-linux-gnu", $"{Standalone}.so"),
                Path.Combine(lib, $"{machine}-unknown-linux-gnu", $"{Standalone}.so"),
            })
            .FirstOrDefault(File.Exists);
    }

    private static IEnumerable<(int Release, string Path)> Roots(EnumerationOptions options)
    {
        foreach (string llvm in Directory.EnumerateDirectories("/usr/lib", "llvm-*", options))
            if (int.TryParse(llvm.AsSpan(Debian.Length), CultureInfo.InvariantCulture, out int release) && Directory.Exists($"{llvm}/lib/clang"))
                yield return (release, $"{llvm}/lib/clang");
        if (Directory.Exists($"{Others}/clang"))
            yield return (0, $"{Others}/clang");
    }
}
