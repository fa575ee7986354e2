namespace AllocReplay.Analyzer.Diff;

/// <summary>
/// The functions of the sites that are compared as a tree, for a flame graph of what differs. The first node is of all; a node comes after its caller.
/// Figures are of a node's own sites: what is below it is to be added. A site that has other functions on the second side than on the first has those of
/// the second.
/// </summary>
public sealed record DiffFlame
{
    /// <summary>Functions below this share, from 0 to 1, of what differs in every figure are put together, where they have one caller.</summary>
    public required double MergedBelow { get; init; }
    /// <summary>Functions, at their places in the stacks, that were put together.</summary>
    public required long MergedNodes { get; init; }
    /// <summary>Names of functions. Long ones are cut.</summary>
    public required IReadOnlyList<string> Functions { get; init; }
    /// <summary>Of each node that of its caller; -1 of the first.</summary>
    public required IReadOnlyList<int> Parent { get; init; }
    /// <summary>Of each node its function, a place in <see cref="Functions"/>; -1 of the first, and of one that stands for several.</summary>
    public required IReadOnlyList<int> Function { get; init; }
    /// <summary>Of each node how many it stands for; 0 where it is one function.</summary>
    public required IReadOnlyList<int> Merged { get; init; }
    /// <summary>Bytes live at the end of a side.</summary>
    public required DiffWeights Outstanding { get; init; }
    /// <summary>Most bytes of each site live at a time: of sites that had them at different times the sum is more than was ever live.</summary>
    public required DiffWeights Peak { get; init; }
    /// <summary>Bytes acquired.</summary>
    public required DiffWeights Bytes { get; init; }
}

/// <summary>A figure of each node on both sides.</summary>
/// <param name="Before">On the first side.</param>
/// <param name="Grown">By how much more it is on the second, of the sites where it is more.</param>
/// <param name="Shrunk">By how much less, of the others.</param>
public sealed record DiffWeights(IReadOnlyList<long> Before, IReadOnlyList<long> Grown, IReadOnlyList<long> Shrunk);
