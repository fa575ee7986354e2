using System.Globalization;
using System.Text;
using AllocReplay.Cli.Output;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Corpus;

namespace AllocReplay.Cli.Pages;

/// <summary>
/// What <c>compare --csv</c> writes: a row for each figure of each configuration, and one for each configuration that has none; of several traces also one
/// for each mean, and one for each trace that was not compared.
/// </summary>
internal static class ComparisonCsv
{
    private static readonly string[] Columns =
    [
        "trace", "configuration", "role", "metric", "unit", "better", "median", "min", "max",
        "ratio", "low", "high", "confidence", "pairs", "verdict", "failure",
    ];

    /// <summary>Stands in the place of a trace's name where a figure is the mean over all.</summary>
    public const string Mean = "(mean)";

    public static void Write(CorpusReport corpus, Stream output)
    {
        using var writer = new StreamWriter(output, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        writer.WriteLine(string.Join(',', Columns));
        foreach ((string trace, ComparisonReport report) in corpus.Traces.Where(t => t.Report is not null).Select(t => (t.Name, t.Report!)))
        {
            foreach (ComparisonRow row in report.Rows)
            {
                IEnumerable<ComparedFigure?> figures = row.Figures;
                if (row.Figures.Count == 0)
                    figures = [null];
                foreach (ComparedFigure? figure in figures)
                    WriteLine(writer, Fields(trace, report, row, figure));
            }
        }
        foreach (TraceResult trace in corpus.Traces.Where(t => t.Failure is not null))
            WriteLine(writer, [Literal(trace.Name), .. Enumerable.Repeat<string?>(null, Columns.Length - 2), Literal(trace.Failure!.Reason)]);
        if (corpus.Summary is { Traces.Count: > 1 } summary)
        {
            foreach (MeanRow row in summary.Rows)
                foreach (MeanFigure figure in row.Figures)
                    WriteLine(writer, Fields(row, figure));
        }
    }

    private static void WriteLine(StreamWriter writer, string?[] fields) => writer.WriteLine(string.Join(',', fields.Select(QueryOutput.CsvField)));

    private static string?[] Fields(MeanRow row, MeanFigure figure)
    {
        Metric? metric = Metric.Of(figure.Metric);
        PairedRatio? ratio = figure.Ratio;
        return
        [
            Mean, Literal(row.Name), Word<Role>(row.Role), figure.Metric, Word(metric?.Unit), Word(metric?.Better), null, null, null,
            Number(ratio?.Estimate), Number(ratio?.Low), Number(ratio?.High), Number(ratio?.Confidence), Number(ratio?.Pairs), Word(figure.Verdict),
            figure.Ratio is null ? Literal($"no ratio on {string.Join(", ", figure.Gaps.Select(g => g.Trace))}") : null,
        ];
    }

    private static string?[] Fields(string trace, ComparisonReport report, ComparisonRow row, ComparedFigure? figure)
    {
        Metric? metric = report.Metrics.FirstOrDefault(m => m.Name == figure?.Metric);
        PairedRatio? ratio = figure?.Ratio;
        return
        [
            Literal(trace), Literal(row.Allocator.Name), Word<Role>(row.Role), metric?.Name, Word(metric?.Unit), Word(metric?.Better),
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
