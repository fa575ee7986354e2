using System.Numerics;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Tests.Support.Views;

/// <summary>A block as <see cref="ModelImage"/> finds it among the events.</summary>
internal sealed class ModelBlock
{
    public required ModelImage Image { get; init; }

    /// <summary>Its place among the acquisitions, and that of its acquisition among the events.</summary>
    public required int Object { get; init; }
    public required int At { get; init; }
    public required ulong Address { get; init; }
    public required long Size { get; init; }
    public required CallKind Kind { get; init; }
    public required long Ns { get; init; }
    public required int Thread { get; init; }

    /// <summary>Whether it was acquired before the window of a kept recording.</summary>
    public required bool IsCarried { get; init; }

    /// <summary>Null where it is not known.</summary>
    public required KnownStack? Stack { get; init; }

    /// <summary>The block that the reallocation which acquired it gave up; null where that is not known.</summary>
    public required ModelBlock? Before { get; init; }

    /// <summary>How it ended, and the event at which it did; a block that is live at the end of the trace, after all events.</summary>
    public string End { get; set; } = "alive_at_end";
    public int EndAt { get; set; } = int.MaxValue;
    public long EndNs { get; set; }
    public int FreeThread { get; set; } = -1;

    public bool IsAlive => End == "alive_at_end";
    public bool IsUncertain => IsAlive && Image.GapsNs.Any(gap => gap >= Ns);
    public bool IsEnded => End is "freed" or "reallocated";
    public bool IsLost => End == "lost_free";
    public bool IsFreedByOther => FreeThread >= 0 && FreeThread != Thread;
    public long LifetimeNs => Math.Max(0, EndNs - Ns);
    public long Site => Stack?.Site ?? 0;
    public ModelBlock First => Before?.First ?? this;
    public int Position => Before is null ? 0 : Before.Position + 1;

    /// <summary>What the whole process acquired between its acquisition and its end.</summary>
    public IEnumerable<ModelBlock> Meanwhile => Image.Blocks.Where(b => b.At > At && b.At < EndAt);
    public long LifetimeAllocations => Meanwhile.Count();
    public long LifetimeBytes => (long)BigInteger.Min(Meanwhile.Bytes(), long.MaxValue);
    public bool IsTemporary => !IsCarried && FreeThread == Thread && Meanwhile.All(b => b.Thread != Thread);

    /// <summary>By its times, as the columns tell them.</summary>
    public bool IsLiveAt(long ns) => Ns <= ns && (EndNs > ns || IsAlive);

    /// <summary>By the order of the calls: when an event is over.</summary>
    public bool IsLiveAfter(int at) => At <= at && EndAt > at;
}

internal static class ModelBlocks
{
    public static BigInteger Bytes(this IEnumerable<ModelBlock> blocks) => blocks.Aggregate(BigInteger.Zero, (sum, b) => sum + b.Size);

    /// <summary>The most bytes of some of a process image's blocks that were live at a time, and the block whose acquisition reached that first.</summary>
    public static (BigInteger Bytes, ModelBlock? Block) Peak(this IReadOnlyList<ModelBlock> blocks)
    {
        (BigInteger Bytes, ModelBlock? Block) peak = (0, null);
        foreach (ModelBlock block in blocks)
        {
            BigInteger live = blocks.Where(b => b.IsLiveAfter(block.At)).Bytes();
            if (live > peak.Bytes)
                peak = (live, block);
        }
        return peak;
    }

    /// <summary>Those that were not acquired before the window.</summary>
    public static IEnumerable<ModelBlock> Acquired(this IEnumerable<ModelBlock> blocks) => blocks.Where(b => !b.IsCarried);

    /// <summary>As columns have it that saturate.</summary>
    public static BigInteger Saturated(this BigInteger bytes) => BigInteger.Min(bytes, long.MaxValue);
}
