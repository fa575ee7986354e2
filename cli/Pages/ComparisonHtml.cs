using System.Reflection;
using AllocReplay.Cli.Output;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Corpus;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>compare --html</c> writes: a page with charts, of one comparison or of several.</summary>
internal static class ComparisonHtml
{
    /// <summary>A page of this size, bytes, opens in a moment and goes by mail; longer curves are thinned until it fits.</summary>
    public const int SizeMax = 3_000_000;

    private const int SizeOfTemplateMax = 200_000;

    private const int PointsMax = 1024, PointsMin = 4;

    /// <exception cref="PageMissingException">This build has no pages.</exception>
    public static PageTemplate Template() => PageTemplate.Load("compare.html", typeof(ComparisonHtml).Assembly);

    /// <param name="template">The page.</param>
    /// <param name="corpus">Of one trace or several.</param>
    /// <param name="command">The command that made them, as one types it.</param>
    /// <param name="madeAt">When.</param>
    /// <param name="output">Where to.</param>
    public static void Write(PageTemplate template, CorpusReport corpus, string command, DateTimeOffset madeAt, Stream output)
    {
        var machine = MachineFacts.Read();
        string version = typeof(ComparisonHtml).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
        ComparisonReport[] reports = [.. corpus.Reports];
        string on = corpus.Traces.Count == 1 ? Path.GetFileName(Path.TrimEndingDirectorySeparator(reports[0].Trace)) : $"{reports.Length} traces";
        ShortLabels labels = CorpusPage.LabelsOf(corpus);
        byte[] data;
        int points = PointsMax;
        do
        {
            data = PageTemplate.Data(new Page(
                $"Allocators compared on {on}", command, madeAt, version, machine, [.. reports.Select(r => ComparisonData.Of(r, points))],
                [.. corpus.Traces.Where(t => t.Report is not null).Select(t => t.Name)], corpus.Traces.Count > 1 ? corpus.Summary : null,
                [.. labels.Shortened.Select(l => (string[])[l.Label, l.Brief])],
                corpus.Traces.Count > 1 ? [.. GateLine.Sorted(GateLine.Of(corpus))] : [],
                corpus.Traces.Count > 1 ? [.. CorpusPage.Remarks(corpus, labels)] : []));
            points /= 2;
        }
        while (data.Length > SizeMax - SizeOfTemplateMax && points >= PointsMin);
        template.Write(data, output);
    }

    /// <summary>What <c>web/compare/report.ts</c> reads.</summary>
    private sealed record Page(
        string Title, string Command, DateTimeOffset MadeAt, string ToolVersion, MachineFacts Machine, IReadOnlyList<ComparisonData> Reports,
        IReadOnlyList<string> Names, CorpusSummary? Summary, IReadOnlyList<string[]> Labels, IReadOnlyList<GateLine> Gate,
        IReadOnlyList<string> Remarks);
}
