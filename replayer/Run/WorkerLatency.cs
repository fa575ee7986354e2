using AllocReplay.Formats.Calls;

namespace AllocReplay.Replayer.Run;

/// <summary>How long the calls of one kind took for one class of sizes, on all threads.</summary>
/// <param name="Kind">Their kind; a reallocation is the kind of its end.</param>
/// <param name="SizeLow">Bytes asked for, of an acquisition or reallocation; of a release, bytes of the block: from this on.</param>
/// <param name="SizeHigh">To this. Classes are (2^n, 2^(n+1)], and one each for 0 (with null pointers released), 1 and 2 bytes.</param>
/// <param name="Times">Nanoseconds of the call alone, less what reading the clock takes.</param>
public sealed record WorkerLatency(CallKind Kind, ulong SizeLow, ulong SizeHigh, LatencyHistogram Times);

/// <summary>What calls were timed by.</summary>
/// <param name="Source"><c>tsc</c>, the processor's counter, or <c>clock_gettime</c>.</param>
/// <param name="CostNs">What timing a call of a function that does nothing took, the median: subtracted from every time.</param>
/// <param name="StepNs">By how much times differ that differ at all: of two percentiles that differ by less, none is the lower.</param>
public sealed record WorkerTimer(string Source, double CostNs, double StepNs);
