namespace AllocReplay.Recorder;

/// <summary>Why the recorder did not record.</summary>
public enum RecordFailure
{
    /// <summary>The recorder itself failed: its directory, its hook, its limits.</summary>
    Recorder,
    /// <summary>There is something under the recording's name, and it was not to be replaced.</summary>
    OutputExists,
    /// <summary>The command has a tcmalloc of its own linked in, which tells of its calls: <see cref="RecordVia.MallocHook"/>.</summary>
    CarriesMallocHook,
    /// <summary>The command was found and cannot be run.</summary>
    CannotRun,
    /// <summary>The command was not found.</summary>
    NotFound,
}

/// <summary>The recorder cannot record. The message is one line that says what is wrong.</summary>
public sealed class RecordException(string message, RecordFailure failure = RecordFailure.Recorder) : Exception(message)
{
    /// <summary>Why.</summary>
    public RecordFailure Failure { get; } = failure;
}
