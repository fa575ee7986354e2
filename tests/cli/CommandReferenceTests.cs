using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Help;
using System.Text;
using AllocReplay.Cli;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>docs/reference/commands.md</c> is made of the commands themselves, so it says what <c>--help</c> says.</summary>
public sealed class CommandReferenceTests : IDisposable
{
    private const string Page = "docs/reference/commands.md";

    private const string Head = """
        # Commands

        Every command and option, as `allocreplay COMMAND --help` shows them. The page is made by `tests/cli/CommandReferenceTests.cs`
        (`UPDATE_GOLDEN=1` writes it) from the commands themselves: change a text there.

        Data goes to stdout, progress and notes to stderr. Options that make no sense exit with 2; all codes are in [exit-codes.md](exit-codes.md),
        all JSON in [json.md](json.md), the tables that `analyze` writes in [dataset.md](dataset.md).

        """;

    private readonly CommandRunner _runner = new();

    public void Dispose() => _runner.Dispose();

    [Fact]
    public void The_page_of_commands_is_what_the_commands_say() => GoldenText.Check(Page, Render(CommandLine.Create(_runner.Terminal)));

    [Fact]
    public void A_changed_text_changes_the_page() // the control
    {
        RootCommand root = CommandLine.Create(_runner.Terminal);
        string before = Render(root);
        root.Subcommands[0].Options[0].Description += " And more.";
        Assert.NotEqual(before, Render(root));
    }

    [Fact]
    public void Every_command_option_and_argument_says_what_it_is()
    {
        foreach (Command command in Below(CommandLine.Create(_runner.Terminal)))
        {
            Assert.Matches(@"^[A-Z].*[.?]$", command.Description);
            Assert.All(Visible(command), o => Assert.Matches(@"^[A-Z0-9a-z].*[.]$", o.Description));
            Assert.All(command.Arguments, a => Assert.Matches(@"^[A-Z].*[.]$", a.Description));
        }
    }

    /// <summary>At 80 columns what an option means has more than half of the line: its name and its value take no more than the rest.</summary>
    [Fact]
    public void The_name_of_an_option_and_of_its_value_is_short() =>
        Assert.All(Below(CommandLine.Create(_runner.Terminal)).SelectMany(Visible), o => Assert.InRange(Names(o).Length, 1, 33));

    /// <summary>What the page leaves to System.CommandLine is small enough to be looked for in its own output.</summary>
    [Fact]
    public void What_help_lists_is_on_the_page()
    {
        string page = File.ReadAllText(Path.Combine(SourceTree.Root, Page));
        foreach (Command command in Below(CommandLine.Create(_runner.Terminal)))
        {
            using var help = new StringWriter();
            command.Parse("--help").Invoke(new InvocationConfiguration { Output = help });
            foreach (Option option in Visible(command))
            {
                Assert.Contains(option.Name, help.ToString(), StringComparison.Ordinal);
                Assert.Contains(Escape(option.Description!), page, StringComparison.Ordinal);
            }
        }
    }

    private static string Render(RootCommand root)
    {
        var text = new StringBuilder(Head);
        text.Append("\n| command | |\n|---|---|\n");
        foreach (Command command in root.Subcommands)
            text.Append($"| [`{command.Name}`](#{command.Name}) | {Escape(command.Description!)} |\n");
        foreach (Command command in root.Subcommands)
            Append(text, command, "allocreplay", "");
        return text.ToString();
    }

    /// <param name="text">Appended to.</param>
    /// <param name="command">The command.</param>
    /// <param name="before">What is typed before its name.</param>
    /// <param name="parents">The commands that it is in, for the heading.</param>
    private static void Append(StringBuilder text, Command command, string before, string parents)
    {
        string typed = $"{before} {command.Name}{string.Concat(command.Arguments.Select(a => " " + Placeholder(a)))}";
        text.Append($"\n{(parents.Length == 0 ? "##" : "###")} {parents}{command.Name}\n\n{command.Description}\n");
        if (command.Subcommands.Count == 0)
            text.Append($"\n```\n{typed} [options]\n```\n");
        var rows = new List<string>();
        rows.AddRange(command.Arguments.Select(a => Row(Placeholder(a), a.Description!)));
        rows.AddRange(Visible(command).Select(o => Row(Names(o), Meaning(o))));
        if (rows.Count > 0)
            text.Append($"\n| | |\n|---|---|\n{string.Concat(rows)}");
        foreach (Command inner in command.Subcommands)
            Append(text, inner, typed, $"{parents}{command.Name} ");
    }

    private static string Row(string name, string meaning) => $"| `{Escape(name)}` | {Escape(meaning)} |\n";

    private static string Names(Option option)
    {
        string names = string.Join(", ", option.Aliases.Append(option.Name).OrderBy(n => n.Length).ThenBy(n => n, StringComparer.Ordinal));
        if (option.ValueType == typeof(bool))
            return names;
        string choices = string.Join('|', option.GetCompletions(CompletionContext.Empty).Select(c => c.Label));
        return $"{names} <{option.HelpName ?? (choices.Length > 0 ? choices : option.Name.TrimStart('-'))}>";
    }

    private static string Meaning(Option option)
    {
        string meaning = option.Required ? $"{option.Description} Required." : option.Description!;
        return option.HasDefaultValue && option.ValueType != typeof(bool) && option.GetDefaultValue() is { } value ? $"{meaning} Default: `{value}`." : meaning;
    }

    private static string Placeholder(Argument argument)
    {
        string name = $"<{argument.HelpName ?? argument.Name}>{(argument.Arity.MaximumNumberOfValues > 1 ? "…" : "")}";
        return argument.Arity.MinimumNumberOfValues > 0 ? name : $"[{name}]";
    }

    private static IEnumerable<Option> Visible(Command command) => command.Options.Where(o => !o.Hidden && o is not HelpOption);

    private static IEnumerable<Command> Below(Command command) => command.Subcommands.SelectMany(c => Below(c).Prepend(c));

    private static string Escape(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
