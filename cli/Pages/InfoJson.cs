using System.Text.Json;
using System.Text.Json.Nodes;
using AllocReplay.Cli.Output;
using AllocReplay.Formats.Summary;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>info --json</c> prints: the summary, and beside its figures the words that the page has for them.</summary>
internal static class InfoJson
{
    public static JsonObject Of(TraceSummary s)
    {
        JsonObject json = JsonSerializer.SerializeToNode(s, Terminal.Json)!.AsObject();
        json["end"] = InfoPage.DescribeEnd(s);
        json["warnings"] = JsonSerializer.SerializeToNode(s.Warnings.Select(w => Worded(w, WarningWords.Of(w, s))), Terminal.Json);
        return json;
    }

    private static object Worded(TraceWarning warning, WarningWords words) => new { warning.Kind, warning.Count, words.What, words.Action };
}
