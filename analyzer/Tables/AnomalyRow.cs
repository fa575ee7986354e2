namespace AllocReplay.Analyzer.Tables;

/// <summary>What is odd about a call, or missing beside it. The order is that of <see cref="AnomalyKinds.Names"/>.</summary>
internal enum AnomalyKind : byte
{
    FailedCall,
    UnknownRelease,
    InheritedRelease,
    LostFree,
    ReleasedWhileStopped,
    MismatchedRelease,
    WrongSize,
    SaturatedSize,
    Gap,
}

/// <summary>The names that the column <c>anomaly</c> holds.</summary>
internal static class AnomalyKinds
{
    /// <summary>By <see cref="AnomalyKind"/>.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "failed_call", "unknown_release", "inherited_release", "lost_free", "released_while_stopped",
        "mismatched_release", "wrong_size", "saturated_size", "gap",
    ];
}

/// <summary>Something that is not as it should be, in the program or in the trace: a row of the table <c>anomalies</c>.</summary>
internal readonly record struct AnomalyRow
{
    [Column("anomaly", "name", "`failed_call`: it returned no block. `unknown_release`: of a block whose acquisition is not in the trace; "
        + "`inherited_release`: the same of a block that was there when recording began, in a process that was forked or attached to. "
        + "`lost_free`: the address of `object` was acquired again without a release in the trace; "
        + "`released_while_stopped`: the same, while recording was stopped. `mismatched_release`: acquired by one family of malloc, "
        + "`new` and `new[]`, and released by another. `wrong_size`: the size that the release tells is not the one requested. `saturated_size`: 2^63−1 "
        + "bytes or more were asked for. `gap`: `calls` calls of the thread are not in the trace.")]
    public required AnomalyKind Anomaly { get; init; }

    [Column("ns", "ns since start", "When the call was in which it was noticed.")]
    public required long Ns { get; init; }

    [Column("thread", "thread", "Whose call that is: `threads.thread`.", Repeats = true)]
    public required int Thread { get; init; }

    [Column("call", "name", "That call; empty of a gap.")]
    public required string Call { get; init; }

    [Column("object", "id", "The block: `allocations.object`; -1 where it is not known.")]
    public required long Object { get; init; }

    [Column("address", "address", "Where it is or was, the 64 bits as a signed number; 0 where that is not known.")]
    public required long Address { get; init; }

    [Column("size", "bytes", "Requested by the call, or told by the release; 0 where it tells none. Saturates at 2^63−1.")]
    public required long Size { get; init; }

    [Column("acquired_by", "name", "The call that acquired the block; empty where it is not known.")]
    public required string AcquiredBy { get; init; }

    [Column("acquired_size", "bytes", "What that call requested; 0 where it is not known. Saturates at 2^63−1.")]
    public required long AcquiredSize { get; init; }

    [Column("stack", "id", "Where the call was made: `stacks.stack`; 0 where it is not known or was not recorded.", Repeats = true)]
    public required int Stack { get; init; }

    [Column("calls", "calls", "1; of a gap the calls that were not recorded.", Repeats = true)]
    public required long Calls { get; init; }
}
