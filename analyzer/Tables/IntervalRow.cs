using AllocReplay.Formats;

namespace AllocReplay.Analyzer.Tables;

/// <summary>A stretch of time that was recorded: a row of the table <c>intervals</c>.</summary>
internal readonly record struct IntervalRow
{
    [Column("interval", "number", "Intervals are numbered from 1, in their order.")]
    public required int Interval { get; init; }

    [Column("start_ns", "ns since start", "When recording was started.")]
    public required long StartNs { get; init; }

    [Column("end_ns", "ns since start", "When it was stopped; the end of the trace where it was not.")]
    public required long EndNs { get; init; }

    [Column("is_stopped", "yes or no", "Whether it was stopped. What happened until the next interval is not in the trace.")]
    public required bool IsStopped { get; init; }

    /// <param name="interval">The interval.</param>
    /// <param name="endNs">The end of the trace, nanoseconds since its start.</param>
    public static IntervalRow Of(Interval interval, long endNs) => new()
    {
        Interval = (int)interval.Number,
        StartNs = interval.StartNs,
        EndNs = interval.StopNs ?? Math.Max(interval.StartNs, endNs),
        IsStopped = interval.StopNs is not null,
    };
}
