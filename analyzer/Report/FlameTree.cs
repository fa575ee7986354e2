namespace AllocReplay.Analyzer.Report;

/// <summary>
/// The stacks as a tree, for a flame graph of any of its figures. The first node is of all; a node comes after its caller. Figures are of a node's own
/// blocks: what is below it is to be added.
/// </summary>
public sealed record FlameTree
{
    /// <summary>Functions below this share of all, from 0 to 1, in every figure are put together, where they have one caller.</summary>
    public required double MergedBelow { get; init; }
    /// <summary>Functions, at their places in the stacks, that were put together.</summary>
    public required long MergedNodes { get; init; }
    /// <summary>Names of functions. Long ones are cut.</summary>
    public required IReadOnlyList<string> Functions { get; init; }
    /// <summary>Source files of these, as places in <see cref="FileNames"/>; -1 where it is not known.</summary>
    public required IReadOnlyList<int> Files { get; init; }
    /// <summary>Names of source files.</summary>
    public required IReadOnlyList<string> FileNames { get; init; }
    /// <summary>Of each node that of its caller; -1 of the first.</summary>
    public required IReadOnlyList<int> Parent { get; init; }
    /// <summary>Of each node its function, a place in <see cref="Functions"/>; -1 of the first, and of one that stands for several.</summary>
    public required IReadOnlyList<int> Function { get; init; }
    /// <summary>Of each node how many it stands for; 0 where it is one function.</summary>
    public required IReadOnlyList<int> Merged { get; init; }
    /// <summary>Blocks acquired.</summary>
    public required IReadOnlyList<long> AllocatedBlocks { get; init; }
    /// <summary>Their bytes.</summary>
    public required IReadOnlyList<long> AllocatedBytes { get; init; }
    /// <summary>Blocks live at the end of the trace.</summary>
    public required IReadOnlyList<long> OutstandingBlocks { get; init; }
    /// <summary>Their bytes.</summary>
    public required IReadOnlyList<long> OutstandingBytes { get; init; }
    /// <summary>Blocks that their thread released before it acquired another.</summary>
    public required IReadOnlyList<long> TemporaryBlocks { get; init; }
    /// <summary>Their bytes.</summary>
    public required IReadOnlyList<long> TemporaryBytes { get; init; }
    /// <summary>Nodes that have bytes live at any of the moments of the timeline.</summary>
    public required IReadOnlyList<int> LiveNodes { get; init; }
    /// <summary>
    /// For each of these when its live bytes change, and by how much: pairs of the number of moments since the change before, the first since a moment
    /// before the first, and the bytes.
    /// </summary>
    public required IReadOnlyList<IReadOnlyList<long>> LiveChanges { get; init; }
}
