using AllocReplay.Cli.Output;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Cli.Pages;

/// <summary>A call site as one says it on a line.</summary>
internal static class SitePlace
{
    /// <summary>Its function may be a helper that many call.</summary>
    private const int CallersShown = 2;

    /// <summary>Its function, and file and line where they are known.</summary>
    /// <inheritdoc cref="Of(string, string, int, string)"/>
    public static string Of(string function, string file, int line) => file.Length == 0 ? SiteName.Short(function)
        : FormattableString.Invariant($"{SiteName.Short(function)} ({Path.GetFileName(file)}{(line > 0 ? $":{line}" : "")})");

    /// <summary>Its function, file and line where they are known, and who called it: <c>xmalloc (util.c:12) &lt; parse &lt; main</c>.</summary>
    /// <param name="function">The function that the site is named after.</param>
    /// <param name="file">Source file; empty where it is not known.</param>
    /// <param name="line">Line there; 0 where it is not known.</param>
    /// <param name="text">Its stack on one line, the lowest function first.</param>
    public static string Of(string function, string file, int line, string text)
    {
        IEnumerable<string> callers = text.Split(" < ").SkipWhile(f => f != function).Skip(1).Take(CallersShown).Select(SiteName.Short);
        return TextLine.Plain(string.Join(" < ", callers.Prepend(Of(function, file, line))));
    }
}
