using System.CommandLine;
using System.Text.RegularExpressions;

namespace AllocReplay.Cli.Options;

/// <summary>Parse errors in the words of the command line, not of the parser's types.</summary>
internal static partial class UsageMessages
{
    public static IEnumerable<string> Of(ParseResult parse)
    {
        string[] messages = parse.Errors.Select(e => Conversion().Replace(e.Message, "$2: '$1' is not a number")).Distinct().ToArray();
        // That a command is missing says nothing once an unknown word stands in its place.
        return messages.Length > 1 ? messages.Where(m => !m.StartsWith("Required command", StringComparison.Ordinal)) : messages;
    }

    /// <summary>What to type to reach a command: with what its parents want before its name, as <c>control TARGET mark</c>.</summary>
    public static string PathTo(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is not { } parent
            ? "allocreplay"
            : string.Join(' ', [PathTo(parent), .. parent.Arguments.Select(a => a.Name.ToUpperInvariant()), command.Name]);

    [GeneratedRegex(@"^Cannot parse argument '(.*)' for (?:option|command|argument) '(.*)' as expected type '.*'\.$")]
    private static partial Regex Conversion();
}
