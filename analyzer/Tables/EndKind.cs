namespace AllocReplay.Analyzer.Tables;

/// <summary>How a block's life ended, as far as the trace tells. The order is that of <see cref="EndKinds.Names"/>.</summary>
public enum EndKind : byte
{
    /// <summary>free, delete, or realloc to zero bytes gave it back.</summary>
    Freed,
    /// <summary>realloc replaced it by its successor in the chain.</summary>
    Reallocated,
    /// <summary>Still allocated when the trace ended: its lifetime is a lower bound (right-censored).</summary>
    AliveAtEnd,
    /// <summary>
    /// Its address was acquired again, or its thread went on, without a release in the trace: it ended at an unknown moment
    /// before, so its lifetime is an upper bound.
    /// </summary>
    LostFree,
}

/// <summary>The names that the column <c>end_kind</c> holds.</summary>
public static class EndKinds
{
    /// <summary>Names by <see cref="EndKind"/>.</summary>
    public static IReadOnlyList<string> Names { get; } = ["freed", "reallocated", "alive_at_end", "lost_free"];
}
