using AllocReplay.Analyzer.Query;

namespace AllocReplay.Analyzer.Diff;

/// <summary>One of two things that are compared: a process image of a dataset, or a stretch of its time.</summary>
/// <param name="Query">The dataset.</param>
/// <param name="Process">The process image.</param>
/// <param name="FromNs">Blocks that were acquired from here on count; ns since the start of the recording.</param>
/// <param name="ToNs">And before here, where what is live is outstanding; null for the end of the trace.</param>
public sealed record DatasetSide(DatasetQuery Query, DatasetProcess Process, long FromNs = 0, long? ToNs = null)
{
    /// <summary>Whether it is the whole trace.</summary>
    internal bool IsWhole => FromNs == 0 && ToNs is null;
}
