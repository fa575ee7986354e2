namespace AllocReplay.Symbols;

/// <summary>Where symbols are looked for.</summary>
public sealed record SymbolOptions
{
    /// <summary>A directory that holds the files of the machine or container that was recorded, or null for this machine's.</summary>
    public string? Sysroot { get; init; }

    /// <summary>Directories of separate debug files, before the system's: by build id, or laid out as the object files are.</summary>
    public IReadOnlyList<string> DebugDirectories { get; init; } = [];

    /// <summary>Servers that are asked for debug files by build id (debuginfod); none is asked when this is empty.</summary>
    public IReadOnlyList<Uri> DebuginfodServers { get; init; } = [];

    /// <summary>How long a server may be silent.</summary>
    public TimeSpan DebuginfodTimeout { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>Where debug files from servers are kept, as elfutils and gdb keep them.</summary>
    public string DebuginfodCache { get; init; } = Path.Combine(UserCache, "debuginfod_client");

    /// <summary>Where what was found is kept, by build id; null: nowhere.</summary>
    public string? Cache { get; init; } = Path.Combine(UserCache, "allocreplay", "symbols");

    /// <summary>The program that resolves: by the first of these that is installed; without one by the object files' symbol tables.</summary>
    public IReadOnlyList<string> Resolvers { get; init; } = ["llvm-symbolizer", "addr2line"];

    /// <summary>Told what is done, for somebody who waits.</summary>
    public IProgress<double>? Progress { get; init; }

    private static string UserCache => Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache && Path.IsPathRooted(cache)
        ? cache
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
}
