using System.Buffers;
using AllocReplay.Replayer.Allocators;

namespace AllocReplay.Replayer.Run;

/// <summary>
/// Reads configurations: <c>allocator[,VARIABLE=value…][ + hook[,option=value…]]</c>, and lists of them, by comma. What follows belongs to the nearest
/// before it that takes it: an option to the hook, a variable, which is in capitals, to the library hook or else the allocator; any other begins anew.
/// </summary>
/// <param name="hooks">The hooks that have a name.</param>
public sealed class ConfigurationParser(HookCatalog hooks)
{
    private static readonly SearchValues<char> VariableCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    /// <summary>A list of configurations.</summary>
    /// <param name="list">As <c>glibc,MALLOC_ARENA_MAX=1,mine=/path/lib.so + record,stacks=cfi,jemalloc</c>.</param>
    /// <param name="directory">Where relative paths begin; null: the current directory.</param>
    /// <exception cref="ReplayException">A name is not known, or not installed, or stands twice; a variable is not one of the allocator's.</exception>
    public IReadOnlyList<Configuration> Parse(string list, string? directory = null)
    {
        var drafts = new List<Draft>();
        foreach (ConfigurationText.Item item in ConfigurationText.Split(list))
        {
            Draft? last = drafts.LastOrDefault();
            if (item.FollowsPlus)
                (last ?? throw Usage($"+ {item.Text}: name an allocator first, then the hook before it")).Begin(hooks, item.Text, directory);
            else if (last?.Hook?.Takes(item.Text) == true)
                last.Hook.Add(item.Text);
            else if (!IsVariable(item.Text))
                drafts.Add(new Draft(item.Text));
            else
                (last ?? throw Usage($"{item.Text}: name an allocator first, then its environment")).Environment.Add(item.Text);
        }
        if (drafts.Count == 0)
            throw Usage($"no allocator named; known: {string.Join(", ", AllocatorCatalog.Names)}, or name=path.so");
        List<Configuration> parsed = drafts.ConvertAll(d => d.End(directory));
        RequireDistinct(parsed);
        return parsed;
    }

    /// <summary>A list of hooks, <c>none</c> being none: <c>none,record,sample=512,/path/hook.so,NAME=value</c>.</summary>
    /// <exception cref="ReplayException">A hook is not known, is not there, or does not take an option.</exception>
    public IReadOnlyList<IHook?> ParseHooks(string list, string? directory = null)
    {
        var drafts = new List<HookDraft>();
        foreach (ConfigurationText.Item item in ConfigurationText.Split(list))
            if (drafts.LastOrDefault() is { } last && last.Takes(item.Text))
                last.Add(item.Text);
            else
                drafts.Add(hooks.Begin(item.Text, directory));
        return drafts.Count > 0 ? drafts.ConvertAll(d => d.End()) : throw Usage($"no hook named; known: {hooks.Words}");
    }

    /// <summary>
    /// A variable and the values that it is to take in turn: <c>NAME=1,2,8</c>, with quotes around a value that holds commas; <c>NAME=,1,2</c> is not set
    /// first of all.
    /// </summary>
    /// <exception cref="ReplayException">It is not that.</exception>
    public static VariableAxis ParseAxis(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        string name = text[..Math.Max(equals, 0)];
        string list = text[(equals + 1)..];
        string?[] values = equals < 0 ? [] : [.. ConfigurationText.Split(list).Select(i => i.Text)];
        if (values.Length > 0 && list.TrimStart().StartsWith(','))
            values = [null, .. values];
        if (!IsVariableName(name) || values.Length == 0)
            throw Usage($"{text}: expected NAME=value[,value…] with a name in capitals");
        return values.Distinct().Count() == values.Length ? new VariableAxis(name, values) : throw Usage($"{text}: a value stands twice");
    }

    /// <exception cref="ReplayException">Two have one label.</exception>
    internal static void RequireDistinct(IReadOnlyList<Configuration> configurations)
    {
        if (configurations.GroupBy(c => c.Label).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw Usage($"{twice.Key} is named twice");
    }

    /// <summary>A name in capitals is a variable's, unless its value is a library that is there: that is an allocator with a loud name.</summary>
    internal static bool IsVariable(string item)
    {
        int equals = item.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 && IsVariableName(item.AsSpan(0, equals)) && !IsLibrary(item[(equals + 1)..]);
    }

    private static bool IsLibrary(string value) =>
        value.Contains('/', StringComparison.Ordinal) && Path.GetFileName(value).Contains(".so", StringComparison.Ordinal) && File.Exists(value);

    private static bool IsVariableName(ReadOnlySpan<char> name) => name.Length > 0 && name.IndexOfAnyExcept(VariableCharacters) < 0;

    private static ReplayException Usage(string message) => new(ReplayFailure.Usage, message);

    private sealed record Draft(string Allocator)
    {
        public List<string> Environment { get; } = [];
        public HookDraft? Hook { get; private set; }

        public void Begin(HookCatalog catalog, string hook, string? directory) =>
            Hook = Hook is null ? catalog.Begin(hook, directory) : throw Usage($"{Allocator} + {hook}: one hook stands before an allocator");

        public Configuration End(string? directory)
        {
            Allocator allocator = AllocatorCatalog.Resolve(Allocator, directory);
            AllocatorVariables.Require(allocator, Environment);
            return new Configuration { Allocator = allocator, Environment = Environment, Hook = Hook?.End() }.RequireHookable();
        }
    }
}

/// <summary>A variable of the environment and the values that it takes in turn.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Values">One or more, each once; null: it is not set.</param>
public sealed record VariableAxis(string Name, IReadOnlyList<string?> Values);
