namespace AllocReplay.Formats.Statistics;

/// <summary>
/// What a sample says of a total over all of a program's blocks, by Horvitz and Thompson (1952): each block of the sample counts 1 / p times, p being how
/// likely it was to be in it. The estimate has no bias, whatever the sizes are; its variance, Σ (1 − p) / p² · x², has none either.
/// </summary>
public struct SampleEstimate
{
    private double _variance;
    private long _parts;

    /// <summary>The estimate; exact where all blocks were recorded.</summary>
    public double Total { readonly get; private set; }

    /// <summary>
    /// The standard deviation of the estimate, as the sample itself tells it: 0 where all blocks were recorded. In two of three samples the truth is within
    /// it, in 19 of 20 within twice that, where some dozens of blocks or more were chosen.
    /// </summary>
    public readonly double StandardError => Math.Sqrt(Math.Max(0, _variance)); // what was taken away again may leave a rounding error

    /// <summary>A block is part of the total.</summary>
    /// <param name="value">What it adds: 1, or its bytes, or how long it lived.</param>
    /// <param name="probability">How likely it was to be in the sample.</param>
    public void Add(double value, double probability) => Add(value, probability, 1);

    /// <summary>A block is part of it no more.</summary>
    /// <param name="value">What it had added.</param>
    /// <param name="probability">As it was then.</param>
    public void Remove(double value, double probability) => Add(value, probability, -1);

    private void Add(double value, double probability, int sign)
    {
        _parts += sign;
        Total = _parts == 0 ? 0 : Total + sign * value / probability; // of nothing, no rounding error is left
        _variance = _parts == 0 ? 0 : _variance + sign * (1 - probability) * value * value / (probability * probability);
    }

    /// <summary>The total of two sets of blocks, which have none in common.</summary>
    public static SampleEstimate operator +(SampleEstimate left, SampleEstimate right) => new()
    {
        Total = left.Total + right.Total,
        _variance = left._variance + right._variance,
        _parts = left._parts + right._parts,
    };
}

/// <summary>An estimate with its error.</summary>
/// <param name="Estimate">The estimate.</param>
/// <param name="StandardError">Its standard error; null where it is not known, of a sample of addresses.</param>
public readonly record struct EstimatedTotal(double Estimate, double? StandardError)
{
    /// <summary>Of what was added up.</summary>
    public static EstimatedTotal Of(SampleEstimate sum, Sampling sampling) => new(sum.Total, sampling.IsIndependent ? sum.StandardError : null);
}

/// <summary>Estimates of blocks, all and live, and of their bytes.</summary>
public struct BlockEstimates
{
    private SampleEstimate _blocks, _bytes, _liveBlocks, _liveBytes, _peak;

    /// <summary>A block of the sample was acquired, or was live when what is counted began.</summary>
    /// <param name="bytes">Bytes that were requested for it.</param>
    /// <param name="isCarried">Whether it was live then: it is none that was acquired.</param>
    /// <param name="sampling">How it was chosen.</param>
    public void Acquired(ulong bytes, bool isCarried, Sampling sampling)
    {
        double probability = sampling.Probability(bytes);
        if (!isCarried)
        {
            _blocks.Add(1, probability);
            _bytes.Add(bytes, probability);
        }
        _liveBlocks.Add(1, probability);
        _liveBytes.Add(bytes, probability);
        if (_liveBytes.Total > _peak.Total)
            _peak = _liveBytes;
    }

    /// <summary>It ended.</summary>
    /// <param name="bytes">Bytes that were requested for it.</param>
    /// <param name="sampling">How it was chosen.</param>
    public void Ended(ulong bytes, Sampling sampling)
    {
        double probability = sampling.Probability(bytes);
        _liveBlocks.Remove(1, probability);
        _liveBytes.Remove(bytes, probability);
    }

    /// <summary>What they come to.</summary>
    public readonly EstimatedBlocks ToTotals(Sampling sampling) => new(
        EstimatedTotal.Of(_blocks, sampling), EstimatedTotal.Of(_bytes, sampling),
        EstimatedTotal.Of(_liveBlocks, sampling), EstimatedTotal.Of(_liveBytes, sampling), EstimatedTotal.Of(_peak, sampling));

    /// <summary>Those of two sets of blocks, which have none in common; of two peaks, which may be of different moments, the larger.</summary>
    public static BlockEstimates operator +(BlockEstimates left, BlockEstimates right) => new()
    {
        _blocks = left._blocks + right._blocks,
        _bytes = left._bytes + right._bytes,
        _liveBlocks = left._liveBlocks + right._liveBlocks,
        _liveBytes = left._liveBytes + right._liveBytes,
        _peak = left._peak.Total > right._peak.Total ? left._peak : right._peak,
    };
}

/// <summary>What a sample says of the program's blocks.</summary>
/// <param name="Blocks">Blocks acquired.</param>
/// <param name="Bytes">Bytes requested for them.</param>
/// <param name="LiveBlocks">Blocks that were live at the end.</param>
/// <param name="LiveBytes">Bytes requested for those.</param>
/// <param name="PeakLiveBytes">The most bytes that were live at a time, with the error of that moment. As the highest of many estimates it is a little too
/// high: by the order of its error.</param>
public sealed record EstimatedBlocks(
    EstimatedTotal Blocks, EstimatedTotal Bytes, EstimatedTotal LiveBlocks, EstimatedTotal LiveBytes, EstimatedTotal PeakLiveBytes)
{
    /// <summary>Of a trace that has all blocks: nothing is estimated.</summary>
    /// <param name="blocks">Blocks acquired.</param>
    /// <param name="bytes">Bytes requested for them.</param>
    /// <param name="liveBlocks">Blocks that were live at the end.</param>
    /// <param name="liveBytes">Bytes requested for those.</param>
    /// <param name="peakLiveBytes">The most bytes that were live at a time.</param>
    public static EstimatedBlocks Exact(long blocks, ulong bytes, long liveBlocks, ulong liveBytes, ulong peakLiveBytes) => new(
        new(blocks, 0), new(bytes, 0), new(liveBlocks, 0), new(liveBytes, 0), new(peakLiveBytes, 0));
}
