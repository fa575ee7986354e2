using System.Text.RegularExpressions;

namespace AllocReplay.Analyzer.Check;

/// <summary>A line of a file of suppressions, as LeakSanitizer has them: <c>leak:PATTERN</c>.</summary>
/// <param name="Pattern">What it matches, as it is written: a part of a name; <c>*</c> stands for anything, <c>^</c> for the beginning, <c>$</c> for the
/// end.</param>
/// <param name="Line">Its line in the file, from 1.</param>
public sealed record Suppression(string Pattern, int Line)
{
    private const string Prefix = "leak:";

    /// <summary>Longer ones are refused. Names that long are rare, and what matches in linear time takes memory by the pattern's length.</summary>
    private const int PatternMax = 4000;

    private readonly Lazy<Regex> _regex = new(() => Compile(Pattern));

    /// <summary>Whether it matches a name: a function, a source file or a module.</summary>
    public bool Matches(string name) => name.Length > 0 && _regex.Value.IsMatch(name);

    /// <summary>Reads the lines of a file. Empty ones are passed over, and those that begin with <c>#</c>.</summary>
    /// <param name="path">The file's name, for messages.</param>
    /// <param name="lines">Its lines.</param>
    /// <exception cref="SuppressionException">One of them is none.</exception>
    public static IReadOnlyList<Suppression> Parse(string path, IEnumerable<string> lines)
    {
        var all = new List<Suppression>();
        foreach ((int i, string line) in lines.Index())
        {
            string text = line.Trim();
            if (text.Length == 0 || text[0] == '#')
                continue;
            if (!text.StartsWith(Prefix, StringComparison.Ordinal))
                throw new SuppressionException($"{path}:{i + 1}: expected leak:PATTERN or a # comment, found {text}");
            string pattern = text[Prefix.Length..].Trim();
            string body = pattern.TrimStart('^').TrimEnd('$');
            if (body.Replace("*", "", StringComparison.Ordinal).Length == 0 && !pattern.Contains('*'))
                throw new SuppressionException($"{path}:{i + 1}: expected a pattern after {Prefix}");
            if (pattern.IndexOf('$') is var end and >= 0 && end < pattern.Length - 1)
                throw new SuppressionException($"{path}:{i + 1}: expected nothing behind $, which stands for the end of a name, found {pattern[(end + 1)..]}");
            if (pattern.Length > PatternMax)
                throw new SuppressionException($"{path}:{i + 1}: expected a pattern of at most {PatternMax} characters, found {pattern.Length}");
            all.Add(new Suppression(pattern, i + 1));
        }
        return all;
    }

    /// <summary>No pattern takes more than linear time, whatever the names are.</summary>
    private static Regex Compile(string pattern)
    {
        bool isFromStart = pattern.StartsWith('^'), isToEnd = pattern.EndsWith('$');
        string body = pattern[(isFromStart ? 1 : 0)..^(isToEnd && pattern.Length > (isFromStart ? 1 : 0) ? 1 : 0)];
        string parts = string.Join(".*", body.Split('*').Select(Regex.Escape));
        return new Regex(
            (isFromStart ? @"\A" : "") + parts + (isToEnd ? @"\z" : ""),
            RegexOptions.Singleline | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
    }
}

/// <summary>A file of suppressions is not as it should be. The message is one line that says where.</summary>
public sealed class SuppressionException(string message) : Exception(message);
