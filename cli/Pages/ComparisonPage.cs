using System.Globalization;
using AllocReplay.Cli.Output;
using AllocReplay.Replayer.Compare;
using Spectre.Console;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>compare</c> prints: a column for each metric that has a heading.</summary>
internal static class ComparisonPage
{
    /// <summary>Below this a run takes a few milliseconds at most, and its figures say little.</summary>
    private const int FewCalls = 100_000;

    private const string NoFigure = "-";

    public static void Print(ComparisonReport report, Terminal terminal)
    {
        terminal.Line(
            $"{Quantity.Count(report.Calls, "call")}, {Quantity.Count(report.Threads, "thread")}, peak live {Quantity.Bytes(report.PeakLiveBytes)}");
        Metric[] shown = [.. report.Metrics.Where(m => m.Heading is not null)];
        Table table = Terminal.NewTable(
            [("allocator", Justify.Left), .. shown.Select(m => (m.Heading!, Justify.Right)), ("overhead", Justify.Right)]);
        foreach (ComparisonRow row in report.Rows)
        {
            table.Add([
                row.Allocator.Name, .. shown.Select(m => row[m] is { } figure ? Text(m.Unit, figure) : NoFigure),
                row.Overhead is { } overhead ? overhead.ToString("0.00", CultureInfo.InvariantCulture) + " ×" : NoFigure]);
        }
        terminal.Write(table);
        if (report.Rows.Count < 2)
            return;
        Metric[] compared = [.. report.Metrics.Where(m => m.RatioHeading is not null)];
        Table ratios = Terminal.NewTable(
            [($"against {report.Rows[0].Allocator.Name}", Justify.Left), .. compared.Select(m => (m.RatioHeading!, Justify.Left))]);
        foreach (ComparisonRow row in report.Rows.Skip(1))
            ratios.Add([row.Allocator.Name, .. compared.Select(m => Text(m.Unit, row.RatioOf(m)))]);
        terminal.Write(ratios);
    }

    /// <summary>What there is to say of the figures, on stderr.</summary>
    /// <param name="report">The figures.</param>
    /// <param name="trace">The trace, as the words that one would type.</param>
    /// <param name="terminal">Where it is said.</param>
    public static void Note(ComparisonReport report, IReadOnlyList<string> trace, Terminal terminal)
    {
        terminal.Note($"{report.Runs} runs each after one to warm up, order shuffled by --seed {report.Seed}; ± is half of max − min;");
        terminal.Note(report.Runs < PairedStatistics.PairsForAVerdict
            ? $"fewer than {PairedStatistics.PairsForAVerdict} runs: ratios without a verdict." : "ratios with 95 % intervals.");
        string[] releases = [.. report.Rows.Select(r => r.Allocator).Where(a => a.Version.Length > 0).Select(Release).Distinct()];
        foreach (string release in releases)
            terminal.Note(release);
        if (report.Calls < FewCalls)
            terminal.Note($"Only {Quantity.Count(report.Calls, "call")}: what differs is mostly start-up and the touching of memory, not the allocators.");
        foreach (ComparisonRow row in report.Rows.Where(r => r.FailedNow > 0 || r.Divergences > 0))
        {
            terminal.Note($"{row.Allocator.Name}: {Quantity.Count(row.FailedNow, "call")} failed now, "
                + $"{Quantity.Count(row.Divergences)} had another outcome.");
        }
        foreach (ComparisonRow row in report.Rows.Where(r => r.Substituted.Count > 0))
            terminal.Note($"{row.Allocator.Name} has no {string.Join(", ", row.Substituted)}; the nearest it has was called.");
        terminal.Next(TextLine.Command(["replay", .. trace, "--allocator", "NAME"]));
    }

    private static string Release(AllocatorFacts a) => $"{Path.GetFileName(a.Library)}: release {a.Version}{(a.Package.Length > 0 ? $" ({a.Package})" : "")}";

    private static string Text(MetricUnit unit, Spread figure) => unit switch
    {
        MetricUnit.CallsPerSecond => WithSpread(figure, 1e-6),
        MetricUnit.Bytes => Quantity.Bytes(figure.Median),
        MetricUnit.Count => Quantity.Count((long)figure.Median),
        _ => WithSpread(figure, 1),
    };

    private static string WithSpread(Spread spread, double scale) =>
        string.Create(CultureInfo.InvariantCulture, $"{spread.Median * scale:0.00} ± {(spread.Max - spread.Min) / 2 * scale:0.00}");

    private static string Text(MetricUnit unit, PairedRatio? ratio)
    {
        if (ratio is not { } r)
            return NoFigure;
        (string higher, string lower) = unit == MetricUnit.CallsPerSecond ? ("faster", "slower") : ("more", "less");
        string verdict = r.Verdict switch
        {
            Verdict.Higher => $" {higher}",
            Verdict.Lower => $" {lower}",
            Verdict.NoDifferenceShown => " no difference shown",
            _ => "",
        };
        return string.Create(CultureInfo.InvariantCulture, $"{r.Median:0.00} ({r.Low:0.00}–{r.High:0.00}){verdict}");
    }
}
