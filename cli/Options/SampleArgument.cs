using System.Globalization;
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
        string digits = text.TrimEnd("kKmMgGiIbB".ToCharArray());
        string unit = text[digits.Length..].ToUpperInvariant();
        int shift = unit is "" or "B" ? 0 : unit is "K" or "KIB" ? 10 : unit is "M" or "MIB" ? 20 : unit is "G" or "GIB" ? 30 : -1;
        if (shift < 0 || !uint.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out uint n) || n == 0)
            return null;
        if (unit.Length == 0)
            return n == 1 ? Sampling.None : new Sampling(SampleScheme.Blocks, n);
        ulong bytes = (ulong)n << shift;
        return bytes is > 1 and <= uint.MaxValue ? new Sampling(SampleScheme.Bytes, (uint)bytes) : null;
    }

    /// <exception cref="UsageException">It is none.</exception>
    public static Sampling Parse(string text) => TryParse(text) ?? throw new UsageException(Refusal(text));

    /// <summary>Why a text is refused.</summary>
    public static string Refusal(string text) => $"--sample {text}: {Expected}";
}
