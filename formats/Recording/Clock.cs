namespace AllocReplay.Formats.Recording;

/// <summary>Turns shifted counter ticks into nanoseconds since the start of the recording, by two calibration pairs.</summary>
internal readonly struct Clock
{
    private readonly ulong _origin; // unshifted ticks
    private readonly int _shift;
    private readonly ulong _scale; // nanoseconds per unshifted tick, 32.32 fixed point

    private Clock(ulong origin, int shift, ulong scale) => (_origin, _shift, _scale) = (origin, shift, scale);

    /// <param name="shift">Bits by which event ticks were shifted right.</param>
    /// <param name="first">The pair that is time 0.</param>
    /// <param name="last">The latest pair known. The longer the distance, the better the rate.</param>
    /// <returns>The clock, or null when the pairs do not give a rate between 1 MHz and 1 THz.</returns>
    public static Clock? FromPairs(int shift, (ulong Ticks, ulong Ns) first, (ulong Ticks, ulong Ns) last)
    {
        if (last.Ticks <= first.Ticks || last.Ns <= first.Ns)
            return null;
        double nsPerTick = (double)(last.Ns - first.Ns) / (last.Ticks - first.Ticks);
        return nsPerTick is < 0.001 or > 1000 ? null : new Clock(first.Ticks, shift, (ulong)(nsPerTick * 4294967296.0));
    }

    /// <summary>Nanoseconds since the origin; 0 for a moment before it.</summary>
    public long ToNs(ulong shiftedTicks)
    {
        ulong ticks = shiftedTicks << _shift;
        if (ticks <= _origin)
            return 0;
        ulong high = Math.BigMul(ticks - _origin, _scale, out ulong low);
        return (long)((high << 32) | (low >> 32));
    }

    /// <summary>Nanoseconds that a number of shifted ticks lasts.</summary>
    public long SpanToNs(ulong shiftedTicks) => ToNs((_origin >> _shift) + shiftedTicks) - ToNs(_origin >> _shift);

    /// <summary>How many shifted ticks make up a span of time, at least 1.</summary>
    public ulong FromNs(long ns) => Math.Max(1, (ulong)(ns * 4294967296.0 / _scale) >> _shift);
}
