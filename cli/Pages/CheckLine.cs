using System.Globalization;
using AllocReplay.Analyzer.Check;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Pages;

/// <summary>What a check found, in the words that every output of it has.</summary>
internal static class CheckLine
{
    /// <summary>Growth over less time is told in bytes a minute all the same, with a warning.</summary>
    private const long ShortGrowthNs = 1_000_000_000;

    /// <summary>The option that a condition is.</summary>
    public static string OptionOf(CheckCondition condition) => condition switch
    {
        CheckCondition.MaxPeak => "max-peak",
        CheckCondition.MaxOutstanding => "max-outstanding",
        CheckCondition.MaxOutstandingPerSite => "max-outstanding-per-site",
        CheckCondition.MaxGrowth => "max-growth",
        _ => "baseline",
    };

    /// <summary>What a process image is called: with its host, where there are several.</summary>
    public static string NameOf(CheckReport report, string host, string process) =>
        report.Processes.Any(p => p.Host != host) ? $"{host}/{process}" : process;

    /// <summary>A finding on one line: what, how much, the limit, where.</summary>
    /// <param name="f">The finding.</param>
    /// <param name="name">What its process image is called.</param>
    public static string Of(CheckFinding f, string name)
    {
        // What is just beyond a limit reads like it, when it is rounded.
        bool looksEqual = Amount(f.Figure, f.Value) == Amount(f.Figure, f.Limit);
        string exact = looksEqual ? $", {Quantity.Count(f.Value)} of {Quantity.Count(f.Limit)} B{PerMinute(f.Figure)}" : "";
        string than = f.Baseline is not { } before ? $"limit {Amount(f.Figure, f.Limit)}{exact}"
            : f.IsNew ? "the baseline has no such site"
            : string.Create(CultureInfo.InvariantCulture, $"baseline {Amount(f.Figure, before)}{Change(f.Value, before)}, limit {Amount(f.Figure, f.Limit)}");
        string place = f.Place is not { } at ? ""
            : f.IsOfSite ? $" at {Place(at)}"
            : $"; most of it, {Amount(f.Figure, at.Bytes, isShare: true)}, at {Place(at)}";
        string uncertain = f.UncertainBytes == 0 ? "" : $"; {Quantity.Bytes(f.UncertainBytes)} of it uncertain";
        return $"{name}: {(f.IsNew ? "new site: " : "")}{Word(f.Figure)} {Amount(f.Figure, f.Value)} ({than}){place}{uncertain}";
    }

    /// <summary>What was looked at, where all is well.</summary>
    public static string Passed(CheckReport report)
    {
        string images = Quantity.Count(report.Processes.Count, "process image");
        long outstanding = report.Processes.Sum(p => Math.Min(p.OutstandingBytes, long.MaxValue / report.Processes.Count));
        string peak = report.Processes.Max(p => p.PeakBytes) is { } most ? $", peak {Quantity.Bytes(most)}" : "";
        return $"passed: {images}{peak}, outstanding {Quantity.Bytes(outstanding)}";
    }

    /// <summary>Suppressions that took something out, and those that match nothing, which may be out of date.</summary>
    public static string? Suppressions(CheckReport report)
    {
        if (report.Suppressions.Count == 0)
            return null;
        SuppressionUse[] unused = [.. report.Suppressions.Where(s => !s.IsUsed)];
        string named = unused.Length == 0 ? "" : $": {string.Join(", ", unused.Take(5).Select(s => $"leak:{s.Pattern}"))}{(unused.Length > 5 ? ", …" : "")}";
        return $"suppressed: {Quantity.Bytes(report.Suppressions.Sum(s => (double)s.Bytes))} in "
            + $"{Quantity.Count(report.Suppressions.Sum(s => s.Blocks), "block")}; "
            + $"{unused.Length} of {Quantity.Count(report.Suppressions.Count, "suppression")} unused{named}";
    }

    /// <summary>What makes the figures of a process image less than they were.</summary>
    public static IEnumerable<string> Warnings(CheckReport report, bool hasBaseline)
    {
        foreach (CheckedProcess p in report.Processes)
        {
            string name = NameOf(report, p.Host, p.Process);
            if (p.EventsLost > 0)
                yield return $"{name}: {Quantity.Count(p.EventsLost, "call")} lost: blocks may look outstanding that are not, or be missing";
            if (p.UncertainBlocks > 0)
            {
                yield return $"{name}: {Quantity.Count(p.UncertainBlocks, "outstanding block")} of {Quantity.Bytes(p.UncertainBytes)} may have been freed "
                    + "unseen, when calls were lost or recording was stopped: not certain leaks";
            }
            if (p.WindowFromNs > 0)
            {
                yield return $"{name}: whole from {Quantity.Duration(p.WindowFromNs)} on: what is outstanding is of the whole run, its peak and what was "
                    + "allocated are of the time since";
            }
            if (p.GrowthOverNs < ShortGrowthNs)
            {
                yield return $"{name}: growth was measured over {Quantity.Duration(p.GrowthOverNs.Value)} alone, which says little of a minute: "
                    + "record for longer";
            }
            if (p.IsPart)
                yield return $"{name}: a part of the trace was judged: what was acquired before it is not counted, and what was freed after it looks live";
            if (p.Damage.Length > 0)
                yield return $"{name}: the trace is damaged, what could be read was judged: {p.Damage}";
            if (!p.HasStacks && (report.Suppressions.Count > 0 || hasBaseline))
                yield return $"{name} has no call stacks: {(report.Suppressions.Count > 0 ? "no suppression matches" : "sites are not compared")}";
            if (hasBaseline && p.BaselineProcess is null)
                yield return $"{name} ({p.Program}) is not in the baseline: it was not held against it";
        }
    }

    /// <summary>Function, file and line.</summary>
    public static string Place(CheckPlace at) => SitePlace.Of(at.Function, at.File, at.Line);

    private static string Word(CheckFigure figure) => figure switch
    {
        CheckFigure.Peak => "peak",
        CheckFigure.Outstanding => "outstanding",
        CheckFigure.Allocated => "allocated",
        _ => "growth",
    };

    private static string Amount(CheckFigure figure, long value, bool isShare = false) =>
        Quantity.Bytes(value) + (isShare ? "" : PerMinute(figure));

    private static string PerMinute(CheckFigure figure) => figure == CheckFigure.Growth ? "/min" : "";

    private static string Change(long now, long before) =>
        before <= 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", {(now - (double)before) / before * 100:+0.0;-0.0} %");
}
