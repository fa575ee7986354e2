namespace AllocReplay.Analyzer.Tables;

/// <summary>The tables of a dataset; each is a directory of that name. A new one is a row type and a line here.</summary>
public static class DatasetTables
{
    internal static Table<AllocationRow> Allocations { get; } = new("allocations", "One row for each block ever acquired, from its acquisition to its end.");
    internal static Table<ThreadRow> Threads { get; } = new("threads", "One row for each thread that has events.");
    internal static Table<ProcessRow> Process { get; } =
        new("process", "One row for each process image: what the dataset is made from, and what is missing of it.");
    internal static Table<SiteRow> Sites { get; } =
        new("sites", "One row for each call site: the blocks whose stacks have the same functions. Empty where stacks were not recorded.", since: 3);
    internal static Table<StackRow> Stacks { get; } = new("stacks", "One row for each call stack that a call was made with.", since: 3);
    internal static Table<StackFrameRow> StackFrames { get; } = new("stack_frames", "One row for each function of each stack.", since: 3);
    internal static Table<FrameRow> Frames { get; } = new("frames", "One row for each function at each place in the code that stacks go through.", since: 3);
    internal static Table<ModuleRow> Modules { get; } = new("modules", "One row for each object file that stacks have met.", since: 3);

    internal static Table<TimelineRow> Timeline { get; } = new("timeline",
        "One row for each moment of a grid, of the process, and of the 64 threads and the 64 call sites with the most live bytes at a moment.",
        since: 4);
    internal static Table<MemoryRow> Memory { get; } = new("memory",
        "One row for each look at how much memory the process had, in order of time. Empty where nobody looked, as in traces of other tools.", since: 5);
    internal static Table<RegionRow> Regions { get; } = new("regions",
        "One row for each range of addresses that the program had the kernel map, of a recording that was made with `--mmap`; no blocks of an allocator, "
        + "though allocators may cut blocks out of them.", since: 5);
    internal static Table<AnomalyRow> Anomalies { get; } = new("anomalies",
        "One row for each call about which something is odd or missing, in the program or in the trace. Most programs have none.", since: 5);
    internal static Table<EventRow> Events { get; } = new("events",
        "One row for each event of the trace, in merged order, of a dataset that was made with `--events`; else there are none.", since: 5);
    internal static Table<MarkerRow> Markers { get; } = new("markers", "One row for each moment that was named while it was recorded.", since: 4);
    internal static Table<IntervalRow> Intervals { get; } =
        new("intervals", "One row for each stretch of time that was recorded. Empty where recording is not switched on and off.", since: 4);

    /// <summary>Those that have rows where stacks were recorded.</summary>
    public static IReadOnlyList<Table> OfStacks { get; } = [Sites, Stacks, StackFrames, Frames, Modules];

    /// <summary>Version of the dataset: rises with a table or a column, which then say since when they are there.</summary>
    public const int Version = 5;

    /// <summary>All of them, in the order in which they get their names: where <c>process</c> is, the rest is.</summary>
    public static IReadOnlyList<Table> All { get; } =
        [Allocations, Threads, Timeline, Memory, Regions, Markers, Intervals, Anomalies, Events, .. OfStacks, Process];
}
