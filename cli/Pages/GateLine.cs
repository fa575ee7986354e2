using AllocReplay.Cli.Output;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Corpus;
using AllocReplay.Replayer.Compare.Gate;

namespace AllocReplay.Cli.Pages;

/// <summary>What became of a condition, or of one on several traces, in the words that the terminal has.</summary>
/// <param name="Outcome">That.</param>
/// <param name="Text">A line.</param>
internal sealed record GateLine(GateOutcome Outcome, string Text)
{
    /// <summary>Whether it is a reason for the exit code of a failure.</summary>
    public bool IsFailure => Outcome is GateOutcome.Failed or GateOutcome.NoFigure;

    /// <summary>Of one trace, in the order of the conditions.</summary>
    public static IEnumerable<GateLine> Of(ComparisonReport report) => report.Gate.Select(f => new GateLine(f.Outcome, ComparisonPage.Text(f)));

    /// <summary>Of several: each condition that did not pass, with its trace; of those that passed, on how many.</summary>
    public static IEnumerable<GateLine> Of(CorpusReport corpus)
    {
        (string Trace, GateFinding Finding)[] all = [.. corpus.Traces.SelectMany(t => (t.Report?.Gate ?? []).Select(f => (t.Name, f)))];
        foreach ((string trace, GateFinding finding) in all.Where(f => f.Finding.Outcome != GateOutcome.Passed))
            yield return new GateLine(finding.Outcome, ComparisonPage.Text(finding, $" on {trace}"));
        foreach (IGrouping<string, (string Trace, GateFinding Finding)> of in all.GroupBy(f => f.Finding.Condition))
        {
            int passed = of.Count(f => f.Finding.Outcome == GateOutcome.Passed);
            string on = $"{Quantity.Count(passed)} of {Quantity.Count(of.Count(), "trace")}";
            if (passed > 0)
                yield return new GateLine(GateOutcome.Passed, $"passed on {on}: '{of.Key}' does not hold");
        }
    }

    /// <summary>Failures first, what passed last.</summary>
    public static IEnumerable<GateLine> Sorted(IEnumerable<GateLine> lines) =>
        lines.OrderBy(l => l.IsFailure ? 0 : l.Outcome == GateOutcome.Passed ? 2 : 1);
}
