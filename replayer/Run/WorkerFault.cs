using AllocReplay.Formats.Calls;

namespace AllocReplay.Replayer.Run;

/// <summary>What was wrong with blocks, of one kind: how many faults, and the first.</summary>
/// <param name="Kind">What was wrong.</param>
/// <param name="Count">How often it was found, in all loops.</param>
/// <param name="FoundBy">The call that found the first; null where the block was still there in the end.</param>
/// <param name="Block">The call that acquired the block.</param>
/// <param name="Other">The call that acquired the other block, of an overlap.</param>
/// <param name="Size">Bytes of the block.</param>
/// <param name="Address">Where it was in the replay; 0 for a call that failed.</param>
/// <param name="Offset">Its first byte that is wrong, to within a word.</param>
/// <param name="Alignment">The alignment that was due; 0 for other faults.</param>
public sealed record WorkerFault(
    BlockFaultKind Kind, long Count, WorkerCall? FoundBy, WorkerCall Block, WorkerCall? Other, ulong Size, ulong Address, ulong Offset, ulong Alignment);

/// <summary>A call of a trace.</summary>
/// <param name="Thread">Index of its thread.</param>
/// <param name="Index">Its place among the thread's calls that are replayed, from 0.</param>
/// <param name="Kind">Its kind; a reallocation is the kind of its end.</param>
public sealed record WorkerCall(int Thread, long Index, CallKind Kind);
