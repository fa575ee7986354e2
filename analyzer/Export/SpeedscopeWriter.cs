using System.Text.Encodings.Web;
using System.Text.Json;
using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Analyzer.Export;

/// <summary>speedscope's own JSON: two profiles of the same stacks, one weighted by bytes, one by blocks.</summary>
public static class SpeedscopeWriter
{
    /// <summary>Written on when so much has come together: what is written is not held as a whole.</summary>
    private const int FlushBytes = 1 << 16;

    /// <summary>Writes a profile.</summary>
    /// <param name="profile">The profile.</param>
    /// <param name="name">What it is called on the screen.</param>
    /// <param name="output">Where to.</param>
    public static void Write(StackProfile profile, string name, Stream output)
    {
        var tree = new CallTree(profile, byName: false);
        // Not the relaxed encoder: what is not ASCII is escaped, so that no name commands a terminal or ends a script of a page that it is put into.
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.Default });
        json.WriteStartObject();
        json.WriteString("$schema", "https://www.speedscope.app/file-format-schema.json");
        json.WriteString("exporter", $"allocreplay@{ProcessRow.Version}");
        json.WriteString("name", name);
        json.WriteNumber("activeProfileIndex", 0);
        json.WriteStartObject("shared");
        json.WriteStartArray("frames");
        foreach (StackFunction function in tree.Functions)
        {
            json.WriteStartObject();
            json.WriteString("name", function.Name);
            if (function.File.Length > 0)
                json.WriteString("file", function.File);
            json.WriteEndObject();
            Flush(json);
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteStartArray("profiles");
        WriteProfile(json, tree, $"{name}: bytes", "bytes", s => s.Bytes);
        WriteProfile(json, tree, $"{name}: blocks", "none", s => (ulong)s.Blocks);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteProfile(
        Utf8JsonWriter json, CallTree tree, string name, string unit, Func<(IReadOnlyList<int> Functions, long Blocks, ulong Bytes), ulong> weightOf)
    {
        var weights = new List<ulong>();
        UInt128 sum = 0;
        json.WriteStartObject();
        json.WriteString("type", "sampled");
        json.WriteString("name", name);
        json.WriteString("unit", unit);
        json.WriteStartArray("samples");
        foreach (var stack in tree.Stacks())
        {
            weights.Add(weightOf(stack));
            sum += weights[^1];
            json.WriteStartArray();
            foreach (int function in stack.Functions)
                json.WriteNumberValue(function);
            json.WriteEndArray();
            Flush(json);
        }
        json.WriteEndArray();
        json.WriteStartArray("weights");
        foreach (ulong weight in weights)
        {
            json.WriteNumberValue(weight);
            Flush(json);
        }
        json.WriteEndArray();
        json.WriteNumber("startValue", 0);
        json.WriteNumber("endValue", Formats.Calls.ByteCount.Of(sum));
        json.WriteEndObject();
    }

    private static void Flush(Utf8JsonWriter json)
    {
        if (json.BytesPending > FlushBytes)
            json.Flush();
    }
}
