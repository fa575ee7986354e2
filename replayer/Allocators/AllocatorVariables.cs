using System.Collections.Concurrent;
using System.Text;

namespace AllocReplay.Replayer.Allocators;

/// <summary>Which variables of the environment are whose. One that an allocator does not read would give a row that is not what its name says.</summary>
internal static class AllocatorVariables
{
    public const string Tunables = "GLIBC_TUNABLES", JemallocOptions = "MALLOC_CONF", ScudoOptions = "SCUDO_OPTIONS";
    private const string GlibcPrefix = "MALLOC_", MimallocPrefix = "MIMALLOC_", GperftoolsPrefix = "TCMALLOC_";

    /// <summary>glibc's older names of its tunables.</summary>
    public static IReadOnlyDictionary<string, string> TunableOf { get; } = new Dictionary<string, string>
    {
        ["MALLOC_ARENA_MAX"] = "glibc.malloc.arena_max",
        ["MALLOC_ARENA_TEST"] = "glibc.malloc.arena_test",
        ["MALLOC_CHECK_"] = "glibc.malloc.check",
        ["MALLOC_MMAP_MAX_"] = "glibc.malloc.mmap_max",
        ["MALLOC_MMAP_THRESHOLD_"] = "glibc.malloc.mmap_threshold",
        ["MALLOC_PERTURB_"] = "glibc.malloc.perturb",
        ["MALLOC_TOP_PAD_"] = "glibc.malloc.top_pad",
        ["MALLOC_TRIM_THRESHOLD_"] = "glibc.malloc.trim_threshold",
    };

    private static readonly ConcurrentDictionary<(string, string), bool> Held = new();

    /// <summary>Whether an allocator reads a variable, as far as is known: one that is nobody's may be anybody's.</summary>
    public static bool IsReadBy(Allocator allocator, string variable) =>
        !allocator.IsNoop && (OwnerOf(variable) is not { } owner || owner == allocator.Family);

    /// <exception cref="ReplayException">A variable stands twice, is another allocator's, or is none of this one's though it looks like it.</exception>
    public static void Require(Allocator allocator, IReadOnlyList<string> environment)
    {
        string[] names = [.. environment.Select(v => v.Split('=', 2)[0])];
        for (int i = 0; i < names.Length; i++)
            if (names.Take(i).Contains(names[i]))
                throw new ReplayException(ReplayFailure.Usage, $"{allocator.Name}: {names[i]} is set twice");
            else if (WhyNot(allocator, names[i]) is { } why)
                throw new ReplayException(ReplayFailure.Usage, $"{allocator.Name},{environment[i]}: {why}");
    }

    /// <summary>The option that a variable of mimalloc sets.</summary>
    public static string? MimallocOption(string variable) =>
        variable.StartsWith(MimallocPrefix, StringComparison.Ordinal) ? variable[MimallocPrefix.Length..].ToLowerInvariant() : null;

    private static string? WhyNot(Allocator allocator, string variable)
    {
        if (allocator.Family == AllocatorFamily.Unknown)
            return null;
        if (OwnerOf(variable) is { } owner && owner != allocator.Family)
            return $"{allocator.Name} does not read {variable}, which is {owner.ToString().ToLowerInvariant()}'s";
        bool isKnown = allocator.Family switch
        {
            AllocatorFamily.Glibc => !variable.StartsWith(GlibcPrefix, StringComparison.Ordinal) || TunableOf.ContainsKey(variable),
            AllocatorFamily.Mimalloc => MimallocOption(variable) is not { } option || Holds(allocator.Library!, option),
            AllocatorFamily.Gperftools => !variable.StartsWith(GperftoolsPrefix, StringComparison.Ordinal) || Holds(allocator.Library!, variable),
            _ => true,
        };
        return isKnown ? null : $"this {allocator.Name} has no such variable"
            + (allocator.Family == AllocatorFamily.Glibc ? $"; it has {string.Join(", ", TunableOf.Keys)} and {Tunables}" : "");
    }

    private static AllocatorFamily? OwnerOf(string variable) =>
        variable == Tunables || TunableOf.ContainsKey(variable) ? AllocatorFamily.Glibc
        : variable == JemallocOptions ? AllocatorFamily.Jemalloc
        : variable == ScudoOptions ? AllocatorFamily.Scudo
        : variable.StartsWith(MimallocPrefix, StringComparison.Ordinal) ? AllocatorFamily.Mimalloc
        : variable.StartsWith(GperftoolsPrefix, StringComparison.Ordinal) ? AllocatorFamily.Gperftools
        : null;

    /// <summary>Whether a library has a string of its own: what it compares names with is among them, in every release.</summary>
    private static bool Holds(string library, string text) =>
        Held.GetOrAdd((library, text), static key => File.ReadAllBytes(key.Item1).AsSpan().IndexOf(Encoding.ASCII.GetBytes($"\0{key.Item2}\0")) >= 0);
}
