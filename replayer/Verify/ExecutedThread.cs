using AllocReplay.Replayer.Scratch;

namespace AllocReplay.Replayer.Verify;

/// <summary>What one thread did, in its order.</summary>
internal sealed class ExecutedThread(string name, Spill spill)
{
    public string Name { get; } = name;
    public SpillList<ExecutedCall> Calls { get; } = new(spill);
    /// <summary>So many of its calls, the first, are of what the trace carries: a replay makes them before the window.</summary>
    public long CarriedCalls { get; set; }
    /// <summary>Its end is before the window as well.</summary>
    public bool IsExitCarried { get; set; }
    /// <summary>The thread whose call created it, or -1, and that call's index.</summary>
    public int Parent { get; set; } = -1;
    /// <inheritdoc cref="Parent"/>
    public long Creation { get; set; }
    /// <summary>The trace has shown an event of it.</summary>
    public bool Started { get; set; }
    /// <summary>When it ended; null where the trace does not show that.</summary>
    public long? ExitNs { get; set; }
    /// <summary>Its calls before that. More may follow: the C library frees its own blocks last.</summary>
    public long CallsBeforeExit { get; set; }
    public bool CallsAfterExit => ExitNs is not null && CallsBeforeExit < Calls.Count;
    /// <summary>The threads that its calls created, in that order.</summary>
    public List<int> Children { get; } = [];
}
