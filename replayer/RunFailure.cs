namespace AllocReplay.Replayer;

/// <summary>What became of a run that has no figures.</summary>
public enum FailureKind
{
    /// <summary>It ended, and what it did is not what the trace says.</summary>
    NotTheTrace,
    /// <summary>A signal ended it; the code is its number.</summary>
    Crashed,
    /// <summary>It ended itself before the replay was over; the code is the exit code, which may be 0.</summary>
    Exited,
    /// <summary>It did not end in its time, and was killed.</summary>
    Hung,
    /// <summary>There was no memory for it.</summary>
    OutOfMemory,
    /// <summary>The dynamic linker did not load a library that was to be preloaded.</summary>
    CannotPreload,
    /// <summary>malloc came from another library than was asked for.</summary>
    WrongAllocator,
    /// <summary>The allocator does not have the value that a variable asked for.</summary>
    SettingNotTaken,
    /// <summary>It could not be begun: a hook needs what the allocator lacks, a file is missing.</summary>
    CannotRun,
}

/// <summary>A run that has no figures.</summary>
/// <param name="Kind">What became of it.</param>
/// <param name="Code">The signal or the exit code; null where there is none.</param>
public readonly record struct RunFailure(FailureKind Kind, int? Code = null)
{
    /// <summary>What that makes of a command that is about this run alone.</summary>
    internal ReplayFailure Failure => Kind switch
    {
        FailureKind.NotTheTrace or FailureKind.Crashed or FailureKind.Exited or FailureKind.Hung or FailureKind.SettingNotTaken => ReplayFailure.Failed,
        _ => ReplayFailure.NotPossible,
    };
}
