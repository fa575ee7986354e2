using System.Xml.Linq;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Repository;

/// <summary>formats ← { recorder, replayer, analyzer, symbols } ← cli ← tests; formats ← fuzz ← tests, and the hook includes nothing but the format.</summary>
public sealed class DependencyRuleTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["formats"] = [],
        ["recorder"] = ["formats"],
        ["recorder/drain"] = ["formats"],
        ["replayer"] = ["formats"],
        ["replayer/worker"] = ["formats"],
        ["analyzer"] = ["formats"],
        ["symbols"] = ["formats"],
        ["cli"] = ["formats", "recorder", "replayer", "analyzer", "symbols"],
        ["cli/native"] = ["recorder", "replayer", "analyzer", "symbols"],
        ["fuzz"] = ["formats"],
        ["tests"] = ["formats", "recorder", "replayer", "analyzer", "symbols", "cli", "fuzz"],
        ["tests/mutation"] = ["formats", "replayer", "analyzer", "cli", "fuzz"],
        ["bench"] = ["formats", "recorder", "replayer", "analyzer", "cli"],
    };

    [Fact]
    public void Projects_reference_only_what_lies_below_them()
    {
        string[] projects = Directory.GetFiles(SourceTree.Root, "*.csproj", SearchOption.AllDirectories)
            .Where(p => !p.Contains("/obj/", StringComparison.Ordinal) && !p.Contains("/artifacts/", StringComparison.Ordinal)).ToArray();
        Assert.True(projects.Length >= 6);
        foreach (string project in projects)
            Assert.Empty(Violations(FolderOf(project), ReferencesOf(project)));
    }

    [Fact]
    public void A_reference_between_siblings_is_a_violation() => // the control
        Assert.Equal(["analyzer"], Violations("replayer", ["formats", "analyzer"]));

    [Fact]
    public void The_hook_includes_nothing_of_ours_but_the_format()
    {
        string recorder = Path.Combine(SourceTree.Root, "recorder");
        string[] files = [.. Directory.GetFiles(recorder, "*", SearchOption.AllDirectories).Where(f => Path.GetExtension(f) is ".c" or ".h")];
        string[] own = [.. files.Select(f => Path.GetFileName(f))];
        Assert.True(files.Length > 10);
        foreach (string file in files)
            foreach (string line in File.ReadLines(file).Where(l => l.StartsWith("#include \"", StringComparison.Ordinal)))
            {
                string name = line.Split('"')[1];
                Assert.True(own.Contains(name) || name is "allocreplay_format.h" or "allocreplay_ops.h" or "allocreplay_arena.h",
                    $"{Path.GetFileName(file)}: {line}");
            }
    }

    private static IEnumerable<string> Violations(string folder, IEnumerable<string> references) => references.Except(Allowed[folder]);

    private static string FolderOf(string project) => Path.GetRelativePath(SourceTree.Root, Path.GetDirectoryName(project)!);

    private static IEnumerable<string> ReferencesOf(string project) =>
        XDocument.Load(project).Descendants("ProjectReference")
            .Select(r => FolderOf(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(project)!, r.Attribute("Include")!.Value))));
}
