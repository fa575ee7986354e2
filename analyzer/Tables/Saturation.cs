namespace AllocReplay.Analyzer.Tables;

/// <summary>Unsigned 64-bit figures in signed columns: not every engine reads unsigned ones.</summary>
internal static class Saturation
{
    /// <summary>The value, or 2^63−1 where it is larger.</summary>
    public static long ToInt64(ulong value) => (long)Math.Min(value, long.MaxValue);
}
