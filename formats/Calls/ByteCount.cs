namespace AllocReplay.Formats.Calls;

/// <summary>
/// How bytes are counted, everywhere alike: what a call requested, and every sum of such, goes up to <see cref="Max"/> and stays there. No
/// allocator serves more (PTRDIFF_MAX), and what stores signed numbers holds as much.
/// </summary>
public static class ByteCount
{
    /// <summary>2^63 − 1.</summary>
    public const ulong Max = long.MaxValue;

    /// <summary>Bytes of a number of elements of a size.</summary>
    public static ulong Of(ulong size, ulong count) =>
        count == 1 ? Math.Min(size, Max) : Math.BigMul(size, count, out ulong low) == 0 ? Math.Min(low, Max) : Max;

    /// <summary>An exact sum as it is shown.</summary>
    public static ulong Of(UInt128 exact) => exact < Max ? (ulong)exact : Max;
}
