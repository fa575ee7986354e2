using System.Text;

namespace AllocReplay.Analyzer.Passes;

/// <summary>A stack on one line for people to read. Names come from object files, which may be a stranger's, and are as long as they like.</summary>
internal static class StackText
{
    private const int NameMax = 200, TextMax = 4000;
    private const string Caller = " < ";
    private const char More = '…';

    /// <param name="names">Of its functions, the lowest first.</param>
    /// <param name="isWhole">Whether that is all of it.</param>
    public static string Of(IEnumerable<string> names, bool isWhole)
    {
        var text = new StringBuilder();
        foreach (string name in names)
        {
            if (text.Length > 0)
                text.Append(Caller);
            if (text.Length > TextMax)
                return text.Append(More).ToString();
            Append(text, name);
        }
        if (!isWhole)
            text.Append(Caller).Append(More);
        return text.ToString();
    }

    private static void Append(StringBuilder text, string name)
    {
        int length = Math.Min(name.Length, NameMax);
        if (length < name.Length && char.IsHighSurrogate(name[length - 1]))
            length--;
        foreach (char c in name.AsSpan(0, length))
            text.Append(char.IsControl(c) || c is '\u2028' or '\u2029' ? '\uFFFD' : c);
        if (length < name.Length)
            text.Append(More);
    }
}
