namespace AllocReplay.Analyzer.Check;

/// <summary>What was asked of a dataset.</summary>
public enum CheckCondition
{
    /// <summary><see cref="CheckLimits.MaxPeak"/>.</summary>
    MaxPeak,
    /// <summary><see cref="CheckLimits.MaxOutstanding"/>.</summary>
    MaxOutstanding,
    /// <summary><see cref="CheckLimits.MaxOutstandingPerSite"/>.</summary>
    MaxOutstandingPerSite,
    /// <summary><see cref="CheckLimits.MaxGrowth"/>.</summary>
    MaxGrowth,
    /// <summary><see cref="CheckLimits.Baseline"/>.</summary>
    Baseline,
}

/// <summary>A figure that is judged.</summary>
public enum CheckFigure
{
    /// <summary>Most bytes live at a time.</summary>
    Peak,
    /// <summary>Bytes that were not freed at the end.</summary>
    Outstanding,
    /// <summary>Bytes requested by all acquisitions.</summary>
    Allocated,
    /// <summary>Growth of live bytes, in bytes per minute.</summary>
    Growth,
}

/// <summary>Where in the source.</summary>
/// <param name="Site">The site, <c>sites.site</c>.</param>
/// <param name="Function">Its function.</param>
/// <param name="File">The source file; empty where it is not known.</param>
/// <param name="Line">Its line; 0 where it is not known.</param>
/// <param name="Text">Its functions on one line, the lowest first.</param>
/// <param name="Bytes">What of the figure is of this site.</param>
public sealed record CheckPlace(long Site, string Function, string File, int Line, string Text, long Bytes);

/// <summary>A limit that was not kept.</summary>
/// <param name="Condition">What was asked.</param>
/// <param name="Figure">The figure that is beyond it.</param>
/// <param name="Host">The process image's host, as the dataset has it.</param>
/// <param name="Process">The process image.</param>
/// <param name="Value">What the figure is, in bytes, or bytes per minute.</param>
/// <param name="Limit">What it may be.</param>
/// <param name="Baseline">What it is in the baseline; null where the condition is of no baseline.</param>
/// <param name="IsOfSite">Whether the figure is that of the site at the place; else of the process, and the site at the place has the most of it.</param>
/// <param name="IsNew">Whether the baseline has no such site.</param>
/// <param name="Place">Where; null where stacks were not recorded.</param>
/// <param name="UncertainBytes">Of what is outstanding: bytes of blocks that may have been freed unseen; else 0.</param>
public sealed record CheckFinding(
    CheckCondition Condition, CheckFigure Figure, string Host, string Process, long Value, long Limit, long? Baseline, bool IsOfSite, bool IsNew,
    CheckPlace? Place, long UncertainBytes = 0);

/// <summary>A process image that was judged, and its figures.</summary>
/// <param name="Host">Its host, as the dataset has it.</param>
/// <param name="Process">Its name.</param>
/// <param name="Program">The program's file name; empty where it is not known.</param>
/// <param name="PeakBytes">Most bytes live at a time; null where the dataset does not have it.</param>
/// <param name="OutstandingBytes">Bytes not freed at the end, without those suppressed.</param>
/// <param name="OutstandingBlocks">Blocks not freed at the end, without those suppressed.</param>
/// <param name="AllocatedBytes">Bytes requested by all acquisitions; null where the dataset does not have it.</param>
/// <param name="GrowthBytesPerMinute">Growth of live bytes over the middle of the trace, without what is suppressed; null where it was not asked for,
/// or there is no time to speak of.</param>
/// <param name="HasStacks">Whether its calls have stacks.</param>
/// <param name="IsPart">Whether a part of its trace is judged.</param>
/// <param name="EventsLost">Calls that are not in the trace.</param>
/// <param name="Damage">The damage of its trace; empty where there is none.</param>
/// <param name="BaselineProcess">The process image of the baseline that it was held against; null where there is none.</param>
/// <param name="UncertainBytes">Of those outstanding: bytes of blocks that may have been freed unseen, as calls were lost, or recording was stopped.</param>
/// <param name="UncertainBlocks">Those blocks.</param>
/// <param name="WindowFromNs">Of a kept recording: from when on all that was recorded is there, ns since start; what was allocated is of that time.
/// Else 0.</param>
/// <param name="GrowthOverNs">The time over which growth was measured, ns; null where it was not.</param>
public sealed record CheckedProcess(
    string Host, string Process, string Program, long? PeakBytes, long OutstandingBytes, long OutstandingBlocks, long? AllocatedBytes,
    double? GrowthBytesPerMinute, bool HasStacks, bool IsPart, long EventsLost, string Damage, string? BaselineProcess,
    long UncertainBytes = 0, long UncertainBlocks = 0, long WindowFromNs = 0, long? GrowthOverNs = null);

/// <summary>A suppression and what became of it.</summary>
/// <param name="Pattern">As it is written.</param>
/// <param name="Line">Its line in the file.</param>
/// <param name="IsUsed">Whether it matches any stack.</param>
/// <param name="Blocks">Outstanding blocks that it took out.</param>
/// <param name="Bytes">Bytes of those.</param>
public sealed record SuppressionUse(string Pattern, int Line, bool IsUsed, long Blocks, long Bytes);

/// <summary>What a check found.</summary>
/// <param name="Passed">Whether there is no finding.</param>
/// <param name="Findings">What is beyond its limit: of each process image in turn.</param>
/// <param name="Processes">The process images that were judged.</param>
/// <param name="Suppressions">The suppressions, in their order.</param>
public sealed record CheckReport(
    bool Passed, IReadOnlyList<CheckFinding> Findings, IReadOnlyList<CheckedProcess> Processes, IReadOnlyList<SuppressionUse> Suppressions);
