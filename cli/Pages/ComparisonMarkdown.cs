using System.Text;
using AllocReplay.Cli.Output;
using AllocReplay.Replayer.Compare;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>compare --md</c> writes: the tables of the terminal as GitHub's Markdown, for a review or a README.</summary>
internal static class ComparisonMarkdown
{
    /// <summary>What Markdown or HTML could take for more than text: as references these cannot be anything else.</summary>
    private const string Special = "&<>|\\`*_~[]!#@$";

    public static void Write(IReadOnlyList<ComparisonReport> reports, string command, Stream output)
    {
        using var writer = new StreamWriter(output, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        foreach (ComparisonReport report in reports)
            Write(report, writer);
        writer.WriteLine($"Made by {Code(command)}.");
    }

    private static void Write(ComparisonReport report, StreamWriter writer)
    {
        writer.WriteLine($"### {Text(report.Trace)}\n");
        writer.WriteLine($"{Quantity.Count(report.Calls, "call")}, {Quantity.Count(report.Threads, "thread")}, "
            + $"peak live {Quantity.Bytes(report.PeakLiveBytes)}\n");
        foreach (ComparisonPage.Cells table in new[] { ComparisonPage.Verdicts(report), ComparisonPage.Figures(report) })
            Write(table, writer);
        string[] lines = [.. ComparisonPage.Failures(report), .. ComparisonPage.Resolution(report)];
        foreach (string line in lines)
            writer.WriteLine($"- {Text(line)}");
        if (lines.Length > 0)
            writer.WriteLine();
    }

    private static void Write(ComparisonPage.Cells table, StreamWriter writer)
    {
        if (table.Rows.Count == 0)
            return;
        writer.WriteLine(Row(table.Heads));
        writer.WriteLine("|" + string.Concat(table.Heads.Select((_, i) => i > 0 && table.IsNumeric ? "--:|" : "---|")));
        foreach (string[] row in table.Rows)
            writer.WriteLine(Row(row));
        writer.WriteLine();
    }

    private static string Row(IEnumerable<string> cells) => "| " + string.Join(" | ", cells.Select(Text)) + " |";

    /// <summary>Any text as a reader sees it, on one line.</summary>
    internal static string Text(string text)
    {
        string plain = TextLine.Plain(text);
        return string.Concat(plain.Select((c, i) => Special.Contains(c) && !IsInWord(plain, i) ? $"&#{(int)c};" : c.ToString()));
    }

    /// <summary>An underscore between letters is one: tcmalloc_minimal stays readable.</summary>
    private static bool IsInWord(string text, int i) =>
        text[i] == '_' && i > 0 && i < text.Length - 1 && char.IsAsciiLetterOrDigit(text[i - 1]) && char.IsAsciiLetterOrDigit(text[i + 1]);

    /// <summary>Text in a fence that is longer than any in it.</summary>
    internal static string Code(string text)
    {
        string plain = TextLine.Plain(text);
        int longest = 0, run = 0;
        foreach (char c in plain)
            longest = Math.Max(longest, run = c == '`' ? run + 1 : 0);
        string fence = new('`', longest + 1), room = plain.StartsWith('`') || plain.EndsWith('`') ? " " : "";
        return fence + room + plain + room + fence;
    }
}
