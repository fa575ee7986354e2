namespace AllocReplay.Cli.Output;

/// <summary>Text of a recorded program, which may hold anything, on one line of a terminal.</summary>
internal static class TextLine
{
    /// <summary>Text without line breaks and other control characters: a recording is not to command the terminal.</summary>
    public static string Plain(string text) =>
        string.Concat(text.ReplaceLineEndings("⏎").Select(c => char.IsControl(c) ? '\uFFFD' : c));

    /// <summary>An argument as one would type it in a shell.</summary>
    public static string Quote(string argument)
    {
        string line = Plain(argument);
        return line.Length > 0 && line.All(c => char.IsLetterOrDigit(c) || "-_=./:,+@%".Contains(c))
            ? line
            : "'" + line.Replace("'", @"'\''", StringComparison.Ordinal) + "'";
    }
}
