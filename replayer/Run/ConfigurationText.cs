using System.Buffers;
using System.Text;

namespace AllocReplay.Replayer.Run;

/// <summary>How configurations are written: items by comma, hooks after a plus sign, and quotes around what holds one of these.</summary>
/// <remarks>
/// <para><c>"…"</c> may stand around an item or a part of it; within, <c>\"</c> is a quote and <c>\\</c> a backslash.</para>
/// <para>A plus sign is one only between blanks, the ends of the text being some: <c>libstdc++.so</c> has none.</para>
/// </remarks>
internal static class ConfigurationText
{
    private static readonly SearchValues<char> NeedsQuotes = SearchValues.Create(",\"+ \t\r\n");

    /// <param name="Text">Without its quotes.</param>
    /// <param name="FollowsPlus">Whether a plus sign comes before it, not a comma.</param>
    public readonly record struct Item(string Text, bool FollowsPlus);

    /// <summary>The items of a list; those that are empty are left out.</summary>
    /// <exception cref="ReplayException">A quote is not closed.</exception>
    public static IReadOnlyList<Item> Split(string list)
    {
        var items = new List<Item>();
        var text = new StringBuilder();
        int kept = 0; // of the text: blanks at its end go, unless they are quoted
        bool isQuoted = false, followsPlus = false, hasQuotes = false;
        void End(bool plus)
        {
            text.Length = kept;
            if (text.Length > 0 || hasQuotes || followsPlus)
                items.Add(new Item(text.ToString(), followsPlus));
            text.Clear();
            (kept, followsPlus, hasQuotes) = (0, plus, false);
        }
        for (int i = 0; i < list.Length; i++)
        {
            char c = list[i];
            if (c == '"')
            {
                (isQuoted, hasQuotes) = (!isQuoted, true);
                kept = text.Length;
            }
            else if (isQuoted)
            {
                text.Append(c == '\\' && i + 1 < list.Length && list[i + 1] is '"' or '\\' ? list[++i] : c);
                kept = text.Length;
            }
            else if (c == ',' || (c == '+' && IsBlank(list, i - 1) && IsBlank(list, i + 1)))
            {
                End(plus: c == '+');
            }
            else if (!char.IsWhiteSpace(c) || text.Length > 0)
            {
                text.Append(c);
                kept = char.IsWhiteSpace(c) ? kept : text.Length;
            }
        }
        if (isQuoted)
            throw new ReplayException(ReplayFailure.Usage, $"{list}: expected a closing quote (\"), found none");
        End(plus: false);
        return items;
    }

    /// <summary>A value as <see cref="Split"/> gives it back.</summary>
    public static string Quote(string value) => value.Length > 0 && value.AsSpan().IndexOfAny(NeedsQuotes) < 0 && !value.Any(char.IsWhiteSpace)
        ? value
        : $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    /// <summary><c>NAME=VALUE</c>, quoted where it has to be.</summary>
    public static string Quote(string name, string value) => $"{name}={Quote(value)}";

    private static bool IsBlank(string text, int index) => index < 0 || index >= text.Length || char.IsWhiteSpace(text[index]);
}
