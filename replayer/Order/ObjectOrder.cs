using AllocReplay.Formats.Calls;

namespace AllocReplay.Replayer.Order;

/// <summary>Calls wait for the blocks that they use and for nothing else (<c>deps</c>). Which of those waits others imply, vector clocks tell.</summary>
/// <remarks>
/// A thread's clock says for every thread how far it has come at least. It grows by a wait, to what the producer of the block
/// knew, and by creation, to what the parent knew. Clocks are never changed but replaced: blocks that a thread acquires
/// between two of its waits share one. Memory: one number per thread for every clock that a thread or a live block still holds.
/// </remarks>
internal sealed class ObjectOrder(int threadCount) : CallOrder
{
    private readonly int[] _clockOf = new int[threadCount]; // by thread
    private readonly List<(long[]? Clock, int Holders)> _clocks = [(null, 0)]; // the first is of those who know nothing
    private readonly Stack<int> _free = [];

    public override ReadOnlySpan<Predecessor> Before(int thread, long beginNs) => [];

    public override bool IsImplied(in Acquisition block, int thread, long beginNs)
    {
        Unreduced++;
        if (_clocks[_clockOf[thread]].Clock is { } known && block.Thread < known.Length && known[block.Thread] > block.Mark)
            return true;
        Learn(thread, _clocks[block.Clock].Clock, block.Thread, block.Mark);
        return false;
    }

    public override void Add(in TraceCall call, long beginNs, long position)
    {
    }

    public override void Add(in ThreadEvent e, long position)
    {
    }

    public override Acquisition Remember(int thread, long position)
    {
        Hold(_clockOf[thread], 1);
        return new(thread, position, _clockOf[thread]);
    }

    public override void Forget(in Acquisition block) => Hold(block.Clock, -1);

    public override void Created(int child, int parent, long beginNs, long position) => Learn(child, _clocks[_clockOf[parent]].Clock, parent, position);

    /// <summary>Everything that a clock says, and that a thread has done the call at a position.</summary>
    private void Learn(int thread, long[]? clock, int other, long position)
    {
        long[]? old = _clocks[_clockOf[thread]].Clock;
        var merged = new long[Math.Max(other + 1, Math.Max(old?.Length ?? 0, clock?.Length ?? 0))];
        old?.CopyTo(merged, 0);
        for (int i = 0; i < clock?.Length; i++)
            merged[i] = Math.Max(merged[i], clock[i]);
        merged[other] = Math.Max(merged[other], position + 1);
        Hold(_clockOf[thread], -1);
        if (!_free.TryPop(out int number))
        {
            number = _clocks.Count;
            _clocks.Add(default);
        }
        _clocks[number] = (merged, 1);
        _clockOf[thread] = number;
    }

    private void Hold(int number, int more)
    {
        if (number == 0)
            return;
        (long[]? clock, int holders) = _clocks[number];
        _clocks[number] = (holders + more == 0 ? null : clock, holders + more);
        if (holders + more == 0)
            _free.Push(number);
    }
}
