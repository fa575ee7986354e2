namespace AllocReplay.Replayer.Allocators;

/// <summary>An allocator as a replay runs it: a library to preload and the environment it is tuned by.</summary>
public sealed record Allocator
{
    /// <summary>What the user called it, settings included; unique in a comparison.</summary>
    public required string Name { get; init; }
    /// <summary>Library to preload; null for glibc's own and for the no-op.</summary>
    public string? Preload { get; init; }
    /// <summary>The file that provides malloc, links resolved; null for the no-op.</summary>
    public string? Library { get; init; }
    /// <summary>Version, where the C library or the library's file name tells; else empty.</summary>
    public string Version { get; init; } = "";
    /// <summary>Build id of <see cref="Library"/> in hexadecimal, or empty.</summary>
    public string BuildId { get; init; } = "";
    /// <summary>Variables set for the worker, as NAME=VALUE.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];
    /// <summary>The harness's own cost: calls go to a function that does nothing.</summary>
    public bool IsNoop { get; init; }
}
