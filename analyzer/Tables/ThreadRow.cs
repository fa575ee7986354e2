using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Tables;

/// <summary>A thread: a row of the table <c>threads</c>.</summary>
internal readonly record struct ThreadRow
{
    [Column("thread", "thread", "Threads are numbered from 0; `alloc_thread`, `free_thread` and `parent` are such numbers.")]
    public required int Thread { get; init; }

    [Column("os_tid", "id", "The operating system's thread id.")]
    public required long OsTid { get; init; }

    [Column("name", "text", "The name that the thread had last.")]
    public required string Name { get; init; }

    [Column("parent", "thread", "The thread that created it, -1 where that is not known.")]
    public required int Parent { get; init; }

    [Column("start_ns", "ns since start", "Its first event, -1 when it has none.")]
    public required long StartNs { get; init; }

    [Column("end_ns", "ns since start", "Its last event, -1 when it has none.")]
    public required long EndNs { get; init; }

    [Column("exited", "yes or no", "Whether its exit is in the trace.")]
    public required bool Exited { get; init; }

    [Column("calls", "calls", "Its allocation and deallocation calls; a reallocation is one.")]
    public required long Calls { get; init; }

    [Column("bytes_requested", "bytes", "Requested by all its acquisitions, failed ones included. Saturates at 2^63−1.")]
    public required long BytesRequested { get; init; }

    public static IReadOnlyList<ThreadRow> Of(IReadOnlyList<ThreadInfo> threads, TraceStatistics totals) => threads.Select(info =>
    {
        TraceStatistics.ThreadTotals thread = totals.Thread(info.Index);
        return new ThreadRow
        {
            Thread = info.Index,
            OsTid = info.OsTid,
            Name = info.Name,
            Parent = thread.Parent,
            StartNs = thread.FirstNs,
            EndNs = thread.LastNs,
            Exited = thread.ExitNs is not null,
            Calls = thread.Calls,
            BytesRequested = (long)thread.BytesRequested,
        };
    }).ToList();
}
