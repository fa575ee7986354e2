using System.Globalization;
using AllocReplay.Analyzer.Report;
using AllocReplay.Cli.Output;
using Spectre.Console;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>report</c> prints: what matters most of the page that it has written, and how to go on.</summary>
internal static class ReportPage
{
    private const int SuspectsShown = 5;

    /// <param name="report">What is on the page.</param>
    /// <param name="page">Its file.</param>
    /// <param name="dataset">The dataset that it was made of; null where that is gone.</param>
    /// <param name="isDataAlone">Standard output takes no more.</param>
    /// <param name="terminal">Where to.</param>
    public static void Say(TraceReport report, string page, string? dataset, bool isDataAlone, Terminal terminal)
    {
        if (!isDataAlone)
            terminal.Write(FactsOf(report));
        terminal.Note($"allocreplay: wrote {page} ({Quantity.Bytes(new FileInfo(page).Length)})");
        string open = $"open {TextLine.Quote(page)} in a browser";
        string view = report.Summary.Stacks ? "leak_suspects" : "size_histogram";
        terminal.Next(dataset is null ? [open] : [open, TextLine.Command("query", dataset, "--view", view)]);
    }

    private static Grid FactsOf(TraceReport report)
    {
        ReportSummary summary = report.Summary;
        Grid facts = Terminal.NewFacts();
        facts.Add("calls", $"{Quantity.Count(summary.Calls)}  on {Quantity.Count(summary.Threads, "thread")} in {Quantity.Duration(summary.DurationNs)}");
        if (summary is { PeakLiveBytes: { } peak, PeakLiveNs: { } at })
            facts.Add("peak live", $"{Quantity.Bytes(peak)}  at {Quantity.Duration(at)}");
        facts.Add("live at end", $"{Quantity.Bytes(summary.OutstandingBytes)}  in {Quantity.Count(summary.OutstandingBlocks, "block")}");
        if (report.Against is { } against)
        {
            facts.Add("against", TextLine.Plain(against.A.Path));
            facts.Add("", $"peak live {Change(against.A.PeakLiveBytes, against.B.PeakLiveBytes)}, live at end "
                + Change(against.A.OutstandingBytes, against.B.OutstandingBytes));
        }
        if (report.Suspects is not { } suspects)
        {
            facts.Add("leak suspects", "not known: record with --stacks auto");
            return facts;
        }
        string[] names = [.. suspects.Rows.Select(r => PlaceOf(suspects, r))];
        facts.Add("leak suspects", names.Length == 0 ? "none" : Quantity.Count(names.Length + suspects.Others));
        foreach (string name in names.Take(SuspectsShown))
            facts.Add("", name);
        if (names.Length + suspects.Others > SuspectsShown)
            facts.Add("", $"and {Quantity.Count(names.Length + suspects.Others - SuspectsShown)} more");
        return facts;
    }

    private static string Change(long? a, long? b) => b - a is { } change ? $"{(change < 0 ? "" : "+")}{Quantity.Bytes(change)}" : "not known";

    private static string PlaceOf(SuspectTable suspects, IReadOnlyList<object?> row)
    {
        return SitePlace.Of(Text("function"), Text("file"), Convert.ToInt32(Of("line") ?? 0, CultureInfo.InvariantCulture), Text("text"));

        string Text(string column) => Of(column) as string ?? "";

        object? Of(string column)
        {
            int place = suspects.Columns.ToList().IndexOf(column);
            return place < 0 ? null : row[place];
        }
    }
}
