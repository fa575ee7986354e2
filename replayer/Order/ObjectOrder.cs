using AllocReplay.Formats.Calls;

namespace AllocReplay.Replayer.Order;

/// <summary>Calls wait for the blocks that they use and for nothing else (<c>deps</c>). Which of those waits others imply, vector clocks tell.</summary>
/// <remarks>
/// A thread's clock says for every thread how far it has come at least. It grows by a wait, to what the producer of the block
/// knew, and by creation, to what the parent knew. Clocks are never changed but replaced: blocks that a thread acquires
/// between two of its waits share one. Memory: one number per thread for every clock that a live block still holds.
/// </remarks>
internal sealed class ObjectOrder(int threadCount) : CallOrder
{
    private readonly long[]?[] _clocks = new long[]?[threadCount];

    public override ReadOnlySpan<Predecessor> Before(int thread, long beginNs) => [];

    public override bool IsImplied(in Acquisition block, int thread, long beginNs)
    {
        Unreduced++;
        if (_clocks[thread] is { } known && block.Thread < known.Length && known[block.Thread] > block.Mark)
            return true;
        Learn(thread, block.Clock, block.Thread, block.Mark);
        return false;
    }

    public override void Add(in TraceCall call, long beginNs, long position)
    {
    }

    public override void Add(in ThreadEvent e, long position)
    {
    }

    public override Acquisition Remember(int thread, long position) => new(thread, position, _clocks[thread]);

    public override void Created(int child, int parent, long beginNs, long position) => Learn(child, _clocks[parent], parent, position);

    /// <summary>Everything that a clock says, and that a thread has done the call at a position.</summary>
    private void Learn(int thread, long[]? clock, int other, long position)
    {
        long[]? old = _clocks[thread];
        var merged = new long[Math.Max(other + 1, Math.Max(old?.Length ?? 0, clock?.Length ?? 0))];
        old?.CopyTo(merged, 0);
        for (int i = 0; i < clock?.Length; i++)
            merged[i] = Math.Max(merged[i], clock[i]);
        merged[other] = Math.Max(merged[other], position + 1);
        _clocks[thread] = merged;
    }
}
