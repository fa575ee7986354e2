namespace AllocReplay.Formats.Merge;

/// <summary>What the beginning of a reallocation tells of it.</summary>
/// <param name="TimeNs">When it began, nanoseconds since the start of the recording; 0 when that is not in the trace.</param>
/// <param name="Address">The address that it was given.</param>
/// <param name="IsNull">It was given a null pointer.</param>
internal readonly record struct ReallocBegin(long TimeNs, ulong Address, bool IsNull);
