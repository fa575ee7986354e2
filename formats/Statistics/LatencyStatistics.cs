using AllocReplay.Formats.Calls;
using HdrHistogram;

namespace AllocReplay.Formats.Statistics;

/// <summary>How long the calls of one name took, in nanoseconds, each to three digits; as exact as the recording's clock.</summary>
/// <param name="Call">The call's name: <c>malloc</c>, <c>free</c>, …</param>
/// <param name="Count">Calls.</param>
/// <param name="P50Ns">Half of them took no longer.</param>
/// <param name="P90Ns">90 % took no longer.</param>
/// <param name="P99Ns">99 % took no longer.</param>
/// <param name="P999Ns">99.9 % took no longer.</param>
/// <param name="MaxNs">The longest, exactly.</param>
public sealed record CallLatency(string Call, long Count, long P50Ns, long P90Ns, long P99Ns, long P999Ns, long MaxNs);

/// <summary>How long calls took, by name: of a trace that has latencies (<see cref="ProcessInfo.Latency"/>).</summary>
public sealed class LatencyStatistics : ITraceSink
{
    private const long LongestNs = 3_600_000_000_000;
    private const int Digits = 3;

    private readonly (LongHistogram Histogram, long MaxNs)?[] _byKind = new (LongHistogram, long)?[64];

    /// <summary>The calls that the trace has, by name.</summary>
    public IReadOnlyList<CallLatency> Calls =>
    [
        .. _byKind.Select((entry, kind) => entry is { } e ? Summarize((CallKind)kind, e.Histogram, e.MaxNs) : null)
            .OfType<CallLatency>().OrderBy(c => c.Call, StringComparer.Ordinal),
    ];

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        if (call.IsCarried)
            return; // those that were not live any more are missing
        ref (LongHistogram Histogram, long MaxNs)? entry = ref _byKind[(int)call.Kind];
        (LongHistogram histogram, long max) = entry ?? (new LongHistogram(1, LongestNs, Digits), 0);
        histogram.RecordValue(Math.Min(call.DurationNs, LongestNs));
        entry = (histogram, Math.Max(max, call.DurationNs));
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
    }

    private static CallLatency Summarize(CallKind kind, LongHistogram histogram, long max)
    {
        // A histogram's value is the greatest that it cannot tell from the one recorded.
        long At(double percent) => Math.Min(max, histogram.GetValueAtPercentile(percent));
        return new CallLatency(CallKinds.CallName(kind), histogram.TotalCount, At(50), At(90), At(99), At(99.9), max);
    }
}
