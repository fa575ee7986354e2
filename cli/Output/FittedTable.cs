using Spectre.Console;

namespace AllocReplay.Cli.Output;

/// <summary>A table that fits a page: its last column takes what the others leave, and what does not fit there is cut.</summary>
internal static class FittedTable
{
    /// <summary>Columns of the last one at the least, however narrow the page.</summary>
    private const int LastMin = 30;

    /// <summary>Blanks and rules that go with a column.</summary>
    private const int Between = 3;

    /// <param name="columns">Headers.</param>
    /// <param name="rows">Cells, as many a row as there are columns.</param>
    /// <param name="width">Of the page.</param>
    public static Table Of((string Header, Justify Align)[] columns, IReadOnlyList<string[]> rows, int width)
    {
        int taken = Between * columns.Length + 1
            + columns.SkipLast(1).Select((c, i) => rows.Select(r => r[i].Length).Append(c.Header.Length).Max()).Sum();
        Table table = Terminal.NewTable(columns);
        foreach (string[] row in rows)
            table.Add([.. row.SkipLast(1), Fit(row[^1], Math.Max(LastMin, width - taken))]);
        return table;
    }

    private static string Fit(string text, int width) => TextLine.Plain(text) is var plain && plain.Length <= width ? plain : plain[..(width - 1)] + "…";
}
