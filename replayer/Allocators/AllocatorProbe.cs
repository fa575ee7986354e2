using System.Collections.Concurrent;
using System.Globalization;

namespace AllocReplay.Replayer.Allocators;

/// <summary>
/// Asks an allocator for what it tells of itself. In a worker, as it is with every replay: an allocator loaded into this process would be a second heap
/// in it.
/// </summary>
internal static class AllocatorProbe
{
    private static readonly ConcurrentDictionary<string, (string, AllocatorFamily)> Answers = new();

    /// <summary>The release that a library tells, as <c>5.3.0</c>, and whose it is; empty and unknown where it does not tell, or provide malloc.</summary>
    /// <param name="library">The file, links resolved.</param>
    public static (string Version, AllocatorFamily Family) Ask(string library) => Answers.GetOrAdd(library, static file =>
    {
        string[] lines = Tool.Output(WorkerStart.Info(["version"], [file], []))?.Split('\n') ?? [];
        return lines.Length >= 3 && Path.GetFileName(lines[0]) == Path.GetFileName(file)
            ? (lines[1], (AllocatorFamily)int.Parse(lines[2], CultureInfo.InvariantCulture))
            : ("", AllocatorFamily.Unknown);
    });

    /// <summary>Values of settings as the allocator has them; those that it does not have, or does not tell, are not there.</summary>
    /// <param name="allocator">The allocator.</param>
    /// <param name="environment">What it was started with, as NAME=VALUE.</param>
    /// <param name="names">Of settings.</param>
    /// <returns>By name; null where the allocator does not start.</returns>
    public static Dictionary<string, string>? Read(Allocator allocator, IReadOnlyList<string> environment, IReadOnlyList<string> names)
    {
        if (Tool.Output(WorkerStart.Info(["settings", .. names], [allocator.Preload!], environment)) is not { } output)
            return null;
        var values = new Dictionary<string, string>();
        foreach (string[] line in output.Split('\n').Select(l => l.Split('=', 2)).Where(l => l.Length == 2))
            values[line[0]] = line[1];
        return values;
    }

    /// <summary>What an allocator says on stderr when it starts; empty where it says nothing or does not start.</summary>
    public static string Says(Allocator allocator, IReadOnlyList<string> environment) =>
        Tool.Said(WorkerStart.Info(["version"], [allocator.Preload!], environment)) ?? "";
}
