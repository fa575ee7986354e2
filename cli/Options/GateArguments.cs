using System.CommandLine;
using System.Globalization;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Gate;

namespace AllocReplay.Cli.Options;

/// <summary>What is to fail a comparison: conditions, and an earlier one that it is held against.</summary>
internal sealed class GateArguments
{
    private readonly Option<string[]> _failIf = new("--fail-if")
    {
        Description = "Exit with 1 where this holds beyond noise, such as 'jemalloc.p99 > 1.1 * glibc.p99' or 'mine.peak_rss > 500MiB'. May be given often; of "
            + "several traces, on any.",
        HelpName = "condition",
    };

    private readonly Option<string?> _baseline = new("--baseline")
    {
        Description = "Exit with 1 where a primary figure is worse than in this file, which compare --json wrote, by more than --max-regression.",
        HelpName = "file",
    };

    private readonly Option<string?> _maxRegression = new("--max-regression")
    {
        Description = "How much worse than --baseline a figure may be. Default: 5%.",
        HelpName = "percent",
    };

    public void AddTo(Command command)
    {
        command.Add(_failIf);
        command.Add(_baseline);
        command.Add(_maxRegression);
    }

    /// <summary>What was asked for.</summary>
    /// <exception cref="UsageException">It makes no sense.</exception>
    public Gate Of(ParseResult parse)
    {
        string? baseline = parse.GetValue(_baseline), maxRegression = parse.GetValue(_maxRegression);
        if (baseline is null && maxRegression is not null)
            throw new UsageException($"--max-regression {maxRegression}: name what it is held against, with --baseline");
        return new Gate(
            [.. (parse.GetValue(_failIf) ?? []).Select(Condition.Parse)],
            baseline is null ? null : EarlierReport.Read(baseline),
            maxRegression is null ? 0.05 : ParsePercent("--max-regression", maxRegression));
    }

    /// <summary>A percentage as people write it: 1%, 0.5 %, 5.</summary>
    /// <param name="option">The option's name, for the error.</param>
    /// <param name="text">What was given.</param>
    /// <param name="below">It is above 0, and below this.</param>
    /// <exception cref="UsageException">It is not.</exception>
    public static double ParsePercent(string option, string text, double below = 100) =>
        double.TryParse(
            (text.EndsWith('%') ? text.AsSpan(0, text.Length - 1) : text).TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
            out double percent)
            && percent > 0 && percent < below
            ? percent / 100
            : throw new UsageException(FormattableString.Invariant($"{option} {text}: expected a percentage above 0 and below {below}, such as 1% or 0.5%"));

    /// <param name="Conditions">Each fails it by itself.</param>
    /// <param name="Baseline">What it is held against, or null.</param>
    /// <param name="MaxRegression">What may be worse than that, such as 0.05.</param>
    internal sealed record Gate(IReadOnlyList<Condition> Conditions, EarlierReport? Baseline, double MaxRegression)
    {
        public ComparisonReport Check(ComparisonReport report) => With(report, Baseline?.Check(report, MaxRegression));

        /// <summary>Of one of several traces: each condition is to hold on none, and what it is held against is the baseline's trace of that name.</summary>
        public ComparisonReport CheckOne(string trace, ComparisonReport report) => With(report, Baseline?.CheckOne(trace, report, MaxRegression));

        private ComparisonReport With(ComparisonReport report, IReadOnlyList<GateFinding>? held) =>
            report with { Gate = [.. Conditions.Select(c => c.Check(report)), .. held ?? []] };
    }
}
