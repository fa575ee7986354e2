namespace AllocReplay.Formats;

/// <summary>How a recording ended.</summary>
public enum RecordingState
{
    /// <summary>Still running, or killed: the process did not run its destructors.</summary>
    Recording = 1,
    /// <summary>The process ended in an orderly way.</summary>
    Exited = 2,
    /// <summary>Recording stopped early; <c>ProcessInfo.Failure</c> says why.</summary>
    Failed = 3,
}
