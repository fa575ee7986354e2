namespace AllocReplay.Replayer.Run;

/// <summary>Exit codes by which a worker tells why it did not replay. A line on stderr says more.</summary>
internal static class WorkerExit
{
    /// <summary>The plan cannot be run.</summary>
    public const int Failed = 70; // EX_SOFTWARE of sysexits.h, and up
    /// <summary>No memory for the harness's own tables.</summary>
    public const int NoMemory = 71;
    /// <summary>The hook was not loaded.</summary>
    public const int HookNotLoaded = 72;
    /// <summary>No library provides what an allocator has to.</summary>
    public const int NoAllocator = 73;
    /// <summary>The hook needs a function that the allocator lacks.</summary>
    public const int HookNeedsMore = 74;
}
