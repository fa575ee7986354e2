namespace AllocReplay.Replayer;

/// <summary>Why a replay did not end with figures.</summary>
public enum ReplayFailure
{
    /// <summary>The request names something that does not exist.</summary>
    Usage,
    /// <summary>This machine cannot do it: an allocator is not installed, a file cannot be written.</summary>
    NotPossible,
    /// <summary>The trace needs more memory than the machine has left, or than it was allowed.</summary>
    MemoryShort,
    /// <summary>It ran, and what it did is not what the trace says, or it crashed.</summary>
    Failed,
}

/// <summary>A replay that did not end with figures. The message is one line for people.</summary>
public sealed class ReplayException(ReplayFailure failure, string message) : Exception(message)
{
    public ReplayFailure Failure { get; } = failure;
}
