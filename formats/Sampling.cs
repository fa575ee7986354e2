namespace AllocReplay.Formats;

/// <summary>How the blocks of a sample were chosen. Numbers are those of formats/SPEC.md.</summary>
public enum SampleScheme
{
    /// <summary>
    /// By a hash of the address, one address in so many: recordings of version 1.0. A block's chance is not its own, so errors are not known.
    /// </summary>
    Addresses = 0,
    /// <summary>Each block by itself, one in so many.</summary>
    Blocks = 1,
    /// <summary>Each block that has one of the points in it that lie at random among all bytes that are asked for, one in so many.</summary>
    Bytes = 2,
}

/// <summary>Which blocks of a program are in a trace, and what each of them stands for.</summary>
/// <param name="Scheme">How they were chosen.</param>
/// <param name="Mean">Of how many blocks, or bytes, one was chosen on average; 0 and 1: all blocks are there.</param>
public readonly record struct Sampling(SampleScheme Scheme, uint Mean)
{
    /// <summary>All blocks.</summary>
    public static Sampling None => new(SampleScheme.Addresses, 1);

    /// <summary>Whether blocks are missing.</summary>
    public bool IsSample => Mean > 1;

    /// <summary>Whether the blocks were chosen independently of one another, so that it is known how far an estimate may be off.</summary>
    public bool IsIndependent => !IsSample || Scheme != SampleScheme.Addresses;

    /// <summary>How likely a block was to be chosen: 1 − e^(−max(bytes, 1) / mean), or 1 / mean.</summary>
    /// <param name="bytes">Bytes that were requested for it.</param>
    public double Probability(ulong bytes)
    {
        if (!IsSample)
            return 1;
        if (Scheme != SampleScheme.Bytes)
            return 1.0 / Mean;
        // 1 − e^(−x) by its series where x is small: the difference would have few digits.
        double x = Math.Max(bytes, 1) / (double)Mean;
        return x < 1e-3 ? x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4))) : 1 - Math.Exp(-x);
    }

    /// <summary>How many blocks of the program one in the trace stands for: 1 / probability.</summary>
    /// <param name="bytes">Bytes that were requested for it.</param>
    public double Weight(ulong bytes) => 1 / Probability(bytes);
}
