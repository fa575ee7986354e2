using System.Globalization;
using System.Text;
using AllocReplay.Cli.Output;
using AllocReplay.Replayer.Compare;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>compare --csv</c> writes: a row for each figure of each configuration, and one for each configuration that has none.</summary>
internal static class ComparisonCsv
{
    private static readonly string[] Columns =
    [
        "trace", "configuration", "role", "metric", "unit", "better", "median", "min", "max",
        "ratio", "low", "high", "confidence", "pairs", "verdict", "failure",
    ];

    public static void Write(IReadOnlyList<ComparisonReport> reports, Stream output)
    {
        using var writer = new StreamWriter(output, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        writer.WriteLine(string.Join(',', Columns));
        foreach (ComparisonReport report in reports)
        {
            foreach (ComparisonRow row in report.Rows)
            {
                IEnumerable<ComparedFigure?> figures = row.Figures;
                if (row.Figures.Count == 0)
                    figures = [null];
                foreach (ComparedFigure? figure in figures)
                    writer.WriteLine(string.Join(',', Fields(report, row, figure).Select(QueryOutput.CsvField)));
            }
        }
    }

    private static string?[] Fields(ComparisonReport report, ComparisonRow row, ComparedFigure? figure)
    {
        Metric? metric = report.Metrics.FirstOrDefault(m => m.Name == figure?.Metric);
        PairedRatio? ratio = figure?.Ratio;
        return
        [
            Literal(report.Trace), Literal(row.Allocator.Name), Word<Role>(row.Role), metric?.Name, Word(metric?.Unit), Word(metric?.Better),
            Number(figure?.Spread.Median), Number(figure?.Spread.Min), Number(figure?.Spread.Max),
            Number(ratio?.Estimate), Number(ratio?.Low), Number(ratio?.High), Number(ratio?.Confidence), Number(ratio?.Pairs), Word(figure?.Verdict),
            row.Failure is { } failure ? Literal($"{failure.Pass}: {failure.Reason}") : null,
        ];
    }

    /// <summary>Text that a spreadsheet takes for a formula, by how it begins, goes in with an apostrophe, which it takes for text.</summary>
    private static string Literal(string text) => text.Length > 0 && "=+-@\t\r\n".Contains(text[0]) ? "'" + text : text;

    private static string? Number(double? value) => value?.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>As JSON has it.</summary>
    private static string? Word<T>(T? value)
        where T : struct, Enum => value is { } word ? System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(word.ToString()) : null;
}
