using AllocReplay.Formats.Calls;

namespace AllocReplay.Analyzer.Tables;

/// <summary>One block from its acquisition to its end: a row of the table <c>allocations</c>.</summary>
public readonly record struct AllocationRow
{
    /// <summary>Object id: blocks are numbered from 0 in merged order of acquisition.</summary>
    public required long Object { get; init; }
    /// <summary>Address, the 64 bits as they are: an address of the upper half reads as negative.</summary>
    public required long Address { get; init; }
    /// <summary>Bytes requested; saturates at <see cref="long.MaxValue"/>.</summary>
    public required long Size { get; init; }
    /// <summary>The call that acquired it.</summary>
    public required CallKind Kind { get; init; }
    /// <summary>Alignment requested in bytes, 0 when the call has none.</summary>
    public required long Alignment { get; init; }
    /// <summary>Acquisition, nanoseconds since the start of the trace.</summary>
    public required long AllocNs { get; init; }
    /// <summary>End, nanoseconds since the start of the trace; the end of the trace for a block that is still live.</summary>
    public required long EndNs { get; init; }
    /// <summary>How it ended.</summary>
    public required EndKind EndKind { get; init; }
    /// <summary>
    /// <see cref="EndNs"/> − <see cref="AllocNs"/>, never negative: counters of two cores may disagree by more than a block lived.
    /// </summary>
    public required long LifetimeNs { get; init; }
    /// <summary>Bytes that the whole process acquired after this block and before its end.</summary>
    public required long LifetimeBytes { get; init; }
    /// <summary>Blocks that the whole process acquired after this one and before its end.</summary>
    public required long LifetimeAllocations { get; init; }
    /// <summary>Index of the thread that acquired it.</summary>
    public required int AllocThread { get; init; }
    /// <summary>Index of the thread that released or reallocated it, -1 when no release is in the trace.</summary>
    public required int FreeThread { get; init; }
    /// <summary>The chain of reallocations that it belongs to: the object id of the chain's first block.</summary>
    public required long Chain { get; init; }
    /// <summary>Its place in the chain, from 0.</summary>
    public required int ChainPosition { get; init; }
}

/// <summary>Takes rows in the order in which blocks end.</summary>
public interface IAllocationSink
{
    /// <summary>Takes one row.</summary>
    void Add(in AllocationRow row);
}
