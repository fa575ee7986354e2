namespace AllocReplay.Replayer.Plan;

/// <summary>What a trace asks for in all.</summary>
/// <param name="BytesAcquired">Bytes requested by successful acquisitions, without what is carried; at most <see cref="Formats.Calls.ByteCount.Max"/>.</param>
/// <param name="PeakLiveBytes">Requested bytes of live blocks at their highest, in merged order; at most that.</param>
public readonly record struct TraceTotals(ulong BytesAcquired, ulong PeakLiveBytes);
