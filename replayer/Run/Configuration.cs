using AllocReplay.Replayer.Allocators;

namespace AllocReplay.Replayer.Run;

/// <summary>What a run is of: an allocator, the hook before it, and the environment that both are tuned by.</summary>
public sealed record Configuration
{
    public required Allocator Allocator { get; init; }
    /// <summary>Null where nothing stands before the allocator.</summary>
    public IHook? Hook { get; init; }
    /// <summary>Variables set for the worker, as NAME=VALUE.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>In full, with the paths of libraries: what <see cref="ConfigurationParser"/> reads gives this configuration again.</summary>
    public string Name => string.Join(',', [AllocatorText, .. QuotedEnvironment]) + (Hook is null ? "" : $" + {Hook.Name}");

    /// <summary>As tables show it: the same without paths. Unique in a comparison.</summary>
    public string Label => AllocatorName + (Hook is null ? "" : $" + {Hook.Label}");

    /// <summary>The allocator and its settings, without its path.</summary>
    public string AllocatorName => string.Join(',', [Allocator.Name, .. QuotedEnvironment]);

    private string AllocatorText =>
        Allocator.IsGiven ? $"{Allocator.Name}={ConfigurationText.Quote(Allocator.Preload!)}" : Allocator.Name;

    private IEnumerable<string> QuotedEnvironment =>
        Environment.Select(v => v.Split('=', 2)).Select(v => ConfigurationText.Quote(v[0], v[1]));

    /// <summary>All allocators that this machine has.</summary>
    public static IReadOnlyList<Configuration> Installed() =>
        [.. AllocatorCatalog.List().Select(e => e.Found).OfType<Allocator>().Select(a => new Configuration { Allocator = a })];

    /// <summary>These, and after them those reference rows that are not among them: what the harness costs, and what no allocator can do better.</summary>
    public static IReadOnlyList<Configuration> WithReferences(IReadOnlyList<Configuration> configurations) =>
    [
        .. configurations,
        .. AllocatorCatalog.References.Where(r => configurations.All(c => c.Allocator.Name != r.Name)).Select(r => new Configuration { Allocator = r }),
    ];

    /// <inheritdoc cref="ConfigurationParser.Parse"/>
    public static IReadOnlyList<Configuration> Parse(string list) => new ConfigurationParser(HookCatalog.Libraries).Parse(list);
}
