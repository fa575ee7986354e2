using System.Buffers;
using System.Globalization;
using System.Text;

namespace AllocReplay.Analyzer.Export;

/// <summary>
/// Names in formats of lines, which have no escapes of their own. What such a line, or a terminal, would take for something else is written
/// <c>\uXXXX</c>, four hexadecimal digits of its UTF-16 value: control characters and line ends, the semicolon, characters that turn the direction of
/// writing, halves of characters, a # that a name begins with, and the backslash. So a name is read back by taking each <c>\uXXXX</c> for what it stands for.
/// </summary>
internal static class EscapedName
{
    private static readonly SearchValues<char> Special = SearchValues.Create(
        [.. Enumerable.Range(0, char.MaxValue + 1).Select(c => (char)c).Where(c => IsSpecial(c) || char.IsSurrogate(c))]);

    public static string Of(string name)
    {
        if (!name.AsSpan().ContainsAny(Special) && !name.StartsWith('#'))
            return name;
        var escaped = new StringBuilder(name.Length + 16);
        for (int i = 0; i < name.Length; i++)
        {
            char c = name[i];
            if (i + 1 < name.Length && char.IsSurrogatePair(c, name[i + 1]))
                escaped.Append(c).Append(name[++i]);
            else if (IsSpecial(c) || char.IsSurrogate(c) || (c == '#' && i == 0))
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
            else
                escaped.Append(c);
        }
        return escaped.ToString();
    }

    private static bool IsSpecial(char c) =>
        char.IsControl(c) || c is ';' or '\\' or (>= '\u2028' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
}
