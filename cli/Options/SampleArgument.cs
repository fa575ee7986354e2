using System.Globalization;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;

namespace AllocReplay.Cli.Options;

/// <summary>A sample as it is asked for: <c>100</c> blocks, or <c>512KiB</c>.</summary>
internal static class SampleArgument
{
    /// <summary>What is expected, in words.</summary>
    public const string Expected = "expected a number of blocks, such as 100, or of bytes with their unit, such as 512KiB";

    /// <summary>Of how many blocks one is recorded; with the unit B, K, M or G (or KiB, MiB, GiB), of how many bytes one is chosen.</summary>
    /// <returns>The sample, which is all blocks for 1; null where it is none.</returns>
    public static Sampling? TryParse(string text)
    {
        if (uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint n))
            return n == 0 ? null : n == 1 ? Sampling.None : new Sampling(SampleScheme.Blocks, n);
        return Quantity.TryParseBytes(text) is > 1 and <= uint.MaxValue and var bytes ? new Sampling(SampleScheme.Bytes, (uint)bytes) : null;
    }

    /// <exception cref="UsageException">It is none.</exception>
    public static Sampling Parse(string text) => TryParse(text) ?? throw new UsageException(Refusal(text));

    /// <summary>Why a text is refused.</summary>
    public static string Refusal(string text) => $"--sample {text}: {Expected}";
}
