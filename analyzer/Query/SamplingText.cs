using AllocReplay.Formats;

namespace AllocReplay.Analyzer.Query;

/// <summary>A sample as the table <c>process</c> has it: <c>sample</c> and <c>sample_scheme</c>.</summary>
internal static class SamplingText
{
    /// <summary>The name of the scheme; empty where all blocks were recorded.</summary>
    public static string SchemeOf(Sampling sampling) => sampling.IsSample ? sampling.Scheme.ToString().ToLowerInvariant() : "";

    /// <summary>What the two columns say; of a dataset that is too old to have a scheme, or has one that nobody knows, by addresses.</summary>
    public static Sampling Parse(long sample, string scheme) =>
        new(Enum.TryParse(scheme, ignoreCase: true, out SampleScheme known) ? known : SampleScheme.Addresses, (uint)Math.Clamp(sample, 1, uint.MaxValue));
}
