namespace AllocReplay.Replayer.Run;

/// <summary>What can be wrong with a block that an allocator gave.</summary>
public enum BlockFaultKind
{
    /// <summary>It lies in another block that is live.</summary>
    Overlap = 0,
    /// <summary>Its address is not a multiple of the alignment that was asked for, or that the language promises.</summary>
    Misaligned = 1,
    /// <summary>A block of calloc with bytes that are not zero.</summary>
    DirtyCalloc = 2,
    /// <summary>Reallocated, it lacks bytes that were written into it before.</summary>
    ReallocLostData = 3,
    /// <summary>Bytes that were written into it have changed, and not into those of another block.</summary>
    Corrupted = 4,
    /// <summary>There is none: a call that succeeded when recorded failed.</summary>
    Failed = 5,
}
