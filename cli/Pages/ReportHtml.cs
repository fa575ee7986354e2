using System.Reflection;
using AllocReplay.Analyzer.Report;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>report</c> writes: a page with charts, of one process image.</summary>
internal static class ReportHtml
{
    /// <summary>A page is no larger, bytes, whatever the trace: it goes by mail and opens at once.</summary>
    public const int SizeMax = 5_000_000;

    private const int SizeOfTemplateMax = 250_000;

    /// <summary>Small enough to keep much of what there is room for; so large that a few steps do.</summary>
    private const double ShareStep = 1.25;

    /// <exception cref="PageMissingException">This build has no pages.</exception>
    public static PageTemplate Template() => PageTemplate.Load("report.html", typeof(ReportHtml).Assembly);

    /// <summary>A report that a page has room for: functions with too small a share of it are put together until it fits.</summary>
    /// <param name="report">As it was read.</param>
    public static TraceReport Fitting(TraceReport report)
    {
        while (PageTemplate.Data(report).Length > SizeMax - SizeOfTemplateMax && report.MergedNow is { } share and < 1)
            report = report.Merged(share * ShareStep);
        return report;
    }

    /// <param name="template">The page.</param>
    /// <param name="report">What it shows, as <see cref="Fitting"/> gives it.</param>
    /// <param name="source">What it was made of, as the user named it.</param>
    /// <param name="command">The command that made it, as one types it.</param>
    /// <param name="madeAt">When.</param>
    /// <param name="output">Where to.</param>
    public static void Write(PageTemplate template, TraceReport report, string source, string command, DateTimeOffset madeAt, Stream output)
    {
        string version = typeof(ReportHtml).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
        template.Write(PageTemplate.Data(new Page(source, command, madeAt, version, report)), output);
    }

    /// <summary>What <c>web/report/report.ts</c> reads: <c>report</c> is what <c>--json</c> prints.</summary>
    private sealed record Page(string Source, string Command, DateTimeOffset MadeAt, string ToolVersion, TraceReport Report);
}
