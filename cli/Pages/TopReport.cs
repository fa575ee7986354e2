using System.Text.Json.Serialization;
using AllocReplay.Formats;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>top --json</c> prints, one line each time: a process image that is recorded, as of a moment.</summary>
internal sealed record TopReport
{
    /// <summary>The recording's directory.</summary>
    public required string Trace { get; init; }
    /// <summary>Name of the process image.</summary>
    public required string Process { get; init; }
    /// <summary>Process id, in the namespace of the process itself.</summary>
    public required uint Pid { get; init; }
    /// <summary>Path of the executable.</summary>
    public required string Executable { get; init; }
    /// <summary>Wall-clock time when recording began.</summary>
    public required DateTimeOffset Started { get; init; }
    /// <summary>What the recording is doing: recording, stopped, failed, abandoned (who wrote it was killed) or ended.</summary>
    public required TopState State { get; init; }
    /// <summary>Why recording ended early; null when it did not.</summary>
    public required string? Failure { get; init; }
    /// <summary>What damage the recording has; null when none was met.</summary>
    public required string? Damage { get; init; }
    /// <summary>Number of the latest interval; 0 before the first.</summary>
    public required uint Interval { get; init; }
    /// <summary>The latest mark; null when there is none.</summary>
    public required string? Mark { get; init; }
    /// <summary>Of a recording whose oldest part was gone when it was opened (record --keep): from when on calls are counted,
    /// nanoseconds since it began; else null.</summary>
    public required long? KeptFromNs { get; init; }
    /// <summary>The moment that all figures are of, since recording began: all calls before it were counted.</summary>
    public required long TimeNs { get; init; }
    /// <summary>How long ago that was; 0 of a process image that has ended.</summary>
    public required long LagNs { get; init; }
    /// <summary>Whether all calls that are final were counted; else the reader is behind.</summary>
    public required bool IsCaughtUp { get; init; }
    /// <summary>Events that are recorded and not counted yet, by their bytes; 0 where it is caught up.</summary>
    public required long EventsBehind { get; init; }
    /// <summary>Events a second by which that grows; less than 0 where the reader catches up.</summary>
    public required double EventsBehindPerSecond { get; init; }
    /// <summary>Events that were counted.</summary>
    public required long Events { get; init; }
    /// <summary>Calls that were not recorded and should have been.</summary>
    public required ulong LostEvents { get; init; }
    /// <summary>1 in so many blocks, or bytes, is chosen: figures are of those blocks. 1: all are recorded.</summary>
    public required uint Sample { get; init; }
    /// <summary>How they are chosen, where not all are recorded.</summary>
    public required SampleScheme SampleScheme { get; init; }
    /// <summary>Which blocks are recorded.</summary>
    [JsonIgnore]
    public Sampling Sampling => new(SampleScheme, Sample);
    /// <summary>Events a second, since the moment before; null at the first.</summary>
    public required double? EventsPerSecond { get; init; }
    /// <summary>Blocks acquired a second, likewise.</summary>
    public required double? AllocationsPerSecond { get; init; }
    /// <summary>Bytes requested a second, likewise.</summary>
    public required double? BytesPerSecond { get; init; }
    /// <summary>Blocks acquired.</summary>
    public required long Blocks { get; init; }
    /// <summary>Blocks that are live.</summary>
    public required long LiveBlocks { get; init; }
    /// <summary>Bytes requested for them.</summary>
    public required ulong LiveBytes { get; init; }
    /// <summary>The most bytes that were live at once.</summary>
    public required ulong PeakBytes { get; init; }
    /// <summary>Bytes that the process has in memory, as of the latest look; null where nobody looks.</summary>
    public required long? RssBytes { get; init; }
    /// <summary>The window that growth is measured over: shorter than was asked for at first.</summary>
    public required long WindowNs { get; init; }
    /// <summary>Bytes by which live bytes grew a minute; null before there is a window.</summary>
    public required double? GrowthPerMinute { get; init; }
    /// <summary>Whether calls carry their stacks; else there is one site.</summary>
    public required bool HasStacks { get; init; }
    /// <summary>Sites that were met.</summary>
    public required int SiteCount { get; init; }
    /// <summary>The first sites, as they are sorted.</summary>
    public required IReadOnlyList<TopSite> Sites { get; init; }
    /// <summary>Threads that were met.</summary>
    public required int ThreadCount { get; init; }
    /// <summary>Threads of them that have not ended.</summary>
    public required int RunningThreads { get; init; }
    /// <summary>The first threads, as they are sorted.</summary>
    public required IReadOnlyList<TopThread> Threads { get; init; }
    /// <summary>Live bytes at their highest in equal stretches of time, from the first event on.</summary>
    public required IReadOnlyList<ulong> LiveOverTime { get; init; }

    /// <summary>What the damage is, to exit by.</summary>
    internal TraceFormatException? Problem { get; init; }
}

/// <summary>What a recording is doing.</summary>
internal enum TopState
{
    Recording,
    Stopped,
    Failed,
    Abandoned,
    Ended,
}

/// <summary>What the tables of <c>top</c> are sorted by.</summary>
internal enum TopOrder
{
    Live,
    Growth,
    Rate,
    Blocks,
}

/// <summary>Figures of a site or of a thread.</summary>
/// <param name="LiveBytes">Bytes of blocks that it acquired, whoever releases them, and that are live.</param>
/// <param name="LiveBlocks">Those blocks.</param>
/// <param name="GrowthPerMinute">Bytes by which the live bytes grew a minute over the window; null before there is one.</param>
/// <param name="AllocationsPerSecond">Blocks acquired a second, since the moment before; null at the first.</param>
/// <param name="BytesPerSecond">Bytes requested a second, likewise.</param>
/// <param name="Blocks">Blocks acquired.</param>
internal record TopFigures(
    ulong LiveBytes, long LiveBlocks, double? GrowthPerMinute, double? AllocationsPerSecond, double? BytesPerSecond, long Blocks)
{
    /// <summary>What it is sorted by, the highest first.</summary>
    public double Rank(TopOrder order) => order switch
    {
        TopOrder.Growth => GrowthPerMinute ?? 0,
        TopOrder.Rate => AllocationsPerSecond ?? 0,
        TopOrder.Blocks => LiveBlocks,
        _ => LiveBytes,
    };

    public static TopFigures operator +(TopFigures a, TopFigures b) => new(
        Math.Min(a.LiveBytes + b.LiveBytes, long.MaxValue), a.LiveBlocks + b.LiveBlocks, Sum(a.GrowthPerMinute, b.GrowthPerMinute),
        Sum(a.AllocationsPerSecond, b.AllocationsPerSecond), Sum(a.BytesPerSecond, b.BytesPerSecond), a.Blocks + b.Blocks);

    private static double? Sum(double? a, double? b) => a is null ? b : b is null ? a : a + b;
}

/// <summary>A call site.</summary>
internal sealed record TopSite : TopFigures
{
    public TopSite(TopFigures figures)
        : base(figures)
    {
    }

    /// <summary>The function, as far as it is known; empty where the stack is not.</summary>
    public required string Function { get; init; }
    /// <summary>The source file, without its directories; empty where it is not known.</summary>
    public required string File { get; init; }
    /// <summary>The line, from 1; 0 where it is not known.</summary>
    public required int Line { get; init; }
}

/// <summary>A thread: what it calls and what it has acquired.</summary>
internal sealed record TopThread : TopFigures
{
    public TopThread(TopFigures figures)
        : base(figures)
    {
    }

    /// <summary>Index in the order in which threads were met.</summary>
    public required int Index { get; init; }
    /// <summary>The kernel's thread id.</summary>
    public required uint OsTid { get; init; }
    /// <summary>Its name.</summary>
    public required string Name { get; init; }
    /// <summary>Whether it has ended.</summary>
    public required bool HasEnded { get; init; }
    /// <summary>Calls a second, since the moment before; null at the first.</summary>
    public required double? CallsPerSecond { get; init; }
}
