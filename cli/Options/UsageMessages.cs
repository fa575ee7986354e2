using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace AllocReplay.Cli.Options;

/// <summary>Parse errors in the words of the command line, not of the parser's types.</summary>
internal static partial class UsageMessages
{
    public static IEnumerable<string> Of(ParseResult parse)
    {
        Command command = parse.CommandResult.Command;
        // What stands where a command should is the mistake; what follows it is not.
        if (command.Subcommands.Count > 0 && parse.UnmatchedTokens is [{ } word, ..])
            return [Unknown(word, command)];
        return parse.Errors.Select(e => Reword(e, command)).Distinct();
    }

    /// <summary>How to ask for a command's help: words before it are not left out, as it is not found without them.</summary>
    public static string HelpOf(Command command) => $"allocreplay {PathOf(command, isLast: true)}--help";

    private static string PathOf(Command command, bool isLast)
    {
        if (command is RootCommand)
            return "";
        string arguments = isLast ? "" : string.Concat(command.Arguments.Select(a => a.Name.ToUpperInvariant() + " "));
        return string.Concat(command.Parents.OfType<Command>().Select(p => PathOf(p, isLast: false))) + command.Name + " " + arguments;
    }

    private static string Reword(ParseError error, Command command)
    {
        string option = (error.SymbolResult as OptionResult)?.IdentifierToken?.Value ?? "";
        string message = error.Message;
        if (Unrecognized().Match(message) is { Success: true } unknown)
            return Unknown(unknown.Groups[1].Value, command);
        if (Choice().Match(message) is { Success: true } choice)
            return $"{option} {choice.Groups[1].Value}: expected {OneOf(Quoted().Matches(choice.Groups[2].Value).Select(m => m.Groups[1].Value))}";
        if (message.StartsWith("Required command", StringComparison.Ordinal))
            return $"expected a command: {OneOf(command.Subcommands.Select(c => c.Name))}";
        foreach ((Regex pattern, string words) in Patterns)
            if (pattern.IsMatch(message))
                return pattern.Replace(message, words);
        return message;
    }

    private static readonly (Regex, string)[] Patterns =
    [
        (Conversion(), "$2 $1: expected a number"),
        (MissingArgument(), "expected <$1>, found nothing"),
        (MissingValue(), "$1: expected a value, found nothing"),
        (MissingOption(), "expected $1, which is required"),
        (TooMany(), "$1: expected one value, found $2"),
    ];

    private static string Unknown(string word, Command command)
    {
        (string what, IEnumerable<string> known) = word.StartsWith('-')
            ? ("no such option", OptionsOf(command))
            : command.Subcommands.Count > 0 ? ("no such command", command.Subcommands.Select(c => c.Name)) : ("one argument too many", []);
        string name = word.Split('=')[0];
        string? near = known.Select(k => (Name: k, Distance: EditDistance(name, k))).Where(k => k.Distance <= Math.Max(1, k.Name.Length / 3))
            .OrderBy(k => k.Distance).Select(k => k.Name).FirstOrDefault();
        return $"{word}: {what}{(near is null ? "" : $"; did you mean {near}?")}";
    }

    private static IEnumerable<string> OptionsOf(Command command) =>
        command.Options.Concat(command.Parents.OfType<Command>().SelectMany(p => p.Options).Where(o => o.Recursive))
            .SelectMany(o => o.Aliases.Append(o.Name)).Where(n => n.StartsWith("--", StringComparison.Ordinal));

    private static string OneOf(IEnumerable<string> names) => names.ToArray() is [.. var first, var last] && first.Length > 0
        ? string.Join(", ", first) + " or " + last
        : string.Concat(names);

    /// <summary>Letters to insert, remove or change, or neighbours to swap (optimal string alignment).</summary>
    internal static int EditDistance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
            for (int j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    d[i, j] = i + j;
                    continue;
                }
                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        return d[a.Length, b.Length];
    }

    [GeneratedRegex(@"^Unrecognized command or argument '(.*)'\.$", RegexOptions.Singleline)]
    private static partial Regex Unrecognized();

    [GeneratedRegex(@"^Argument '(.*)' not recognized\. Must be one of:(.*)$", RegexOptions.Singleline)]
    private static partial Regex Choice();

    [GeneratedRegex("'(.*?)'")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"^Cannot parse argument '(.*)' for (?:option|command|argument) '(.*)' as expected type '.*'\.$", RegexOptions.Singleline)]
    private static partial Regex Conversion();

    [GeneratedRegex(@"^Required argument '(.*)' missing for command: '.*'\.$")]
    private static partial Regex MissingArgument();

    [GeneratedRegex(@"^Required argument missing for option: '(.*)'\.$")]
    private static partial Regex MissingValue();

    [GeneratedRegex(@"^Option '(.*)' is required\.$")]
    private static partial Regex MissingOption();

    [GeneratedRegex(@"^Option '(.*)' expects a single argument but (\d+) were provided\.$")]
    private static partial Regex TooMany();
}
