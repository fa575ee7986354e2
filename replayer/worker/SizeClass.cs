using System.Numerics;

namespace AllocReplay.Worker;

/// <summary>Sizes by powers of two: 0 bytes (and null), 1, 2, 3 to 4, 5 to 8, …: they end where allocators' classes do.</summary>
internal static class SizeClass
{
    public const int Count = 66;

    public static int Of(nuint size) => size == 0 ? 0 : 1 + (size == 1 ? 0 : BitOperations.Log2(size - 1) + 1);

    public static ulong Low(int index) => index switch { 0 => 0, 1 => 1, _ => (1UL << (index - 2)) + 1 };

    public static ulong High(int index) => index switch { 0 => 0, Count - 1 => ulong.MaxValue, _ => 1UL << (index - 1) };
}
