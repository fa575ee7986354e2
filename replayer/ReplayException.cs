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
    /// <summary>The plan needs more room than there is on the disk.</summary>
    DiskShort,
    /// <summary>It ran, and what it did is not what the trace says, or it crashed.</summary>
    Failed,
}

/// <summary>A replay that did not end with figures. The message is one line for people.</summary>
public sealed class ReplayException : Exception
{
    public ReplayException(ReplayFailure failure, string message) : base(message) => Failure = failure;

    /// <summary>A run that did not end with figures: others may.</summary>
    public ReplayException(RunFailure run, string message) : base(message) => (Failure, Run) = (run.Failure, run);

    public ReplayFailure Failure { get; }

    /// <summary>What became of the run; null where there was none.</summary>
    public RunFailure? Run { get; }
}
