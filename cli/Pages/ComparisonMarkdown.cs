using System.Text;
using AllocReplay.Cli.Output;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Corpus;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>compare --md</c> writes: the tables of the terminal as GitHub's Markdown, for a review or a README.</summary>
internal static class ComparisonMarkdown
{
    /// <summary>What Markdown or HTML could take for more than text: as references these cannot be anything else.</summary>
    private const string Special = "&<>|\\`*_~[]!#@$";

    public static void Write(CorpusReport corpus, string command, Stream output)
    {
        using var writer = new StreamWriter(output, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        ShortLabels labels = CorpusPage.LabelsOf(corpus);
        if (corpus.Traces.Count > 1)
        {
            if (corpus.Summary is { Traces.Count: > 1 } summary)
            {
                writer.WriteLine($"### {Text(CorpusPage.Title(corpus, summary))}\n");
                Write(GateLine.Of(corpus), writer);
                Write(CorpusPage.Means(summary, labels), writer);
            }
            else
                Write(GateLine.Of(corpus), writer);
            Write(CorpusPage.Lines(corpus, labels), writer);
        }
        foreach (TraceResult result in corpus.Traces.Where(t => t.Report is not null))
            Write(result.Name, result.Report!, labels, writer);
        Write(labels.Legend, writer);
        writer.WriteLine($"Made by {Code(command)}.");
    }

    private static void Write(string trace, ComparisonReport report, ShortLabels labels, StreamWriter writer)
    {
        writer.WriteLine($"### {Text(trace)}\n");
        writer.WriteLine($"{ComparisonPage.Extent(report)}\n");
        Write(GateLine.Of(report), writer);
        Write(ComparisonPage.Verdicts(report, labels), writer);
        Write(ComparisonPage.Figures(report, labels), writer);
        Write([.. ComparisonPage.Failures(report, labels), .. ComparisonPage.Resolution(report)], writer);
    }

    private static void Write(IEnumerable<string> lines, StreamWriter writer) => WriteList(lines.Select(Text), writer);

    private static void Write(IEnumerable<GateLine> gate, StreamWriter writer) =>
        WriteList(GateLine.Sorted(gate).Select(l => l.IsFailure ? $"**{Text(l.Text)}**" : Text(l.Text)), writer);

    private static void WriteList(IEnumerable<string> items, StreamWriter writer)
    {
        string[] all = [.. items];
        foreach (string item in all)
            writer.WriteLine($"- {item}");
        if (all.Length > 0)
            writer.WriteLine();
    }

    private static void Write(Cells table, StreamWriter writer)
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
