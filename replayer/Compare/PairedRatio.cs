using System.Text.Json.Serialization;

namespace AllocReplay.Replayer.Compare;

/// <summary>A figure of one configuration relative to another's, run by run in the same blocks.</summary>
/// <param name="Estimate">Where the ratio lies (Hodges and Lehmann, of its logarithms).</param>
/// <param name="Low">Lower end of the interval; null where the pairs are too few for one.</param>
/// <param name="High">Upper end; null where they are too few.</param>
/// <param name="Confidence">How often such an interval holds the truth: 0.95, or more where several claims are to hold at once.</param>
/// <param name="Pairs">Runs of each.</param>
public sealed record PairedRatio(double Estimate, double? Low, double? High, double Confidence, int Pairs)
{
    /// <summary>Half of the interval's width, relative to 1; infinite where there is no interval.</summary>
    [JsonIgnore]
    public double HalfWidth => Low is { } low && High is { } high ? (high - low) / 2 : double.PositiveInfinity;

    /// <summary>The least change up or down that would have put 1 outside this interval; null where there is none.</summary>
    internal double? Resolution => Low is { } low && High is { } high ? Math.Max(Estimate / low, high / Estimate) - 1 : null;
}

/// <summary>What a comparison claims of a figure.</summary>
public enum Verdict
{
    /// <summary>The pairs are too few for an interval.</summary>
    TooFewRuns,
    /// <summary>The interval holds 1: these runs show no difference.</summary>
    NoDifferenceShown,
    /// <summary>There is a difference, and it is below what matters.</summary>
    Negligible,
    Higher,
    Lower,
    /// <summary>The runs say nothing of the allocator: see the reason of the row.</summary>
    Withheld,
}
