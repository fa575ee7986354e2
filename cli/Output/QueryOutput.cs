using System.Text.Json;
using System.Text.RegularExpressions;
using AllocReplay.Analyzer.Query;

namespace AllocReplay.Cli.Output;

/// <summary>Query results as the engine casts them to text: CSV for files, JSON for programs. Rows are written as they come, and counted.</summary>
internal static partial class QueryOutput
{
    /// <summary>Writes an array with an object for each row, of a result in <see cref="QueryForm.Json"/>.</summary>
    public static long WriteJson(QueryResult result, long limit, TextWriter output)
    {
        string[] names = result.Columns.Select(c => Quote(c.Name)).ToArray();
        output.Write("[");
        long rows = 0;
        foreach (object?[] row in Take(result, limit))
        {
            output.Write(rows++ == 0 ? "\n  {" : ",\n  {");
            for (int i = 0; i < row.Length; i++)
                output.Write($"{(i == 0 ? "" : ",")}{names[i]}:{JsonValue((string?)row[i], result.Columns[i].Kind)}");
            output.Write("}");
        }
        output.WriteLine(rows == 0 ? "]" : "\n]");
        return rows;
    }

    /// <summary>
    /// Writes CSV as RFC 4180 has it, but for line feeds alone, of a result in <see cref="QueryForm.Text"/>; NULL is an empty field, empty text is "".
    /// </summary>
    public static long WriteCsv(QueryResult result, long limit, TextWriter output)
    {
        output.Write(string.Join(',', result.Columns.Select(c => CsvField(c.Name))) + "\n");
        long rows = 0;
        foreach (object?[] row in Take(result, limit))
        {
            output.Write(string.Join(',', row.Select(v => CsvField((string?)v))) + "\n");
            rows++;
        }
        return rows;
    }

    /// <summary>Writes an object a line, of a result in <see cref="QueryForm.Json"/>.</summary>
    public static long WriteJsonLines(QueryResult result, long limit, TextWriter output)
    {
        string[] names = result.Columns.Select(c => Quote(c.Name)).ToArray();
        long rows = 0;
        foreach (object?[] row in Take(result, limit))
        {
            output.Write($"{{{string.Join(',', row.Select((v, i) => $"{names[i]}:{JsonValue((string?)v, result.Columns[i].Kind)}"))}}}\n");
            rows++;
        }
        return rows;
    }

    /// <summary>Writes a table of Markdown, of a result in <see cref="QueryForm.Text"/>; numbers stand to the right, NULL is an empty cell.</summary>
    public static long WriteMarkdown(QueryResult result, long limit, TextWriter output)
    {
        output.Write($"| {string.Join(" | ", result.Columns.Select(c => MarkdownCell(c.Name)))} |\n");
        output.Write($"|{string.Concat(result.Columns.Select(c => c.IsNumber ? "---:|" : "---|"))}\n");
        long rows = 0;
        foreach (object?[] row in Take(result, limit))
        {
            output.Write($"| {string.Join(" | ", row.Select((v, i) => v is null ? "" : MarkdownCell(QueryTable.Shown((string)v, result.Columns[i]))))} |\n");
            rows++;
        }
        return rows;
    }

    /// <summary>What a cell shows as it stands: nothing in it is markup, and it is on one line.</summary>
    private static string MarkdownCell(string text) => Markup().Replace(TextLine.Plain(text), @"\$0");

    [GeneratedRegex(@"[\\`*_{}\[\]<>#|~&]")]
    private static partial Regex Markup();

    private static IEnumerable<object?[]> Take(QueryResult result, long limit)
    {
        for (long i = 0; i < limit && result.ReadRow() is { } row; i++)
            yield return row;
    }

    /// <summary>A field as it stands in CSV.</summary>
    public static string CsvField(string? text) =>
        text is null ? ""
        : text.Length > 0 && text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text
        : "\"" + text.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    private static string JsonValue(string? text, QueryColumnKind kind) => (text, kind) switch
    {
        (null, _) => "null",
        (_, QueryColumnKind.Boolean) => text,
        (_, QueryColumnKind.Number) => text,
        (_, QueryColumnKind.Floating) => char.IsAsciiDigit(text[^1]) ? text : "null", // nan, inf: JSON has no word for them
        (_, QueryColumnKind.Nested or QueryColumnKind.Union) => NotFinite().Replace(JsonText.Escape(text), m => m.Value[0] == '"' ? m.Value : "null"),
        _ => Quote(text),
    };

    private static string Quote(string text) => $"\"{JsonEncodedText.Encode(text, Terminal.Json.Encoder)}\"";

    /// <summary>Strings, to pass them over, and the words that the engine has for what JSON has none.</summary>
    [GeneratedRegex("""
        "(?:[^"\\]|\\.)*"|-?Infinity|NaN
        """)]
    private static partial Regex NotFinite();
}
