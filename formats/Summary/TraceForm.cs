namespace AllocReplay.Formats.Summary;

/// <summary>How a trace is stored.</summary>
public enum TraceForm
{
    /// <summary>A recording directory, <c>NAME.allocrec</c>.</summary>
    Recording,
    /// <summary>A packed trace, <c>NAME.alloctrace</c>.</summary>
    Packed,
}

/// <summary>A limit that a recording was given.</summary>
public enum RecordingLimit
{
    /// <summary>On the bytes of events: <see cref="SessionInfo.MaxSize"/>.</summary>
    MaxSize,
    /// <summary>On the time: <see cref="SessionInfo.MaxDurationNs"/>.</summary>
    Duration,
}
