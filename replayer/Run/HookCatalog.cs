using AllocReplay.Replayer.Allocators;

namespace AllocReplay.Replayer.Run;

/// <summary>A hook that has a name.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Options">Those that it takes; of <c>name=…</c>, the name.</param>
/// <param name="Create">Makes it of what follows <c>=</c> behind its name, or null, and of its options, each once.</param>
/// <param name="ArgumentHelp">What follows <c>=</c> behind its name; empty where nothing does.</param>
public sealed record HookKind(
    string Name, IReadOnlyList<string> Options, Func<string?, IReadOnlyList<string>, IHook> Create, string ArgumentHelp = "")
{
    internal string Word => ArgumentHelp.Length > 0 ? $"{Name}={ArgumentHelp}" : Name;
}

/// <summary>The hooks that have a name. Any other is the path of a library.</summary>
/// <param name="kinds">Those that have one.</param>
public sealed class HookCatalog(IReadOnlyList<HookKind> kinds)
{
    private const string None = "none";

    /// <summary>No names but <c>none</c>.</summary>
    public static HookCatalog Libraries { get; } = new([]);

    /// <summary>The names, for people.</summary>
    public string Words => string.Join(", ", [None, .. kinds.Select(k => k.Word), "/path/library.so"]);

    /// <exception cref="ReplayException">There is no such hook, or no such library.</exception>
    internal HookDraft Begin(string item, string? directory)
    {
        string[] parts = item.Split('=', 2);
        if (item == None)
            return new HookDraft(item, null, (_, _) => null);
        if (kinds.FirstOrDefault(k => k.Name == parts[0]) is { } kind)
        {
            if (parts.Length == 2 != kind.ArgumentHelp.Length > 0)
                throw new ReplayException(ReplayFailure.Usage, $"{item}: expected {kind.Word}");
            return new HookDraft(item, kind.Options, (argument, options) => kind.Create(argument, options));
        }
        if (!item.Contains('/', StringComparison.Ordinal) && !item.Contains(".so", StringComparison.Ordinal))
            throw new ReplayException(ReplayFailure.Usage, $"no hook is called {item}; known: {Words}");
        string path = Path.GetFullPath(item, directory ?? Environment.CurrentDirectory);
        PreloadedLibrary.Require(item, path);
        return new HookDraft(item, [], (_, options) => new LibraryHook(path, options)) { TakesVariables = true };
    }
}

/// <summary>A hook as it is read, item by item.</summary>
internal sealed class HookDraft(string head, IReadOnlyList<string>? known, Func<string?, IReadOnlyList<string>, IHook?> create)
{
    private readonly List<string> _options = [];

    public bool TakesVariables { get; init; }

    /// <summary>Whether an item is an option of this hook.</summary>
    public bool Takes(string item) => known is not null && (known.Contains(item.Split('=', 2)[0]) || (TakesVariables && ConfigurationParser.IsVariable(item)));

    /// <exception cref="ReplayException">It stands twice.</exception>
    public void Add(string item)
    {
        string name = item.Split('=', 2)[0];
        if (_options.Any(o => o.Split('=', 2)[0] == name))
            throw new ReplayException(ReplayFailure.Usage, $"{head}: {name} stands twice");
        _options.Add(item);
    }

    public IHook? End() => create(head.Contains('=', StringComparison.Ordinal) && !TakesVariables ? head.Split('=', 2)[1] : null, _options);
}
