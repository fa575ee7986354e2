namespace AllocReplay.Replayer.Allocators;

/// <summary>An allocator that a replay can run under: the C library's own, a library to preload, or none.</summary>
public sealed record Allocator
{
    /// <summary>What the catalog or the user calls it.</summary>
    public required string Name { get; init; }
    /// <summary>Library to preload; null for glibc's own and for a reference.</summary>
    public string? Preload { get; init; }
    /// <summary>The file that provides malloc, links resolved; null for a reference.</summary>
    public string? Library { get; init; }
    /// <summary>Its release, as itself tells; empty where it does not.</summary>
    public string Version { get; init; } = "";
    /// <summary>Debian's package of <see cref="Library"/> and its version, as <c>libjemalloc2 5.3.0-1</c>; empty where dpkg does not know the file.</summary>
    public string Package { get; init; } = "";
    /// <summary>Build id of <see cref="Library"/> in hexadecimal, or empty.</summary>
    public string BuildId { get; init; } = "";
    /// <summary>Whose settings it reads.</summary>
    public AllocatorFamily Family { get; init; }
    /// <summary>How <see cref="Library"/> was found, for people; empty for the no-op.</summary>
    public string FoundBy { get; init; } = "";
    /// <summary>Whether the user gave the file: its name alone would not find it again.</summary>
    public bool IsGiven { get; init; }
    /// <summary>Whether calls are made that a hook could see.</summary>
    public bool CanBeHooked => !IsReference;
    /// <summary>The harness's own cost: calls go to a function that does nothing.</summary>
    public bool IsNoop { get; init; }
    /// <summary>What no allocator can do better: a bump pointer's time, and as memory the live bytes that are touched.</summary>
    public bool IsIdeal { get; init; }
    /// <summary>It is none, but shows what others are to be seen beside.</summary>
    public bool IsReference => IsNoop || IsIdeal;
}
