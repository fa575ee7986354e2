using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace AllocReplay.Replayer.Allocators;

/// <summary>
/// Reads settings back: from a process that is started as a replay is, with the allocator and the environment, so that the replay itself is not disturbed.
/// Of glibc, which has no function for it, from its loader; of mimalloc, whose numbers of options differ from release to release, from what it prints.
/// </summary>
internal static partial class AllocatorSettings
{
    /// <summary>Options of jemalloc's that have no value to read under their name.</summary>
    private static readonly string[] Unreadable = ["bin_shards", "slab_sizes", "lg_tcache_max"];

    /// <summary>gperftools' variables whose value its MallocExtension tells.</summary>
    private static readonly Dictionary<string, string> Properties = new()
    {
        ["TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES"] = "tcmalloc.max_total_thread_cache_bytes",
        ["TCMALLOC_AGGRESSIVE_DECOMMIT"] = "tcmalloc.aggressive_memory_decommit",
        ["TCMALLOC_HEAP_LIMIT_MB"] = "tcmalloc.heap_limit_mb",
    };

    private static readonly ConcurrentDictionary<string, IReadOnlyList<AllocatorSetting>> Answers = new();

    /// <summary>What a variable asks for.</summary>
    /// <param name="Variable">Its name.</param>
    /// <param name="Setting">As the allocator calls it; null where it cannot be asked.</param>
    /// <param name="Value">The value.</param>
    internal readonly record struct Wish(string Variable, string? Setting, string Value);

    /// <summary>The settings of an environment, as the allocator has them.</summary>
    /// <param name="allocator">The allocator.</param>
    /// <param name="environment">Variables, as NAME=VALUE.</param>
    /// <exception cref="ReplayException">The allocator has another value, or has no such setting.</exception>
    public static IReadOnlyList<AllocatorSetting> Require(Allocator allocator, IReadOnlyList<string> environment)
    {
        if (environment.Count == 0)
            return [];
        string label = $"{allocator.Name},{string.Join(',', environment)}";
        return Answers.GetOrAdd($"{allocator.Library}\n{string.Join('\n', environment)}", _ =>
        {
            IReadOnlyList<Wish> wishes = [.. environment.Select(v => v.Split('=', 2)).SelectMany(v => WishesOf(allocator.Family, v[0], v[1]))];
            return Compare(label, wishes, ReadBack(allocator, environment, wishes), allocator.Family is AllocatorFamily.Glibc or AllocatorFamily.Jemalloc);
        });
    }

    /// <summary>What a variable asks an allocator of a family for.</summary>
    internal static IEnumerable<Wish> WishesOf(AllocatorFamily family, string variable, string value) => (family, variable) switch
    {
        (AllocatorFamily.Glibc, AllocatorVariables.Tunables) => Pairs(variable, value, ':', '=', ""),
        (AllocatorFamily.Glibc, _) => [new Wish(variable, AllocatorVariables.TunableOf.GetValueOrDefault(variable), value)],
        (AllocatorFamily.Jemalloc, AllocatorVariables.JemallocOptions) => Pairs(variable, value, ',', ':', "opt."),
        (AllocatorFamily.Mimalloc, _) => [new Wish(variable, AllocatorVariables.MimallocOption(variable), value)],
        (AllocatorFamily.Gperftools, _) => [new Wish(variable, Properties.GetValueOrDefault(variable), value)],
        _ => [new Wish(variable, null, value)],
    };

    private static IEnumerable<Wish> Pairs(string variable, string value, char separator, char equals, string prefix)
    {
        foreach (string pair in value.Split(separator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string[] parts = pair.Split(equals, 2);
            bool isReadable = !Unreadable.Contains(parts[0]);
            yield return new Wish(variable, isReadable ? prefix + parts[0] : null, parts.Length == 2 ? parts[1] : "");
        }
    }

    /// <exception cref="ReplayException">One was not taken.</exception>
    /// <param name="label">The allocator with its environment.</param>
    /// <param name="wishes">What was asked for; of one setting, the last counts.</param>
    /// <param name="values">By setting; null: the allocator could not be asked.</param>
    /// <param name="tellsAll">Whether what is not among the values is no setting of this allocator, rather than one that it does not tell.</param>
    internal static IReadOnlyList<AllocatorSetting> Compare(
        string label, IReadOnlyList<Wish> wishes, IReadOnlyDictionary<string, string>? values, bool tellsAll)
    {
        var settings = new List<AllocatorSetting>();
        foreach (Wish wish in wishes.GroupBy(w => w.Setting ?? w.Variable).Select(g => g.Last()))
        {
            string? read = wish.Setting is null ? null : values?.GetValueOrDefault(wish.Setting);
            if (wish.Setting is not null && values is not null && read is null && tellsAll)
                throw NotTaken($"{label}: {wish.Variable} names {wish.Setting}, which this allocator does not have");
            var setting = new AllocatorSetting(wish.Setting ?? wish.Variable, wish.Value, read);
            if (setting.IsTaken == false)
                throw NotTaken($"{label}: {wish.Variable} did not take: {setting.Name} is {read}, not {wish.Value}");
            settings.Add(setting);
        }
        return settings;
    }

    private static ReplayException NotTaken(string message) => new(new RunFailure(FailureKind.SettingNotTaken), message);

    private static Dictionary<string, string>? ReadBack(Allocator allocator, IReadOnlyList<string> environment, IReadOnlyList<Wish> wishes)
    {
        string[] names = [.. wishes.Select(w => w.Setting).OfType<string>().Distinct()];
        return allocator.Family switch
        {
            _ when names.Length == 0 => null,
            AllocatorFamily.Glibc => OfLoader(environment),
            AllocatorFamily.Mimalloc => OfText(MimallocOption(), AllocatorProbe.Says(allocator, [.. environment, "MIMALLOC_VERBOSE=1"])),
            _ => AllocatorProbe.Read(allocator, environment, names),
        };
    }

    /// <summary>The loader that the worker is started by reads the same variables, and lists what it made of them (glibc 2.33 and later).</summary>
    private static Dictionary<string, string>? OfLoader(IReadOnlyList<string> environment)
    {
        string loader = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2";
        return OfText(Tunable(), Tool.Output(WorkerStart.Program(loader, ["--list-tunables"], [], environment)) ?? "");
    }

    /// <summary>Null where there is no such line: a release that does not tell.</summary>
    private static Dictionary<string, string>? OfText(Regex line, string text)
    {
        var values = new Dictionary<string, string>();
        foreach (Match match in line.Matches(text))
            values[match.Groups[1].Value] = match.Groups[2].Value;
        return values.Count > 0 ? values : null;
    }

    [GeneratedRegex(@"^(glibc\.[\w.]+): ?(\S*)", RegexOptions.Multiline)]
    private static partial Regex Tunable();

    [GeneratedRegex(@"option '(\w+)': (-?\d+)")]
    private static partial Regex MimallocOption();
}
