using System.Globalization;
using AllocReplay.Cli.Output;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Corpus;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>compare</c> prints of several traces: each in its turn, then the means over them.</summary>
internal static class CorpusPage
{
    /// <summary>One trace, as soon as it is compared.</summary>
    public static void Print(TraceResult result, ComparisonReport report, Terminal terminal)
    {
        ComparisonPage.Print(report, $"{result.Name}: {ComparisonPage.Extent(report)}", ComparisonPage.LabelsOf(report), terminal);
        terminal.Line("");
    }

    /// <summary>What there is to say of all together.</summary>
    public static void PrintSummary(CorpusReport corpus, Terminal terminal)
    {
        ShortLabels labels = LabelsOf(corpus);
        if (corpus.Summary is { Traces.Count: > 1 } summary)
        {
            terminal.Line(Title(corpus, summary));
            Means(summary, labels).Print(terminal);
        }
        foreach (string line in Lines(corpus, labels).Concat(GateLine.Of(corpus).Select(l => l.Text)).Concat(labels.Legend))
            terminal.Line(line);
    }

    /// <summary>What the runs were of one trace, on stderr.</summary>
    public static void Note(TraceResult result, ComparisonReport report, Terminal terminal)
    {
        foreach (string line in ComparisonPage.Runs(report).Concat(ComparisonPage.Remarks(report, ComparisonPage.LabelsOf(report))))
            terminal.Note($"{result.Name}: {line}");
    }

    internal static ShortLabels LabelsOf(CorpusReport corpus) =>
        new(corpus.Reports.SelectMany(r => r.Rows).Select(r => (r.Allocator.Name, r.Allocator.Configuration)));

    internal static string Title(CorpusReport corpus, CorpusSummary summary)
    {
        string but = corpus.Traces.Count == summary.Traces.Count ? "" : $" of the {Quantity.Count(corpus.Traces.Count)}";
        return $"Geometric means over {Quantity.Count(summary.Traces.Count)}{but} traces: of these alone, each counted once";
    }

    /// <summary>The means, and what is claimed of them.</summary>
    internal static Cells Means(CorpusSummary summary, ShortLabels labels)
    {
        Metric[] primary = [.. summary.Primary.Select(p => Metric.Of(p.Metric)!)];
        string[] Of(MeanRow row) => [row.Role == Role.Twin ? ComparisonPage.Again : labels[row.Name], .. primary.Select(m => Cell(row, m))];
        // The twin says something beside others alone.
        IEnumerable<MeanRow> rows = summary.Rows.Any(r => r.Role is Role.Compared or Role.Reference) ? summary.Rows.Where(r => r.Role != Role.Baseline) : [];
        return new([$"against {labels[summary.Rows[0].Name]}", .. primary.Select(ComparisonPage.Words)], [.. rows.Select(Of)], IsNumeric: false);
    }

    /// <summary>What the means could have shown, and the remarks: a line each.</summary>
    internal static IEnumerable<string> Lines(CorpusReport corpus, ShortLabels labels) =>
        (corpus.Summary is { Traces.Count: > 1 } summary ? ComparisonPage.Resolution(summary.Primary, labels[summary.Rows[0].Name]) : [])
            .Concat(Remarks(corpus, labels));

    /// <summary>What has no mean, what was not compared, and whether there was time enough: a line each.</summary>
    internal static IEnumerable<string> Remarks(CorpusReport corpus, ShortLabels labels) =>
    [
        .. corpus.Summary is { Traces.Count: > 1 } summary ? Gaps(summary, labels) : [],
        .. corpus.Traces.Where(t => t.Failure is not null).Select(Text),
        .. corpus.LeftOut.Select(Text),
        .. Shortage(corpus) is { } shortage ? (string[])[shortage] : [],
    ];

    internal static string Text(TraceResult result)
    {
        // Most messages of a trace begin with its name.
        string reason = result.Failure!.Reason, before = result.Trace + ": ";
        return $"{result.Name} not compared: {(reason.StartsWith(before, StringComparison.Ordinal) ? reason[before.Length..] : reason)}";
    }

    internal static string Text(LeftOut left) => $"Left out of {left.Where}: {left.What} ({left.Reason})";

    /// <summary>That the time was too short for intervals on each trace, and what it would have taken.</summary>
    internal static string? Shortage(CorpusReport corpus) => corpus.BudgetNeededSeconds is not { } needed ? null
        : $"Too few runs for verdicts{(corpus.Traces.Count > 1 ? " on each trace" : "")} in {Time(corpus.BudgetSeconds!.Value)}: "
            + $"--budget {Time(needed)} would be about enough, or fewer configurations, or fewer figures (--primary).";

    /// <summary>A time as <c>--budget</c> takes it, rounded up.</summary>
    internal static string Time(double seconds) =>
        seconds < 120 ? Whole(Math.Ceiling(seconds), "s") : seconds < 7200 ? Whole(Math.Ceiling(seconds / 60), "m") : Whole(Math.Ceiling(seconds / 3600), "h");

    private static string Whole(double number, string unit) => number.ToString("0", CultureInfo.InvariantCulture) + unit;

    private static string Cell(MeanRow row, Metric metric)
    {
        if (row[metric.Name] is not { Ratio: { } ratio } figure)
            return row[metric.Name]?.Gaps.Any(g => g.Reason is MeanGapReason.Failed or MeanGapReason.FirstFailed) == true ? "no mean" : ComparisonPage.NoFigure;
        return row.Role == Role.Twin ? ComparisonPage.Interval(ratio) : ComparisonPage.Claim(metric, ratio, figure.Verdict);
    }

    /// <summary>Which configurations have no mean, and on which traces they failed.</summary>
    private static IEnumerable<string> Gaps(CorpusSummary summary, ShortLabels labels)
    {
        MeanGap[] Of(MeanRow row, MeanGapReason reason) => [.. row.Figures.SelectMany(f => f.Gaps).Where(g => g.Reason == reason).Distinct()];
        foreach (MeanRow row in summary.Rows.Where(r => r.Role is Role.Compared or Role.Reference))
        {
            if (Of(row, MeanGapReason.Failed) is { Length: > 0 } failed)
                yield return $"{labels[row.Name]} has no mean: it failed on {string.Join(", ", failed.Select(g => g.Trace))}";
        }
        foreach (IGrouping<string, MeanFigure> of in summary.Rows.SelectMany(r => r.Figures).GroupBy(f => f.Metric))
        {
            string[] withheld = [.. of.SelectMany(f => f.Gaps).Where(g => g.Reason == MeanGapReason.Withheld).Select(g => g.Trace).Distinct()];
            if (withheld.Length > 0)
                yield return $"Verdicts on {ComparisonPage.Words(Metric.Of(of.Key)!)} are withheld, as they are on {string.Join(", ", withheld)}";
        }
        MeanGap[] first = [.. summary.Rows.SelectMany(r => Of(r, MeanGapReason.FirstFailed)).Distinct()];
        if (first.Length > 0)
        {
            yield return $"There are no means: {labels[summary.Rows[0].Name]}, which the others are compared with, failed on "
                + string.Join(", ", first.Select(g => g.Trace));
        }
    }
}
