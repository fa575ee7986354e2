using AllocReplay.Cli.Output;
using Spectre.Console;

namespace AllocReplay.Cli.Pages;

/// <summary>A table, whatever it is printed as: the first column is names.</summary>
/// <param name="Heads">Its headings.</param>
/// <param name="Rows">Its cells, as many in each row as there are headings.</param>
/// <param name="IsNumeric">Whether all columns but the first are figures.</param>
internal sealed record Cells(IReadOnlyList<string> Heads, IReadOnlyList<string[]> Rows, bool IsNumeric)
{
    /// <summary>Blanks that go with a column, and with a table beside those of its columns.</summary>
    private const int Between = 3, Beside = 1;

    /// <summary>Prints it; in several tables below each other, each with the names, where it is wider than the page. Nothing where it has no rows.</summary>
    public void Print(Terminal terminal)
    {
        if (Rows.Count == 0)
            return;
        foreach (int[] columns in Parts(terminal.Width))
        {
            Table table = Terminal.NewTable([.. columns.Select(c => (Heads[c], c > 0 && IsNumeric ? Justify.Right : Justify.Left))]);
            foreach (string[] row in Rows)
                table.Add([.. columns.Select(c => row[c])]);
            terminal.WriteWide(table);
        }
    }

    /// <summary>
    /// Columns of each table that it takes in a page of that width: as few tables as do, and about as many columns in each. A column that is wider than the
    /// page by itself stays whole.
    /// </summary>
    internal IReadOnlyList<int[]> Parts(int width)
    {
        int[] widths = [.. Heads.Select((head, c) => Between + Rows.Select(r => r[c].Length).Append(head.Length).Max())];
        int others = widths.Length - 1;
        for (int parts = 1; parts < others; parts++)
        {
            int each = (others + parts - 1) / parts;
            int[][] tables = [.. Enumerable.Range(1, others).Chunk(each).Select(chunk => (int[])[0, .. chunk])];
            if (tables.All(t => Beside + t.Sum(c => widths[c]) <= width))
                return tables;
        }
        return [.. Enumerable.Range(1, others).Select(c => (int[])[0, c])];
    }
}
