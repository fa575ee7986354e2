using System.Globalization;
using AllocReplay.Analyzer.Diff;
using AllocReplay.Cli.Output;
using Spectre.Console;

namespace AllocReplay.Cli.Pages;

/// <summary>Two sides for people: the totals, then the sites that differ.</summary>
internal static class DiffPage
{
    public static void Print(DiffReport report, int limit, bool isDefault, Terminal terminal)
    {
        terminal.Line($"A  {Name(report.A)}");
        terminal.Line($"B  {Name(report.B)}");
        Table totals = Terminal.NewTable(("", Justify.Left), ("A", Justify.Right), ("B", Justify.Right), ("change", Justify.Right));
        foreach ((string what, double? a, double? b, bool isBytes) in new (string, double?, double?, bool)[]
        {
            ("outstanding", report.A.OutstandingBytes, report.B.OutstandingBytes, true),
            ("in blocks", report.A.OutstandingBlocks, report.B.OutstandingBlocks, false),
            ("peak live", report.A.PeakLiveBytes, report.B.PeakLiveBytes, true),
            ("acquired", report.A.Bytes, report.B.Bytes, true),
            ("in blocks", report.A.Blocks, report.B.Blocks, false),
        })
            totals.Add(what, Amount(a, isBytes), Amount(b, isBytes), Change(a, b));
        terminal.Write(totals, terminal.Width);
        SiteDiff[] differ = [.. report.Sites.Where(s => s.A != s.B)];
        if (differ.Length == 0)
        {
            terminal.Line("No site differs.");
            return;
        }
        (string, Justify)[] columns =
        [
            ("outstanding", Justify.Right), ("Δ", Justify.Right), ("Δ peak", Justify.Right), ("Δ bytes", Justify.Right), ("Δ blocks", Justify.Right),
            ("median life", Justify.Right), ("site", Justify.Left),
        ];
        terminal.WriteWide(FittedTable.Of(columns, [.. differ.Take(limit).Select(Row)], terminal.Width));
        if (differ.Length > limit && isDefault)
            terminal.Note(
                $"Only the first {limit} of {Quantity.Count(differ.Length, "site")} that differ are shown; --limit N shows more, --csv and --json all.");
    }

    /// <summary>What the match of a site is called.</summary>
    public static string Word(SiteMatch match) => match switch
    {
        SiteMatch.Same => "same",
        SiteMatch.Inlined => "inlined",
        SiteMatch.Contained => "contained",
        SiteMatch.Function => "function",
        SiteMatch.OnlyA => "gone",
        _ => "new",
    };

    private static string[] Row(SiteDiff s) =>
    [
        Quantity.Bytes(s.B.OutstandingBytes), Signed(s.B.OutstandingBytes - s.A.OutstandingBytes, true), Signed(s.B.PeakLiveBytes - s.A.PeakLiveBytes, true),
        Signed(s.B.Bytes - s.A.Bytes, true), Signed(s.B.Blocks - s.A.Blocks, false),
        s.A.MedianLifetimeNs == s.B.MedianLifetimeNs && s.A.Blocks > 0 && s.B.Blocks > 0 ? Life(s.B) : $"{Life(s.A)} → {Life(s.B)}",
        s.Match == SiteMatch.Same ? Place(s.Site) : $"{Word(s.Match)}: {Place(s.Site)}",
    ];

    private static string Place(SiteIdentity site) => SitePlace.Of(site.Function, site.File, site.Line, site.Text);

    private static string Life(SiteFigures f) => f.Blocks == 0 ? "-" : f.MedianLifetimeNs is { } ns ? Quantity.Duration(ns) : "∞";

    private static string Name(DiffSide side)
    {
        string stretch = (side.FromNs, side.ToNs) switch
        {
            (0, null) => "",
            (0, { } to) => $", until {Quantity.Duration(to)}",
            ({ } from, null) => $", from {Quantity.Duration(from)}",
            var (from, to) => $", {Quantity.Duration(from)} to {Quantity.Duration(to.Value)}",
        };
        return $"{side.Path} {side.Process}{(side.Program.Length > 0 ? $" ({side.Program})" : "")}{stretch}";
    }

    private static string Amount(double? value, bool isBytes) => value is not { } v ? "-" : isBytes ? Quantity.Bytes(v) : Quantity.Count((long)v);

    private static string Signed(double value, bool isBytes) => value == 0 ? "0" : (value > 0 ? "+" : "") + Amount(value, isBytes);

    private static string Change(double? a, double? b) => a is > 0 && b is not null
        ? string.Create(CultureInfo.InvariantCulture, $"{(b.Value - a.Value) / a.Value * 100:+0.0;-0.0;0.0} %")
        : "-";
}
