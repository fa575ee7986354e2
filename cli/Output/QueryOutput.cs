using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using AllocReplay.Analyzer.Query;

namespace AllocReplay.Cli.Output;

/// <summary>Query results as text: values for people and CSV, JSON for programs. Rows are written as they come.</summary>
internal static class QueryOutput
{
    /// <summary>A value as plain text: numbers ungrouped, in full precision; times in ISO 8601; lists and structs as JSON.</summary>
    public static string Text(object value) => value switch
    {
        string s => s,
        bool b => b ? "true" : "false",
        DateTime t => t.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFF", CultureInfo.InvariantCulture),
        byte[] bytes => Convert.ToHexStringLower(bytes),
        IEnumerable => ToJson(value),
        IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    /// <summary>Writes an array with an object for each row.</summary>
    public static void WriteJson(QueryResult result, long limit, TextWriter output)
    {
        output.Write("[");
        bool first = true;
        foreach (object?[] row in Take(result, limit))
        {
            output.Write(first ? "\n  " : ",\n  ");
            first = false;
            output.Write(ToJson(row, result.Columns));
        }
        output.WriteLine(first ? "]" : "\n]");
    }

    /// <summary>Writes CSV as RFC 4180 has it, but for line feeds alone; NULL is an empty field.</summary>
    public static void WriteCsv(QueryResult result, long limit, TextWriter output)
    {
        output.Write(string.Join(',', result.Columns.Select(c => CsvField(c.Name))) + "\n");
        foreach (object?[] row in Take(result, limit))
            output.Write(string.Join(',', row.Select(v => v is null ? "" : CsvField(Text(v)))) + "\n");
    }

    private static IEnumerable<object?[]> Take(QueryResult result, long limit)
    {
        for (long i = 0; i < limit && result.ReadRow() is { } row; i++)
            yield return row;
    }

    private static string CsvField(string text) =>
        text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : "\"" + text.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    private static string ToJson(object?[] row, IReadOnlyList<QueryColumn> columns)
    {
        return Json(writer =>
        {
            writer.WriteStartObject();
            for (int i = 0; i < row.Length; i++)
            {
                writer.WritePropertyName(columns[i].Name);
                WriteValue(writer, row[i]);
            }
            writer.WriteEndObject();
        });
    }

    private static string ToJson(object value) => Json(writer => WriteValue(writer, value));

    private static string Json(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = Terminal.Json.Encoder }))
            write(writer);
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static void WriteValue(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case null:
                writer.WriteNullValue();
                break;
            case bool b:
                writer.WriteBooleanValue(b);
                break;
            case double or float when !double.IsFinite(Convert.ToDouble(value, CultureInfo.InvariantCulture)):
                writer.WriteNullValue(); // JSON has no word for it
                break;
            case sbyte or short or int or long or byte or ushort or uint or ulong or float or double or decimal or BigInteger:
                writer.WriteRawValue(Text(value));
                break;
            case IDictionary map:
                writer.WriteStartObject();
                foreach (DictionaryEntry entry in map)
                {
                    writer.WritePropertyName(Text(entry.Key));
                    WriteValue(writer, entry.Value);
                }
                writer.WriteEndObject();
                break;
            case IEnumerable list and not (string or byte[]):
                writer.WriteStartArray();
                foreach (object? item in list)
                    WriteValue(writer, item);
                writer.WriteEndArray();
                break;
            default:
                writer.WriteStringValue(Text(value));
                break;
        }
    }
}
