using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using AllocReplay.Cli;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>docs/reference/exit-codes.md</c> says the codes that there are, and those of every command.</summary>
public sealed partial class ExitCodeReferenceTests : IDisposable
{
    private readonly CommandRunner _runner = new();
    private readonly string _page = File.ReadAllText(Path.Combine(SourceTree.Root, "docs/reference/exit-codes.md"));

    public void Dispose() => _runner.Dispose();

    [Fact]
    public void Every_code_is_on_the_page_with_its_name()
    {
        IEnumerable<string> declared = typeof(ExitCode).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(f => $"{f.GetRawConstantValue()} {f.Name}");

        IEnumerable<string> told = CodeRow().Matches(_page).Select(m => $"{m.Groups[1]} {m.Groups[2]}");
        Assert.Equal(declared.Order(StringComparer.Ordinal), told.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_command_has_its_codes_and_they_are_declared()
    {
        Match[] rows = [.. CommandRow().Matches(_page).Cast<Match>()];
        int[] declared = [.. CodeRow().Matches(_page).Cast<Match>().Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))];

        Assert.Equal(CommandLine.Create(_runner.Terminal).Subcommands.Select(c => c.Name), rows.Select(r => r.Groups[1].Value));
        foreach (Match row in rows)
        {
            string codes = Parentheses().Replace(row.Groups[2].Value, "");
            Assert.All(Number().Matches(codes).Select(m => int.Parse(m.Value, CultureInfo.InvariantCulture)), code => Assert.Contains(code, declared));
        }
    }

    [GeneratedRegex(@"(?m)^\| (\d+) \| `(\w+)` \| \S")]
    private static partial Regex CodeRow();

    [GeneratedRegex(@"(?m)^\| `(\w+)` \| (.*\d) \|$")]
    private static partial Regex CommandRow();

    [GeneratedRegex(@"\(.*?\)")]
    private static partial Regex Parentheses();

    [GeneratedRegex(@"\d+")]
    private static partial Regex Number();
}
