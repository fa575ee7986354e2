using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Cli.Output;

/// <summary>A sample, and what is estimated by it, in words.</summary>
internal static class SampleText
{
    /// <summary>Which blocks it has: <c>1 block in 100</c>.</summary>
    public static string Of(Sampling sampling) => sampling.Scheme switch
    {
        SampleScheme.Blocks => $"1 block in {Quantity.Count(sampling.Mean)}",
        SampleScheme.Bytes => $"1 block for each {Quantity.Bytes(sampling.Mean)} requested",
        _ => $"1 address in {Quantity.Count(sampling.Mean)}",
    };

    /// <summary>What to think of figures that are of the sample alone.</summary>
    public static string FiguresAreOfThose(Sampling sampling) => $"{Of(sampling)} was recorded: the figures are of those";

    /// <summary>A number of things with its standard error.</summary>
    public static string Count(EstimatedTotal total) => $"≈ {Number(total.Estimate)}{(total.StandardError is { } error ? $" ± {Number(error)}" : "")}";

    /// <summary>Bytes with their standard error.</summary>
    public static string Bytes(EstimatedTotal total) =>
        $"≈ {Quantity.Bytes(ToInt64(total.Estimate))}{(total.StandardError is { } error ? $" ± {Quantity.Bytes(ToInt64(error))}" : "")}";

    private static string Number(double value) => Quantity.Count(ToInt64(value));

    private static long ToInt64(double value) => value >= long.MaxValue ? long.MaxValue : (long)Math.Round(value);
}
