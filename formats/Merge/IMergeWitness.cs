using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Merge;

/// <summary>Sees what a merge takes, as the streams have it.</summary>
internal interface IMergeWitness
{
    /// <summary>An event is taken.</summary>
    /// <param name="raw">As its thread's stream has it.</param>
    /// <param name="e">As the merge gives it.</param>
    void Take(in RawEvent raw, in TraceEvent e);
}
