using System.Text.RegularExpressions;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Repository;

/// <summary>A folder is a namespace, and within a project too what lies below names nothing above.</summary>
public sealed partial class NamespaceTests
{
    private const string Root = "AllocReplay";

    /// <summary>The worker is a program of its own: its name is not its folder's.</summary>
    private static readonly Dictionary<string, string> Renamed = new()
    {
        ["AllocReplay.Replayer.Worker"] = "AllocReplay.Worker",
        ["AllocReplay.Recorder.Drain"] = "AllocReplay.Drain",
    };

    /// <summary>Who may not name whom, by namespace and what is below it.</summary>
    private static readonly (string Namespace, string[] Forbidden)[] Rules =
    [
        // What proves a replay derives the order for itself: nothing of what made the plan, or ran it, may help.
        ("AllocReplay.Replayer.Verify", ["AllocReplay.Replayer.Plan", "AllocReplay.Replayer.Compare", "AllocReplay.Worker"]),
        ("AllocReplay.Replayer.Order", ["AllocReplay.Replayer.Plan", "AllocReplay.Replayer.Run", "AllocReplay.Replayer.Compare",
            "AllocReplay.Replayer.Verify"]),
        ("AllocReplay.Replayer.Allocators", ["AllocReplay.Replayer.Plan", "AllocReplay.Replayer.Run", "AllocReplay.Replayer.Compare",
            "AllocReplay.Replayer.Verify"]),
        ("AllocReplay.Replayer.Plan", ["AllocReplay.Replayer.Run", "AllocReplay.Replayer.Compare", "AllocReplay.Replayer.Verify"]),
        ("AllocReplay.Replayer.Run", ["AllocReplay.Replayer.Compare", "AllocReplay.Replayer.Verify"]),
        // The two forms of a trace know nothing of each other: what both are is in the merge and in files.
        ("AllocReplay.Formats.Recording", ["AllocReplay.Formats.Packed", "AllocReplay.Formats.Import", "AllocReplay.Formats.Statistics"]),
        ("AllocReplay.Formats.Packed", ["AllocReplay.Formats.Recording", "AllocReplay.Formats.Import", "AllocReplay.Formats.Statistics"]),
        ("AllocReplay.Formats.Import", ["AllocReplay.Formats.Recording", "AllocReplay.Formats.Statistics"]),
        ("AllocReplay.Formats.Merge", ["AllocReplay.Formats.Recording", "AllocReplay.Formats.Packed", "AllocReplay.Formats.Import",
            "AllocReplay.Formats.Statistics"]),
        ("AllocReplay.Formats.Files",
            ["AllocReplay.Formats.Calls", "AllocReplay.Formats.Merge", "AllocReplay.Formats.Recording", "AllocReplay.Formats.Packed",
                "AllocReplay.Formats.Import"]),
        ("AllocReplay.Formats.Statistics",
            ["AllocReplay.Formats.Recording", "AllocReplay.Formats.Packed", "AllocReplay.Formats.Import", "AllocReplay.Formats.Summary"]),
        ("AllocReplay.Formats.Summary", ["AllocReplay.Formats.Recording", "AllocReplay.Formats.Packed", "AllocReplay.Formats.Import"]),
        ("AllocReplay.Analyzer.Parquet", ["AllocReplay.Analyzer.Passes", "AllocReplay.Analyzer.Query"]),
        ("AllocReplay.Analyzer.Query", ["AllocReplay.Analyzer.Passes"]),
        ("AllocReplay.Cli.Output", ["AllocReplay.Cli.Commands", "AllocReplay.Cli.Options", "AllocReplay.Cli.Pages"]),
        ("AllocReplay.Cli.Pages", ["AllocReplay.Cli.Commands"]),
        // A test names its subject and what the subject stands on; the command line is asked as a process.
        ("AllocReplay.Tests.Formats", ["AllocReplay.Recorder", "AllocReplay.Replayer", "AllocReplay.Analyzer", "AllocReplay.Cli"]),
        ("AllocReplay.Tests.Recorder", ["AllocReplay.Replayer", "AllocReplay.Analyzer", "AllocReplay.Cli"]),
        ("AllocReplay.Tests.Replayer", ["AllocReplay.Analyzer", "AllocReplay.Cli"]),
        ("AllocReplay.Tests.Analyzer", ["AllocReplay.Recorder", "AllocReplay.Replayer", "AllocReplay.Cli"]),
    ];

    private static IEnumerable<string> Sources => SourceTree.Files(".cs");

    [Fact]
    public void A_file_s_namespace_is_its_folder() => SourceTree.AssertNone(Sources.SelectMany(f => Misplaced(f, SourceTree.Read(f))));

    [Fact]
    public void No_namespace_names_one_that_stands_on_it() => SourceTree.AssertNone(Sources.SelectMany(f => Forbidden(f, SourceTree.Read(f))));

    [Fact]
    public void Every_namespace_of_a_rule_is_there()
    {
        string[] real = [.. Sources.Select(f => NamespaceOf(SourceTree.Read(f)) ?? "").Distinct()];
        SourceTree.AssertNone(Rules.SelectMany(r => r.Forbidden.Append(r.Namespace)).Distinct().Where(n => !real.Any(r => IsWithin(r, n))));
    }

    [Fact]
    public void A_file_in_the_wrong_folder_and_a_name_from_above_are_violations() // the controls
    {
        Assert.Single(Misplaced("replayer/Plan/X.cs", "namespace AllocReplay.Replayer.Order;\n"));
        Assert.Empty(Misplaced("replayer/Plan/X.cs", "namespace AllocReplay.Replayer.Plan;\n"));
        const string verify = "namespace AllocReplay.Replayer.Verify;\n";
        Assert.Single(Forbidden("X.cs", $"using AllocReplay.Replayer.Plan;\n{verify}"));
        Assert.Single(Forbidden("X.cs", $"using Made = AllocReplay.Replayer.Plan.PlanFile;\n{verify}"));
        Assert.Single(Forbidden("X.cs", $"using static AllocReplay.Replayer.Plan.PlanFile;\n{verify}"));
        Assert.Single(Forbidden("X.cs", $"{verify}class X {{ Plan.PlanFile? file; }}\n"));
        Assert.Single(Forbidden("X.cs", $"{verify}class X {{ Replayer.Plan.PlanFile? file; }}\n"));
        Assert.Empty(Forbidden("X.cs", $"using AllocReplay.Replayer.Order;\n{verify}class X {{ int Plan; }} // Plan.PlanFile made it\n"));
    }

    private static IEnumerable<string> Misplaced(string file, string text)
    {
        string[] folders = Path.GetDirectoryName(file)!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        string expected = string.Join('.', [Root, .. folders.Select(f => char.ToUpperInvariant(f[0]) + f[1..])]);
        expected = Renamed.GetValueOrDefault(expected, expected);
        return NamespaceOf(text) is { } found && found != expected ? [$"{file}: namespace {found}, expected {expected}"] : [];
    }

    private static IEnumerable<string> Forbidden(string file, string text)
    {
        string own = NamespaceOf(text) ?? "";
        string code = Comment().Replace(text, "");
        return
            from rule in Rules
            where IsWithin(own, rule.Namespace)
            from forbidden in rule.Forbidden
            where NamesOf(forbidden, own).Any(name => Regex.IsMatch(code, $@"(?<![\w.]){Regex.Escape(name)}\.[A-Z]|(?m:^using [^;\n]*{Regex.Escape(name)};)"))
            select $"{file}: {own} names {forbidden}";
    }

    /// <summary>By what a namespace can be named: in full, or from a parent that it has in common with the one that names it.</summary>
    private static IEnumerable<string> NamesOf(string name, string from)
    {
        yield return name;
        for (int dot = name.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = name.IndexOf('.', dot + 1))
            if (IsWithin(from, name[..dot]))
                yield return name[(dot + 1)..];
    }

    private static bool IsWithin(string inner, string outer) => inner == outer || inner.StartsWith(outer + ".", StringComparison.Ordinal);

    private static string? NamespaceOf(string text) => Declaration().Match(text) is { Success: true } match ? match.Groups[1].Value : null;

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Declaration();

    [GeneratedRegex(@"//.*")]
    private static partial Regex Comment();
}
