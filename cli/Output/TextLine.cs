using System.Globalization;
using System.Text;

namespace AllocReplay.Cli.Output;

/// <summary>Text of a recorded program, or of a path, which may hold anything, on one line of a terminal.</summary>
internal static class TextLine
{
    /// <summary>Text without line breaks and other control characters: a recording is not to command the terminal.</summary>
    public static string Plain(string text) => text.Any(IsCommand)
        ? string.Concat(text.ReplaceLineEndings("⏎").Select(c => IsCommand(c) ? '\uFFFD' : c))
        : text;

    /// <summary>An argument as one would type it in a shell; what cannot be typed is written as bash and zsh read it.</summary>
    public static string Quote(string argument)
    {
        if (argument.Any(IsCommand))
            return "$'" + string.Concat(argument.EnumerateRunes().Select(Escape)) + "'";
        return argument.Length > 0 && argument.All(c => char.IsLetterOrDigit(c) || "-_=./:,+@%".Contains(c))
            ? argument
            : "'" + argument.Replace("'", @"'\''", StringComparison.Ordinal) + "'";
    }

    /// <summary>A command of ours, as one would type it.</summary>
    /// <param name="words">The words after <c>allocreplay</c>.</param>
    public static string Command(params string[] words) => "allocreplay " + string.Join(' ', words.Select(Quote));

    /// <summary>Whether a terminal may do something else with it than show it: controls, and what turns the direction of writing.</summary>
    private static bool IsCommand(char c) => char.IsControl(c) || c is (>= '\u2028' and <= '\u202E') or (>= '\u2066' and <= '\u2069');

    private static string Escape(Rune rune) => rune.Value switch
    {
        '\n' => @"\n",
        '\t' => @"\t",
        '\'' => @"\'",
        '\\' => @"\\",
        < 0x20 or 0x7f => string.Create(CultureInfo.InvariantCulture, $@"\x{rune.Value:x2}"),
        < 0x10000 when IsCommand((char)rune.Value) => string.Create(CultureInfo.InvariantCulture, $@"\u{rune.Value:x4}"),
        _ => rune.ToString(),
    };
}
