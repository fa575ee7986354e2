using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Run;

/// <summary>Peak resident bytes ÷ peak live bytes requested: what an allocator takes for what it gives.</summary>
public static class MemoryOverhead
{
    /// <summary>Fewer readings than these and a peak may lie between them.</summary>
    public const int SamplesMin = 20;

    /// <summary>The overhead of one run; null where the order left to the run what was live, or where it was over before its peak could be seen.</summary>
    /// <param name="result">A run of a memory pass.</param>
    /// <param name="peakLiveBytes">Of the trace.</param>
    public static double? Of(WorkerResult result, ulong peakLiveBytes) =>
        result.Order == ReplayOrder.Deps || result.MemorySamples < SamplesMin || peakLiveBytes == 0 ? null : (double)result.PeakOverBaseline / peakLiveBytes;
}
