using System.Buffers;
using AllocReplay.Replayer.Allocators;

namespace AllocReplay.Replayer.Run;

/// <summary>What a run is of: an allocator, the hook before it, and the environment that both are tuned by.</summary>
public sealed record Configuration
{
    private static readonly SearchValues<char> VariableCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    public required Allocator Allocator { get; init; }
    /// <summary>Null where nothing stands before the allocator.</summary>
    public IHook? Hook { get; init; }
    /// <summary>Variables set for the worker, as NAME=VALUE.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>As the user writes it, settings included; unique in a comparison.</summary>
    public string Name => AllocatorName + (Hook is null ? "" : $" + {Hook.Name}");

    /// <summary>The allocator and its settings, as the user writes them.</summary>
    public string AllocatorName => string.Join(',', [Allocator.Name, .. Environment]);

    /// <summary>All allocators that this machine has, and the no-op.</summary>
    public static IReadOnlyList<Configuration> Installed() =>
        [.. AllocatorCatalog.List().Select(e => e.Found).OfType<Allocator>().Select(a => new Configuration { Allocator = a })];

    /// <summary>
    /// Parses <c>name,name=path.so,NAME=VALUE,…</c>. An item whose name is in capitals is an environment variable for the
    /// allocator before it.
    /// </summary>
    /// <exception cref="ReplayException">A name is not known, or not installed, or stands twice.</exception>
    public static IReadOnlyList<Configuration> Parse(string list)
    {
        var items = new List<(string Allocator, List<string> Environment)>();
        foreach (string item in list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!IsVariable(item))
                items.Add((item, []));
            else if (items.Count > 0)
                items[^1].Environment.Add(item);
            else
                throw new ReplayException(ReplayFailure.Usage, $"{item}: name an allocator first, then its environment");
        }
        if (items.Count == 0)
            throw new ReplayException(ReplayFailure.Usage, $"no allocator named; known: {string.Join(", ", AllocatorCatalog.Names)}, or name=path.so");
        List<Configuration> parsed =
            items.ConvertAll(i => new Configuration { Allocator = AllocatorCatalog.Resolve(i.Allocator), Environment = i.Environment });
        if (parsed.GroupBy(c => c.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ReplayException(ReplayFailure.Usage, $"{twice.Key} is named twice");
        return parsed;
    }

    private static bool IsVariable(string item)
    {
        int equals = item.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 && item.AsSpan(0, equals).IndexOfAnyExcept(VariableCharacters) < 0;
    }
}
