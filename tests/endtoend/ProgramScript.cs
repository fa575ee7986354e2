using System.Text.RegularExpressions;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Endtoend;

/// <summary>A script of tests/programs: what it runs, and what its head says of it.</summary>
/// <param name="Name">The file's, without extension.</param>
/// <param name="Path">The file.</param>
/// <param name="Packages">Debian packages that it needs.</param>
/// <param name="NotRecorded">Why next to nothing of it can be recorded, or null.</param>
/// <param name="Fails">Why it is known to fail, or null.</param>
internal sealed partial record ProgramScript(string Name, string Path, IReadOnlyList<string> Packages, string? NotRecorded, string? Fails)
{
    /// <summary>The one name there is where they are not asked for: it is skipped for them all.</summary>
    public const string NotAskedFor = "all";

    private const string Library = "lib"; // what they share

    /// <summary>Those of a directory that are asked for: all of them, or some by ALLOCREPLAY_PROGRAMS, in <c>./build.sh test --all</c>.</summary>
    public static TheoryData<string> AskedFor(string directory) => Environment.GetEnvironmentVariable(ProcessBan.Variable) != "all" ? [NotAskedFor]
        : Environment.GetEnvironmentVariable("ALLOCREPLAY_PROGRAMS") is { Length: > 0 } some ? [.. some.Split(' ')]
        : [.. NamesIn(directory)];

    /// <summary>The names of all scripts in a directory, in order.</summary>
    public static IEnumerable<string> NamesIn(string directory) =>
        Directory.GetFiles(directory, "*.sh").Select(f => System.IO.Path.GetFileNameWithoutExtension(f)).Where(n => n != Library)
            .Order(StringComparer.Ordinal);

    public static ProgramScript Load(string path) => Parse(System.IO.Path.GetFileNameWithoutExtension(path), path, File.ReadAllText(path));

    /// <exception cref="FormatException">The head names no packages.</exception>
    public static ProgramScript Parse(string name, string path, string text)
    {
        var head = Line().Matches(text).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value);
        return head.TryGetValue("packages", out string? packages)
            ? new ProgramScript(name, path, packages.Split(' '), head.GetValueOrDefault("not recorded"), head.GetValueOrDefault("fails"))
            : throw new FormatException($"{path}: expected a line '# packages: …', found none");
    }

    /// <summary>The packages that are not installed. Each installed one has a directory of its name.</summary>
    public IEnumerable<string> MissingPackages() => Packages.Where(p => !Directory.Exists("/usr/share/doc/" + p));

    [GeneratedRegex("^# (packages|not recorded|fails): (.+)$", RegexOptions.Multiline)]
    private static partial Regex Line();
}
