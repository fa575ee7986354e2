namespace AllocReplay.Analyzer.Tables;

/// <summary>The tables of a dataset; each is a directory of that name.</summary>
public static class DatasetTables
{
    /// <summary>One row for each block.</summary>
    public const string Allocations = "allocations";
    /// <summary>One row for each thread.</summary>
    public const string Threads = "threads";
    /// <summary>One row for each process image.</summary>
    public const string Process = "process";

    /// <summary>All of them: a directory that lacks one is no dataset.</summary>
    public static IReadOnlyList<string> All { get; } = [Allocations, Threads, Process];
}
