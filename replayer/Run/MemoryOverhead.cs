namespace AllocReplay.Replayer.Run;

/// <summary>Why a run has no overhead.</summary>
public enum OverheadGap
{
    /// <summary>It has one.</summary>
    None,
    /// <summary>Memory was not looked at.</summary>
    NotMeasured,
    /// <summary>Nothing was requested.</summary>
    NothingLive,
    /// <summary>Less was resident than live: calloc's blocks were not touched, so the system gave no memory for them.</summary>
    CallocUntouched,
    /// <summary>Less was resident than live: the touch policy writes less than whole blocks.</summary>
    Untouched,
    /// <summary>Less came to be resident than was live: the allocator had some before the first call, which a replay so small fits into.</summary>
    ResidentBefore,
}

/// <summary>Peak resident bytes ÷ peak live bytes requested: what an allocator takes for what it gives.</summary>
/// <param name="Ratio">From 1 on; null where there is none.</param>
/// <param name="Gap">Why there is none.</param>
public readonly record struct MemoryOverhead(double? Ratio, OverheadGap Gap)
{
    /// <summary>The overhead of one run. Both peaks are that run's own.</summary>
    /// <param name="result">A run of a memory pass.</param>
    /// <param name="touch">What it wrote into new blocks.</param>
    public static MemoryOverhead Of(WorkerResult result, TouchPolicy touch)
    {
        if (result.MemoryCurve.Count == 0)
            return new MemoryOverhead(null, OverheadGap.NotMeasured);
        if (result.PeakLiveBytes == 0)
            return new MemoryOverhead(null, OverheadGap.NothingLive);
        if (result.PeakOverBaseline >= result.PeakLiveBytes)
            return new MemoryOverhead((double)result.PeakOverBaseline / result.PeakLiveBytes, OverheadGap.None);
        OverheadGap why = touch is TouchPolicy.None or TouchPolicy.First ? OverheadGap.Untouched
            : result.PeakOverBaseline < result.PeakTouchedBytes ? OverheadGap.ResidentBefore
            : OverheadGap.CallocUntouched;
        return new MemoryOverhead(null, why);
    }
}
