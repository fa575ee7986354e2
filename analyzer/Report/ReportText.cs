namespace AllocReplay.Analyzer.Report;

/// <summary>Names as a page has room for them: one may be a megabyte.</summary>
internal static class ReportText
{
    private const int NameMax = 300;
    private const char More = '…';

    /// <param name="text">Any text.</param>
    /// <param name="most">Characters that are kept.</param>
    public static string Cut(string text, int most = NameMax)
    {
        if (text.Length <= most)
            return text;
        return string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[most - 1]) ? most - 1 : most), [More]);
    }
}
