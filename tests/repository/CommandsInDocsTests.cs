using System.CommandLine;
using System.Text.RegularExpressions;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Repository;

/// <summary>The commands that documents tell of are those that there are.</summary>
public sealed partial class CommandsInDocsTests
{
    private static readonly string[] Documents =
        [.. SourceTree.Files(".md").Where(f => f is "README.md" or "formats/README.md" || f.StartsWith("docs/guide/", StringComparison.Ordinal))];

    [Fact]
    public void Each_command_of_the_readme_and_the_guides_is_registered_and_has_the_options_it_is_shown_with() =>
        SourceTree.AssertNone(Documents.SelectMany(f => Unknown(f, SourceTree.Read(f), Registered())));

    [Fact]
    public void The_readme_tells_of_every_registered_command() =>
        SourceTree.AssertNone(Untold(SourceTree.Read("README.md"), Registered()));

    [Fact]
    public void Each_command_of_build_sh_in_a_document_is_one_of_its_usage()
    {
        string[] known = [.. UsageLine().Matches(SourceTree.Read("build.sh")).Select(m => m.Groups[1].Value)];
        Assert.Contains("test", known);
        SourceTree.AssertNone(SourceTree.Files(".md").SelectMany(f =>
            BuildCommand().Matches(SourceTree.Read(f)).Select(m => m.Groups[1].Value).Where(c => !known.Contains(c)).Select(c => $"{f}: build.sh has no {c}")));
    }

    [Fact]
    public void A_command_or_option_that_is_not_there_and_one_not_told_of_are_violations() // the controls
    {
        var info = new Command("info") { new Option<bool>("--json") };
        Assert.Empty(Unknown("x", "$ allocreplay info --json x\n", [info]));
        Assert.Single(Unknown("x", "$ artifacts/allocreplay infos x\n", [info]));
        Assert.Single(Unknown("x", "`allocreplay info --yaml`\n", [info]));
        Assert.Empty(Unknown("x", "$ allocreplay info x -- ls --yaml\n", [info]));
        Assert.Single(Untold("nothing", [info]));
        Assert.Empty(Untold("`allocreplay info`", [info]));
    }

    private static IEnumerable<string> Unknown(string file, string text, Command[] registered)
    {
        foreach (Match shown in Shown().Matches(text))
        {
            if (registered.FirstOrDefault(c => c.Name == shown.Groups[1].Value) is not { } command)
                yield return $"{file}: there is no command {shown.Groups[1].Value}";
            else
                foreach (string option in Option().Matches(shown.Groups[2].Value.Split(" -- ")[0]).Select(m => m.Value))
                    if (!AllOf(command).SelectMany(c => c.Options).Any(o => o.Name == option || o.Aliases.Contains(option)) && option is not ("--help" or "-h"))
                        yield return $"{file}: {command.Name} has no option {option}";
        }
    }

    private static IEnumerable<string> Untold(string text, Command[] registered) =>
        registered.Where(c => !Shown().Matches(text).Any(m => m.Groups[1].Value == c.Name)).Select(c => $"README.md does not tell of allocreplay {c.Name}");

    private static IEnumerable<Command> AllOf(Command command) => command.Subcommands.SelectMany(AllOf).Prepend(command);

    private static Command[] Registered()
    {
        using var commands = new CommandRunner();
        return [.. AllocReplay.Cli.CommandLine.Create(commands.Terminal).Subcommands];
    }

    // At a prompt, after the path of the command, or in backticks; up to the end of the line or of the backticks, with lines that it goes on in.
    [GeneratedRegex(@"(?:(?:^\$ |artifacts/|^)allocreplay |`allocreplay[ \n])([a-z]+)((?:\\\n|[^\n`#])*)", RegexOptions.Multiline)]
    private static partial Regex Shown();

    [GeneratedRegex(@"(?<=\s)--?[a-z][a-z-]*")]
    private static partial Regex Option();

    [GeneratedRegex(@"^  ([a-z]+)(?= |$)", RegexOptions.Multiline)]
    private static partial Regex UsageLine();

    [GeneratedRegex(@"\./build\.sh ([a-z]+)")]
    private static partial Regex BuildCommand();
}
