using System.Globalization;
using AllocReplay.Analyzer.Diff;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Pages;

/// <summary>The sites of a comparison as CSV, a line each, with text as it was recorded. An empty median is that of a site of which less than half was
/// released.</summary>
internal static class DiffCsv
{
    private static readonly string[] Columns =
    [
        "match", "function", "file", "line", "a_outstanding_bytes", "b_outstanding_bytes", "a_outstanding_blocks", "b_outstanding_blocks",
        "a_peak_live_bytes", "b_peak_live_bytes", "a_bytes", "b_bytes", "a_blocks", "b_blocks", "a_median_lifetime_ns", "b_median_lifetime_ns", "text", "site",
        "site_of_a",
    ];

    public static void Write(IEnumerable<SiteDiff> sites, TextWriter output)
    {
        output.Write(string.Join(',', Columns) + "\n");
        foreach (SiteDiff s in sites)
            output.Write(string.Join(',', Row(s)) + "\n");
    }

    private static string[] Row(SiteDiff s) =>
    [
        DiffPage.Word(s.Match), QueryOutput.CsvField(s.Site.Function), QueryOutput.CsvField(s.Site.File), Number(s.Site.Line),
        .. new Func<SiteFigures, long?>[]
        {
            f => f.OutstandingBytes, f => f.OutstandingBlocks, f => f.PeakLiveBytes, f => f.Bytes, f => f.Blocks, f => f.MedianLifetimeNs,
        }.SelectMany(figure => new[] { Number(figure(s.A)), Number(figure(s.B)) }),
        QueryOutput.CsvField(s.Site.Text), Number(s.Site.Site), Number(s.SiteOfA),
    ];

    private static string Number(long? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "";
}
