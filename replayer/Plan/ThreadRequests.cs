using AllocReplay.Formats.Calls;

namespace AllocReplay.Replayer.Plan;

/// <summary>What a thread must have done when a replay of it is done.</summary>
/// <param name="Calls">Calls reissued, without those of the prologue.</param>
/// <param name="BytesRequested">Bytes requested by them, modulo 2^64.</param>
/// <param name="CarriedCalls">Calls of the prologue: of what the trace carries.</param>
/// <param name="CarriedBytes">Bytes requested by those, modulo 2^64.</param>
public readonly record struct ThreadExpectation(long Calls, ulong BytesRequested, long CarriedCalls = 0, ulong CarriedBytes = 0);

/// <summary>Counts what each thread of a trace asked for, as the worker counts it: from the trace's calls, not from the plan that is made of them.</summary>
internal sealed class ThreadRequests(int threads) : ITraceSink
{
    private readonly ThreadExpectation[] _byThread = new ThreadExpectation[threads];

    public void Begin(in TraceEvent begin)
    {
    }

    public void Add(in TraceCall call)
    {
        ref ThreadExpectation thread = ref _byThread[call.Thread];
        ulong bytes = call.IsDeallocation ? 0 : Product(call.Size, call.Count);
        thread = call.IsCarried
            ? thread with { CarriedCalls = thread.CarriedCalls + 1, CarriedBytes = unchecked(thread.CarriedBytes + bytes) }
            : thread with { Calls = thread.Calls + 1, BytesRequested = unchecked(thread.BytesRequested + bytes) };
    }

    public void Add(in ThreadEvent e)
    {
    }

    /// <summary>What a replay must amount to, without the calls that the plan leaves out: releases, which ask for nothing.</summary>
    public ThreadExpectation[] Expect(IReadOnlyList<PlanThreadBuilder> plan) =>
        [.. _byThread.Select((t, i) => t with { Calls = t.Calls - plan[i].SkippedCalls, CarriedCalls = t.CarriedCalls - plan[i].SkippedCarriedCalls })];

    private static ulong Product(ulong size, ulong count) => Math.BigMul(size, count, out ulong low) == 0 ? low : ulong.MaxValue;
}
