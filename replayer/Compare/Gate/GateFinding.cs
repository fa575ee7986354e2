namespace AllocReplay.Replayer.Compare.Gate;

/// <summary>What a gate found.</summary>
public enum GateOutcome
{
    /// <summary>What was not to be is not.</summary>
    Passed,
    /// <summary>It is by the estimate, and noise alone could be the reason: no failure.</summary>
    Inconclusive,
    /// <summary>There is no such figure, as its runs failed or it is 0: a failure, since nobody can tell.</summary>
    NoFigure,
    /// <summary>It is, and the whole interval says so.</summary>
    Failed,
    /// <summary>The baseline does not have the trace: there is nothing that it could be held against, which is no failure.</summary>
    NoBaseline,
}

/// <summary>One condition of a gate, and what became of it.</summary>
/// <param name="Condition">As it was written, or what a baseline makes of it.</param>
/// <param name="Outcome">What was found.</param>
/// <param name="Estimate">The left side ÷ the right side; null without figures.</param>
/// <param name="Low">Lower end of its 95 % interval; null where the runs are too few for one.</param>
/// <param name="High">Upper end.</param>
public sealed record GateFinding(string Condition, GateOutcome Outcome, double? Estimate, double? Low, double? High)
{
    /// <summary>Runs that an interval takes.</summary>
    public static int RunsMin { get; } = SignedRank.PairsFor(1 - Gate.Condition.Confidence);

    /// <summary>What is to be made of a ratio that fails above 1.</summary>
    /// <param name="condition">As it was written.</param>
    /// <param name="rank">The logarithm of the ratio.</param>
    /// <param name="failsAbove">Whether it fails above 1; else below.</param>
    internal static GateFinding Of(string condition, SignedRank rank, bool failsAbove)
    {
        bool holds = failsAbove ? rank.Middle > 0 : rank.Middle < 0;
        bool isSure = rank.HasInterval && (failsAbove ? rank.Low > 0 : rank.High < 0);
        GateOutcome outcome = isSure ? GateOutcome.Failed : holds ? GateOutcome.Inconclusive : GateOutcome.Passed;
        return new GateFinding(
            condition, outcome, Math.Exp(rank.Middle), rank.HasInterval ? Math.Exp(rank.Low) : null, rank.HasInterval ? Math.Exp(rank.High) : null);
    }

    internal static GateFinding WithoutBaseline(string trace) => new($"{trace} as in the baseline", GateOutcome.NoBaseline, null, null, null);

    internal static GateFinding Without(string condition) => new(condition, GateOutcome.NoFigure, null, null, null);
}
