using System.Text.Json;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Repository;

/// <summary>Notebooks are sources: nothing that a run made is in them.</summary>
public sealed class NotebookSourceTests
{
    private const int LongestLine = 160;

    [Fact]
    public void A_notebook_has_no_outputs_and_no_line_longer_than_160_columns() =>
        SourceTree.AssertNone(SourceTree.Files(".ipynb").SelectMany(f => Violations(f, SourceTree.Read(f))));

    [Fact]
    public void An_output_a_number_and_a_long_line_are_violations() // the control
    {
        const string clean = """{"cells": [{"cell_type": "code", "execution_count": null, "outputs": [], "source": ["a\n", "b"]}]}""";
        Assert.Empty(Violations("x.ipynb", clean));
        Assert.Single(Violations("x.ipynb", clean.Replace("[]", "[{}]", StringComparison.Ordinal)));
        Assert.Single(Violations("x.ipynb", clean.Replace("null", "1", StringComparison.Ordinal)));
        Assert.Single(Violations("x.ipynb", clean.Replace("b", new string('b', 161), StringComparison.Ordinal)));
    }

    private static IEnumerable<string> Violations(string file, string text)
    {
        using JsonDocument notebook = JsonDocument.Parse(text);
        foreach (JsonElement cell in notebook.RootElement.GetProperty("cells").EnumerateArray())
        {
            foreach (string line in cell.GetProperty("source").EnumerateArray().Select(l => l.GetString()!.TrimEnd('\n')).Where(l => l.Length > LongestLine))
                yield return $"{file}: {line.Length} columns: {line[..40]}…";
            if (cell.TryGetProperty("outputs", out JsonElement outputs) && outputs.GetArrayLength() > 0)
                yield return $"{file}: a cell has outputs";
            if (cell.TryGetProperty("execution_count", out JsonElement count) && count.ValueKind != JsonValueKind.Null)
                yield return $"{file}: a cell has the number of a run";
        }
    }
}
