namespace AllocReplay.Analyzer.Tables;

/// <summary>The tables of a dataset; each is a directory of that name. A new one is a row type and a line here.</summary>
public static class DatasetTables
{
    internal static Table<AllocationRow> Allocations { get; } = new("allocations", "One row for each block ever acquired, from its acquisition to its end.");
    internal static Table<ThreadRow> Threads { get; } = new("threads", "One row for each thread that has events.");
    internal static Table<ProcessRow> Process { get; } =
        new("process", "One row for each process image: what the dataset is made from, and what is missing of it.");

    /// <summary>Version of the dataset: rises with a table or a column, which then say since when they are there.</summary>
    public const int Version = 2;

    /// <summary>All of them, in the order in which they get their names: where <c>process</c> is, the rest is.</summary>
    public static IReadOnlyList<Table> All { get; } = [Allocations, Threads, Process];
}
