using MessagePack;

namespace AllocReplay.Formats.Merge;

/// <summary>Turns shifted counter ticks into nanoseconds since the start of the recording.</summary>
internal readonly struct Clock
{
    private readonly ulong _origin;
    private readonly int _shift;
    private readonly ulong _scale;

    private Clock(in ClockRate rate) => (_origin, _shift, _scale) = (rate.Origin, rate.Shift, rate.Scale);

    public ClockRate Rate => new(_origin, _shift, _scale);

    /// <param name="shift">Bits by which event ticks were shifted right.</param>
    /// <param name="first">The pair that is time 0.</param>
    /// <param name="last">The latest pair known. The longer the distance, the better the rate.</param>
    /// <returns>The clock, or null when the pairs do not give a rate between 1 MHz and 1 THz.</returns>
    public static Clock? FromPairs(int shift, (ulong Ticks, ulong Ns) first, (ulong Ticks, ulong Ns) last)
    {
        if (last.Ticks <= first.Ticks || last.Ns <= first.Ns)
            return null;
        double nsPerTick = (double)(last.Ns - first.Ns) / (last.Ticks - first.Ticks);
        return nsPerTick is < 0.001 or > 1000 ? null : new Clock(new ClockRate(first.Ticks, shift, (ulong)(nsPerTick * 4294967296.0)));
    }

    /// <returns>The clock, or null when the rate is not one that <see cref="FromPairs"/> gives.</returns>
    public static Clock? FromRate(in ClockRate rate) =>
        rate.Shift is < 0 or > 31 || rate.Scale is < (ulong)(0.001 * 4294967296.0) or > 1000ul << 32 ? null : new Clock(rate);

    /// <summary>Nanoseconds since the origin; 0 for a moment before it, and the greatest number for one that no number of them reaches.</summary>
    public long ToNs(ulong shiftedTicks)
    {
        ulong ticks = shiftedTicks << _shift;
        if (ticks >> _shift != shiftedTicks)
            return long.MaxValue;
        if (ticks <= _origin)
            return 0;
        ulong high = Math.BigMul(ticks - _origin, _scale, out ulong low);
        return high >> 31 != 0 ? long.MaxValue : (long)((high << 32) | (low >> 32));
    }

    /// <summary>Nanoseconds that a number of shifted ticks lasts.</summary>
    public long SpanToNs(ulong shiftedTicks)
    {
        ulong end = (_origin >> _shift) + shiftedTicks;
        return end < shiftedTicks ? long.MaxValue : ToNs(end);
    }

    /// <summary>How many shifted ticks make up a span of time, at least 1.</summary>
    public ulong FromNs(long ns) => Math.Max(1, (ulong)(ns * 4294967296.0 / _scale) >> _shift);

    /// <summary>The first shifted tick that is not before a moment: the least that <see cref="ToNs"/> takes to it or beyond.</summary>
    public ulong At(long ns)
    {
        if (ns <= 0)
            return 0;
        UInt128 distance = (((UInt128)(ulong)ns << 32) + _scale - 1) / _scale;
        // What does not fit into 64 bits is beyond any moment.
        UInt128 ticks = UInt128.Min(_origin + distance, (UInt128)1 << 64);
        UInt128 shifted = (ticks + ((1ul << _shift) - 1)) >> _shift;
        return (ulong)UInt128.Min(shifted, ulong.MaxValue);
    }
}

/// <summary>What a clock is made of.</summary>
/// <param name="Origin">Unshifted ticks at time 0.</param>
/// <param name="Shift">Bits by which event ticks were shifted right, 0 to 31.</param>
/// <param name="Scale">Nanoseconds per unshifted tick, 32.32 fixed point.</param>
[MessagePackObject]
internal readonly record struct ClockRate([property: Key("origin")] ulong Origin, [property: Key("shift")] int Shift, [property: Key("scale")] ulong Scale);
