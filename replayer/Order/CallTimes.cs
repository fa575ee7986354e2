namespace AllocReplay.Replayer.Order;

/// <summary>When a call ran, as far as the trace can tell: it did not begin before the one and had ended by the other.</summary>
/// <param name="BeginNs">A moment at or before its beginning, nanoseconds since the start of the recording.</param>
/// <param name="EndNs">A moment at or after its end; <see cref="Unended"/> while no event has shown that it ended.</param>
/// <param name="Position">What its user knows it by; see <see cref="RealTimeOrder"/>.</param>
internal record struct CallTimes(long BeginNs, long EndNs, long Position)
{
    public const long Unended = long.MaxValue;
}
