using System.Text.Json;
using System.Text.Json.Serialization;

namespace AllocReplay.Replayer.Run;

/// <summary>
/// Sets of configurations by name, in JSON: <c>{"arenas": {"allocators": ["glibc"], "environment": {"MALLOC_ARENA_MAX": ["1", "2"]}}, …}</c>. Comments
/// are allowed, and a comma after the last.
/// </summary>
public static class ConfigurationFile
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        AllowTrailingCommas = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        RespectNullableAnnotations = true,
        NumberHandling = JsonNumberHandling.Strict,
    };

    /// <param name="Allocators">As on the command line, one or more in each; all that are installed where there are none.</param>
    /// <param name="Hooks">As on the command line.</param>
    /// <param name="Environment">Of each variable, the values that it takes in turn.</param>
    /// <param name="Matrix">Whether each allocator is to stand under each hook.</param>
    private sealed record ConfigurationSet(
        IReadOnlyList<string>? Allocators = null, IReadOnlyList<string>? Hooks = null, IReadOnlyDictionary<string, IReadOnlyList<string>>? Environment = null,
        bool Matrix = false);

    /// <summary>The configurations of a file, those of all sets in their order; one that is in several sets counts once.</summary>
    /// <param name="argument">The file; or, with <c>:NAME</c> after it, one set of it.</param>
    /// <param name="parser">Reads allocators and hooks. Relative paths begin at the file's directory.</param>
    /// <exception cref="ReplayException">It cannot be read, is not such a file, or names what is not there.</exception>
    public static IReadOnlyList<Configuration> Read(string argument, ConfigurationParser parser)
    {
        int colon = argument.LastIndexOf(':');
        bool hasSet = colon > 0 && !File.Exists(argument);
        (string path, string? wanted) = hasSet ? (argument[..colon], argument[(colon + 1)..]) : (argument, null);
        Dictionary<string, ConfigurationSet> sets = Load(path);
        if (wanted is not null && !sets.ContainsKey(wanted))
            throw Bad($"{path}: has no set {wanted}; it has {string.Join(", ", sets.Keys)}");
        string directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var all = new List<Configuration>();
        foreach ((string name, ConfigurationSet set) in sets.Where(s => wanted is null || s.Key == wanted))
        {
            try
            {
                all.AddRange(GridOf(set, parser, directory).Expand());
            }
            catch (ReplayException e)
            {
                throw new ReplayException(e.Failure, $"{path}, set {name}: {e.Message}");
            }
        }
        Configuration[] distinct = [.. all.DistinctBy(c => c.Name)];
        ConfigurationParser.RequireDistinct(distinct);
        return distinct.Length > 0 ? distinct : throw Bad($"{path}: expected one set of configurations or more, found none");
    }

    private static ConfigurationGrid GridOf(ConfigurationSet set, ConfigurationParser parser, string directory) => new(
        set.Allocators is { Count: > 0 } allocators ? [.. allocators.SelectMany(a => parser.Parse(a, directory))] : Configuration.Installed(),
        [.. (set.Environment ?? new Dictionary<string, IReadOnlyList<string>>()).Select(v =>
            ConfigurationParser.ParseAxis($"{v.Key}={string.Join(',', v.Value.Select(ConfigurationText.Quote))}"))],
        [.. (set.Hooks ?? []).SelectMany(h => parser.ParseHooks(h, directory))],
        set.Matrix);

    private static Dictionary<string, ConfigurationSet> Load(string path)
    {
        try
        {
            if (path.Length == 0)
                throw Bad("--config: expected a file name, found none");
            using FileStream file = File.OpenRead(path);
            Dictionary<string, ConfigurationSet> sets = JsonSerializer.Deserialize<Dictionary<string, ConfigurationSet>>(file, Json) ?? [];
            return sets.FirstOrDefault(s => HasNull(s.Value)) is { Key: { } wrong } ? throw Bad($"{path}, set {wrong}: null is no configuration") : sets;
        }
        catch (JsonException e)
        {
            throw Bad($"{path}, line {e.LineNumber + 1}: {Explain(e)}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Bad(e is FileNotFoundException or DirectoryNotFoundException ? $"{path}: no such file" : $"{path}: {e.Message}");
        }
    }

    /// <summary>What JSON says may be null anywhere.</summary>
    private static bool HasNull(ConfigurationSet? set) => set is null || set.Allocators?.Contains(null!) == true || set.Hooks?.Contains(null!) == true
        || set.Environment?.Values.Any(values => values is null || values.Contains(null!)) == true;

    /// <summary>The framework's messages name types of ours.</summary>
    private static string Explain(JsonException e)
    {
        string place = e.Path is { Length: > 2 } found ? found[2..] : "the file";
        return e.Message.Contains("could not be mapped", StringComparison.Ordinal)
            ? $"{place} is no member of a set; known: allocators, hooks, environment, matrix"
            : e.Message.Contains("uplicate", StringComparison.Ordinal) ? $"{place} stands twice"
            : e.InnerException is JsonException or null && e.Message.Contains("could not be converted", StringComparison.Ordinal)
                ? $"{place} is not as expected: allocators and hooks are lists of texts, environment has one for each variable, matrix is true or false"
            : $"{place}: {e.InnerException?.Message ?? e.Message}";
    }

    private static ReplayException Bad(string message) => new(ReplayFailure.Usage, message);
}
