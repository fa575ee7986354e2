namespace AllocReplay.Fuzz;

/// <summary>SplitMix64: a few instructions a number, and the same numbers for a seed on every machine.</summary>
internal sealed class Rng(ulong seed)
{
    /// <summary>Values at which readers go wrong: ends of ranges, signs, and bounds of this format.</summary>
    private static readonly ulong[] Interesting =
    [
        0, 1, 2, 3, 7, 8, 9, 0x3f, 0x40, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x10001, 1 << 20, (1 << 20) + 1, 1 << 23, (1 << 23) + 1,
        0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x100000000, 1ul << 62, long.MaxValue, 1ul << 63, ulong.MaxValue - 1, ulong.MaxValue,
    ];

    private ulong _state = seed;

    public ulong Next()
    {
        ulong z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }

    /// <summary>From 0 to below <paramref name="bound"/>; 0 when that is 0.</summary>
    public int Below(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);

    public bool OneIn(int n) => Below(n) == 0;

    /// <summary>What to write in the place of a value.</summary>
    public ulong Replace(ulong value) => Below(6) switch
    {
        0 => value + 1,
        1 => value - 1,
        2 => value ^ 1ul << Below(64),
        3 => Next() >> Below(64),
        _ => Interesting[Below(Interesting.Length)],
    };
}
