using System.Collections.Concurrent;

namespace AllocReplay.Replayer.Allocators;

/// <summary>
/// Asks an allocator for its release. In a worker, as it is with every replay: an allocator loaded into this process would be a second heap in it.
/// </summary>
internal static class AllocatorProbe
{
    private static readonly ConcurrentDictionary<string, string> Versions = new();

    /// <summary>The release that a library tells, as <c>5.3.0</c>; empty where it tells none, or does not provide malloc.</summary>
    /// <param name="library">The file, links resolved.</param>
    public static string VersionOf(string library) => Versions.GetOrAdd(library, static file =>
    {
        string[] lines = Tool.Output(WorkerStart.Info(["version"], [file], []))?.Split('\n') ?? [];
        return lines.Length >= 2 && Path.GetFileName(lines[0]) == Path.GetFileName(file) ? lines[1] : "";
    });
}
