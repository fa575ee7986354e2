using System.Globalization;
using AllocReplay.Cli.Output;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Gate;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>compare</c> prints: what is claimed, then the figures.</summary>
internal static class ComparisonPage
{
    /// <summary>Below this a run takes a few milliseconds at most, and its figures say little.</summary>
    public const int FewCalls = 10_000;

    internal const string NoFigure = "-", Again = "(itself, again)";

    public static void Print(ComparisonReport report, Terminal terminal)
    {
        ShortLabels labels = LabelsOf(report);
        Print(report, $"{report.Trace}: {Extent(report)}", labels, terminal);
        foreach (string line in report.Gate.Select(f => Text(f)).Concat(labels.Legend))
            terminal.Line(line);
    }

    /// <summary>Without what is told once of several.</summary>
    internal static void Print(ComparisonReport report, string title, ShortLabels labels, Terminal terminal)
    {
        terminal.Line(title);
        Verdicts(report, labels).Print(terminal);
        Figures(report, labels).Print(terminal);
        foreach (string line in Failures(report, labels).Concat(Resolution(report)))
            terminal.Line(line);
    }

    internal static ShortLabels LabelsOf(ComparisonReport report) => new(report.Rows.Select(r => (r.Allocator.Name, r.Allocator.Configuration)));

    /// <summary>How large a trace is.</summary>
    internal static string Extent(ComparisonReport report) =>
        $"{Quantity.Count(report.Calls, "call")}, {Quantity.Count(report.Threads, "thread")}, peak live {Quantity.Bytes(report.PeakLiveBytes)}"
        + (CarriedText.Of(report.Carried) is { } carried ? $", {carried}" : "");

    /// <summary>What there is to say of the figures, on stderr.</summary>
    public static void Note(ComparisonReport report, Terminal terminal)
    {
        foreach (string line in Runs(report).Concat(Releases([report])).Concat(Remarks(report, LabelsOf(report))))
            terminal.Note(line);
    }

    /// <summary>How many runs there were of each pass and why not more, a line each.</summary>
    internal static IEnumerable<string> Runs(ComparisonReport report) => report.Passes.Select(pass => $"{pass.Name}: {Text(pass)}");

    /// <summary>Releases of the allocators, a line each.</summary>
    internal static IEnumerable<string> Releases(IEnumerable<ComparisonReport> reports) =>
        reports.SelectMany(r => r.Rows).Select(r => r.Allocator).Where(a => a.Version.Length > 0).Select(Release).Distinct();

    /// <summary>What to know before the figures are believed, a line each.</summary>
    internal static IEnumerable<string> Remarks(ComparisonReport report, ShortLabels labels)
    {
        if (report.Calls < FewCalls)
            yield return $"Only {Quantity.Count(report.Calls, "call")}: what differs is mostly start-up and the touching of memory, not the allocators.";
        foreach (ComparisonRow row in report.Rows.Where(r => r.Role != Role.Twin && (r.FailedNow > 0 || r.Divergences > 0)))
        {
            yield return $"{labels[row.Allocator.Name]}: {Quantity.Count(row.FailedNow, "call")} failed now, "
                + $"{Quantity.Count(row.Divergences)} had another outcome.";
        }
        IEnumerable<ComparisonRow> judged = report.Rows.Where(r => r.Role != Role.Reference);
        string[] below = [.. judged.Where(r => r.OverheadGap > OverheadGap.NothingLive).Select(r => labels[r.Allocator.Name]).Distinct()];
        if (below.Length > 0)
        {
            yield return $"{string.Join(", ", below)}: less was resident than live, so memory is not judged: what is not touched takes none. "
                + "--touch full or --touch-calloc writes into more.";
        }
        foreach (ComparisonRow row in report.Rows.Where(r => r.Role != Role.Twin && r.Substituted.Count > 0))
            yield return $"{labels[row.Allocator.Name]} has no {string.Join(", ", row.Substituted)}; the nearest it has was called.";
        foreach (ComparisonRow row in report.Rows.Where(r => r.WaitsDominate && r.Role is (Role.Baseline or Role.Compared)))
        {
            yield return $"{labels[row.Allocator.Name]}: in more than half of the time every thread waited for another ({Quantity.Count(row.Waits, "wait")} "
                + "for blocks): its speed is that of the waits. A recording on fewer threads has less of them.";
        }
    }

    /// <summary>What is claimed of each configuration; without rows where there is only one.</summary>
    internal static Cells Verdicts(ComparisonReport report, ShortLabels labels)
    {
        Metric[] primary = [.. report.Primary.Select(p => Metric.Of(p.Metric)!)];
        List<string[]> rows = [.. report.Rows.Where(r => r.Role is Role.Compared or Role.Reference)
            .Select(row => (string[])[labels[row.Allocator.Name], .. primary.Select(m => Claim(row, m))])];
        if (rows.Count > 0 && report.Rows.FirstOrDefault(r => r.Role == Role.Twin) is { } twin)
            rows.Insert(0, [Again, .. primary.Select(m => twin[m]?.Ratio is { } ratio ? Interval(ratio) : NoFigure)]);
        return new([$"against {labels[report.Rows[0].Allocator.Name]}", .. primary.Select(Words)], rows, IsNumeric: false);
    }

    /// <summary>The figures of each configuration.</summary>
    internal static Cells Figures(ComparisonReport report, ShortLabels labels)
    {
        Metric[] shown = [.. report.Metrics.Where(m => m.Heading is not null)];
        return new(
            ["medians", .. shown.Select(m => m.Heading!), "overhead"],
            [.. report.Rows.Where(r => r.Role != Role.Twin).Select(row => (string[])[
                labels[row.Allocator.Name], .. shown.Select(m => row[m] is { } figure ? Text(m.Unit, figure.Spread.Median) : NoFigure),
                row.Overhead is { } overhead ? overhead.ToString("0.00", CultureInfo.InvariantCulture) + " ×" : NoFigure])],
            IsNumeric: true);
    }

    /// <summary>What failed, and what was wrong with blocks, a line each.</summary>
    internal static IEnumerable<string> Failures(ComparisonReport report, ShortLabels labels)
    {
        foreach (ComparisonRow row in report.Rows.Where(r => r.Role != Role.Twin))
        {
            if (row.Failure is { } failure)
            {
                // Reasons of a run name what they are of; here that stands before them.
                string own = row.Allocator.Name + ": ";
                string reason = failure.Reason.StartsWith(own, StringComparison.Ordinal) ? failure.Reason[own.Length..] : failure.Reason;
                yield return $"{labels[row.Allocator.Name]} failed (pass '{failure.Pass}'): {reason}";
            }
            foreach (WorkerFault fault in row.Faults)
                yield return $"{labels[row.Allocator.Name]}: {BlockFaultText.Of(fault)}";
        }
    }

    /// <summary>What these runs could have shown, a line each.</summary>
    internal static IEnumerable<string> Resolution(ComparisonReport report)
    {
        foreach (string line in Resolution(report.Primary, report.Rows[0].Allocator.Name))
            yield return line;
        if (report.IsInterrupted)
            yield return "Interrupted: this is what was finished.";
    }

    /// <param name="primary">What verdicts are given of.</param>
    /// <param name="first">The configuration that the others are compared with.</param>
    internal static IEnumerable<string> Resolution(IReadOnlyList<PrimaryFacts> primary, string first)
    {
        string[] shown = [.. primary.Where(p => p.Resolution is not null).Select(p => $"{Percent(p.Resolution!.Value)} {Words(Metric.Of(p.Metric)!)}")];
        if (shown.Length > 0)
            yield return $"Smallest difference that this could have shown: {string.Join(", ", shown)}.";
        string[] noise = [.. primary.Where(p => p.Noise is not null).Select(p => $"{Percent(p.Noise!.Value)} {Words(Metric.Of(p.Metric)!)}")];
        if (noise.Length > 0)
            yield return $"{first} against itself: within {string.Join(", ", noise)}.";
    }

    private static string Text(PassFacts pass)
    {
        if (pass.Blocks == 0)
            return "nothing could be run";
        string why = pass.Stop switch
        {
            Stop.Precision => "precise enough",
            Stop.Budget => "its time was spent",
            Stop.Interrupted => "interrupted",
            _ => "as many as it takes",
        };
        string loops = (pass.Turns, pass.Loops) switch
        {
            (1, 1) => "",
            (1, _) => $", {Quantity.Count(pass.Loops)} times through the trace in a run",
            (_, 1) => $", in {Quantity.Count(pass.Turns)} turns",
            _ => $", in {Quantity.Count(pass.Turns)} turns of {Quantity.Count(pass.Loops)} times through the trace",
        };
        return $"{Quantity.Count(pass.Blocks, "run")} of each in order {Replayer.ValueName.Of(pass.Order)}{loops}; {why}";
    }

    /// <summary>What became of a condition.</summary>
    /// <param name="finding">That.</param>
    /// <param name="on">The trace that it is of, with a word before it; empty where there is only one.</param>
    internal static string Text(GateFinding finding, string on = "")
    {
        string ratio = finding.Estimate is not { } estimate ? ""
            : finding is { Low: { } low, High: { } high }
            ? FormattableString.Invariant($"the left is {estimate:0.000} (95 %: {low:0.000}–{high:0.000}) × the right")
            : FormattableString.Invariant($"the left is {estimate:0.000} × the right, of too few runs for an interval ({GateFinding.RunsMin} are needed)");
        return finding.Outcome switch
        {
            GateOutcome.Failed => $"FAILED{on}: '{finding.Condition}' holds: {ratio}",
            GateOutcome.Inconclusive => $"inconclusive{on}, so no failure: '{finding.Condition}' may hold: {ratio}",
            GateOutcome.Passed => $"passed{on}: '{finding.Condition}' does not hold: {ratio}",
            GateOutcome.NoBaseline => $"not held against the baseline{on}: it does not have that trace",
            _ => $"FAILED{on}: '{finding.Condition}': there is no such figure in these runs",
        };
    }

    private static string Release(AllocatorFacts a) => $"{Path.GetFileName(a.Library)}: release {a.Version}{(a.Package.Length > 0 ? $" ({a.Package})" : "")}";

    internal static string Words(Metric metric) => metric.Name switch
    {
        "cpu" => "CPU time",
        "peak_rss" => "peak RSS",
        var name => name.Replace('_', ' '),
    };

    private static string Claim(ComparisonRow row, Metric metric)
    {
        if (row.Failure is not null)
            return "failed";
        if (row.Faults.Count > 0)
            return "withheld: wrong blocks";
        return row[metric] is { Ratio: { } ratio } figure ? Claim(metric, ratio, figure.Verdict) : NoFigure;
    }

    /// <summary>A ratio and what is claimed of it; its estimate alone where nothing is.</summary>
    internal static string Claim(Metric metric, PairedRatio ratio, Verdict? verdict)
    {
        if (verdict is null)
            return ratio.Estimate.ToString("0.00", CultureInfo.InvariantCulture);
        (string higher, string lower) = metric.Unit == MetricUnit.CallsPerSecond ? ("faster", "slower") : ("more", "less");
        return verdict switch
        {
            Verdict.Higher => $"{Interval(ratio)} {higher}",
            Verdict.Lower => $"{Interval(ratio)} {lower}",
            Verdict.Negligible => $"{Interval(ratio)} negligible",
            Verdict.TooFewRuns => string.Create(CultureInfo.InvariantCulture, $"{ratio.Estimate:0.00} too few runs"),
            Verdict.Withheld => "withheld",
            _ => $"{Interval(ratio)} no difference shown",
        };
    }

    internal static string Interval(PairedRatio ratio)
    {
        // As many digits as tell the ends apart.
        string digits = ratio.HalfWidth < 0.005 ? "0.000" : "0.00";
        return ratio is { Low: { } low, High: { } high }
            ? FormattableString.Invariant($"{Number(ratio.Estimate)} ({Number(low)}–{Number(high)})")
            : Number(ratio.Estimate);

        string Number(double value) => value.ToString(digits, CultureInfo.InvariantCulture);
    }

    private static string Text(MetricUnit unit, double figure) => unit switch
    {
        MetricUnit.CallsPerSecond => (figure * 1e-6).ToString("0.00", CultureInfo.InvariantCulture),
        MetricUnit.Bytes => Quantity.Bytes(figure),
        MetricUnit.Count => Quantity.Count((long)figure),
        MetricUnit.Nanoseconds => Quantity.Duration(figure),
        _ => figure.ToString("0.0", CultureInfo.InvariantCulture),
    };

    internal static string Percent(double share) => (share * 100).ToString("0.0", CultureInfo.InvariantCulture) + " %";
}
