using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Tests.Support;

/// <summary>What tests/targets/known_calls.c does: 4 threads, 100 rounds each.</summary>
internal static class KnownCalls
{
    private const int Calls = 4 * 100;

    public static readonly IReadOnlyDictionary<string, long> Counts = new SortedDictionary<string, long>(StringComparer.Ordinal)
    {
        ["malloc"] = 2 * Calls + 4,
        ["calloc"] = Calls + 4,
        ["realloc"] = 2 * Calls + 4,
        ["reallocarray"] = Calls,
        ["posix_memalign"] = Calls,
        ["aligned_alloc"] = Calls,
        ["memalign"] = Calls,
        ["valloc"] = Calls,
        ["pvalloc"] = Calls,
        ["free"] = 10 * Calls,
    };

    /// <summary>One thread's round, as the source has it.</summary>
    private static readonly (CallKind Kind, ulong Bytes, ulong Alignment)[] Round =
    [
        (CallKind.Malloc, 10, 0), (CallKind.Calloc, 21, 0), (CallKind.PosixMemalign, 100, 64), (CallKind.AlignedAlloc, 64, 32),
        (CallKind.Memalign, 50, 128), (CallKind.Valloc, 5000, 0), (CallKind.Pvalloc, 100, 0),
        (CallKind.ReallocBegin, 1000, 0), (CallKind.ReallocEnd, 1000, 0),
        (CallKind.ReallocArrayBegin, 180, 0), (CallKind.ReallocArrayEnd, 180, 0),
        (CallKind.ReallocBegin, 77, 0), (CallKind.ReallocEnd, 77, 0), (CallKind.Malloc, 0, 0),
        .. Enumerable.Repeat((CallKind.Free, 0UL, 0UL), 9),
    ];

    public static SortedDictionary<string, long> CountsOf(TraceStatistics statistics)
    {
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (CallKind kind in Enum.GetValues<CallKind>())
            if (statistics.CountOf(kind) > 0 && !CallKinds.IsThreadEvent(kind) && !CallKinds.IsReallocBegin(kind))
                counts[CallKinds.CallName(kind)] = statistics.CountOf(kind);
        return counts;
    }

    /// <summary>Asserts that a thread's events are the source's calls, in the source's order.</summary>
    public static void AssertSequence(IReadOnlyList<TraceEvent> events)
    {
        Assert.Equal(CallKind.ThreadStart, events[0].Kind);
        Assert.Equal(CallKind.ThreadExit, events[^1].Kind);
        int at = 1;
        for (int round = 0; round < 100; round++)
        {
            for (int step = 0; step < Round.Length; step++)
            {
                (CallKind kind, ulong bytes, ulong alignment) = Round[step];
                TraceEvent e = events[at++];
                ulong expected = step == 0 ? bytes + (ulong)round : bytes;
                ulong actual = CallKinds.IsDeallocation(e.Kind) ? 0 : e.BytesRequested;
                Assert.Equal((kind, expected, alignment), (e.Kind, actual, e.Alignment));
            }
        }
        Assert.Equal([CallKind.ReallocBegin, CallKind.ReallocEnd, CallKind.Calloc, CallKind.Malloc], events.Skip(at).Take(4).Select(e => e.Kind));
        Assert.All(events.Skip(at + 1).Take(3), e => Assert.True(e.IsNull));
        Assert.All(events.Skip(at + 4).SkipLast(1), e => Assert.Equal(CallKind.Free, e.Kind));
        Assert.Equal(at + 4 + 100 + 1, events.Count);
    }
}
