using System.Globalization;
using AllocReplay.Analyzer.Query;
using Spectre.Console;

namespace AllocReplay.Cli.Output;

/// <summary>Query results as a table for people, or as the plan that the engine draws.</summary>
internal static class QueryTable
{
    /// <summary>From here on whole numbers have fewer digits than they seem to.</summary>
    private const double ExactMax = 1L << 53;

    /// <summary>Writes a result in <see cref="QueryForm.Text"/>.</summary>
    /// <param name="result">The result.</param>
    /// <param name="limit">Rows at the most.</param>
    /// <param name="terminal">Where to.</param>
    /// <returns>Rows that were written, and whether there are more; of a plan none.</returns>
    public static (long? Rows, bool IsCut) Write(QueryResult result, long limit, Terminal terminal)
    {
        if (result.IsPlan)
        {
            foreach (object?[] plan in result.ReadRows())
                terminal.Out.WriteLine(((string?)plan[^1] ?? "").TrimEnd());
            return (null, false);
        }
        Table table = Terminal.NewTable(result.Columns.Select(c => (c.Name, c.IsNumber ? Justify.Right : Justify.Left)).ToArray());
        long rows = 0;
        object?[]? row;
        // One row more is read than shown, to know whether there is one.
        while ((row = result.ReadRow()) is not null && rows < limit)
        {
            table.Add([.. row.Select((v, i) => v is null ? "NULL" : TextLine.Plain(Shown((string)v, result.Columns[i])))]);
            rows++;
        }
        terminal.WriteWide(table);
        return (rows, row is not null);
    }

    /// <summary>
    /// A value as people read it: a number of floating point with six digits, or as a whole number where it is larger. All its digits are in CSV and JSON.
    /// </summary>
    public static string Shown(string value, QueryColumn column) =>
        column.Kind != QueryColumnKind.Floating || !double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
        || !double.IsFinite(number) || Math.Abs(number) >= ExactMax ? value
        : number.ToString(Math.Abs(number) < 1e6 ? "g6" : "0", CultureInfo.InvariantCulture);
}
