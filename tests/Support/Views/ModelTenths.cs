using System.Numerics;

namespace AllocReplay.Tests.Support.Views;

/// <summary>The tenths of a process image's time, from the first acquisition of its window to its last end.
/// Moments are compared as fractions, without rounding.</summary>
internal sealed class ModelTenths
{
    /// <summary>Tenths that are looked at; the moment after the last is the cut.</summary>
    public const int Count = 9;

    private readonly long _from;

    public ModelTenths(ModelImage image)
    {
        _from = image.Blocks.Acquired().Select(b => b.Ns).DefaultIfEmpty(image.Blocks.Max(b => b.Ns)).Min();
        SpanNs = Math.Max(image.Blocks.Max(b => b.EndNs) - _from, 10);
    }

    public long SpanNs { get; }
    public double StepNs => SpanNs / 10.0;

    /// <summary>Ten times the age that a block had at the cut.</summary>
    public BigInteger TenfoldAge(ModelBlock block) => 10 * (BigInteger)_from + Count * (BigInteger)SpanNs - 10 * (BigInteger)block.Ns;

    /// <summary>The first moment that is not before a block's acquisition, from 1.</summary>
    public int TenthOf(ModelBlock block) => Enumerable.Range(1, 10).First(k => !IsAfter(block.Ns, k));

    /// <summary>Whether it is live when so many tenths are over.</summary>
    public bool IsLive(ModelBlock block, int tenths) => !IsAfter(block.Ns, tenths) && (block.IsAlive || IsAfter(block.EndNs, tenths));

    /// <summary>Whether it had ended at the cut.</summary>
    public bool IsOver(ModelBlock block) => !block.IsAlive && !IsAfter(block.EndNs, Count);

    /// <summary>Bytes live at each moment, from 1; lost ones left out.</summary>
    public BigInteger[] Held(IEnumerable<ModelBlock> blocks) =>
        [0, .. Enumerable.Range(1, Count).Select(k => blocks.Where(b => !b.IsLost && IsLive(b, k)).Bytes())];

    /// <summary>Bytes live after a part of the time up to the cut; lost ones left out.</summary>
    /// <param name="blocks">The blocks.</param>
    /// <param name="parts">How many such parts there are.</param>
    public BigInteger HeldAtCutBy(IEnumerable<ModelBlock> blocks, int parts) =>
        blocks.Where(b => !b.IsLost && !IsAfter(b.Ns, Count, parts) && (b.IsAlive || IsAfter(b.EndNs, Count, parts))).Bytes();

    /// <summary>How many of the steps between the moments rose.</summary>
    public static int StepsUp(BigInteger[] held) => Enumerable.Range(1, Count - 1).Count(k => held[k + 1] > held[k]);

    private bool IsAfter(long ns, int tenths, int parts = 1) => 10 * parts * ((BigInteger)ns - _from) > tenths * (BigInteger)SpanNs;
}
