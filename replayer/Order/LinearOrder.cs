using AllocReplay.Formats.Calls;

namespace AllocReplay.Replayer.Order;

/// <summary>Every call waits for the one before it in the merged order (<c>total</c>).</summary>
internal sealed class LinearOrder : CallOrder
{
    private readonly Predecessor[] _last = [new Predecessor(-1, 0)];

    public override ReadOnlySpan<Predecessor> Before(int thread, long beginNs)
    {
        bool waits = _last[0].Thread >= 0 && _last[0].Thread != thread;
        Unreduced += waits ? 1 : 0;
        return waits ? _last : [];
    }

    public override bool IsImplied(in Acquisition block, int thread, long beginNs) => true;

    public override void Add(in TraceCall call, long beginNs, long position) => _last[0] = new Predecessor(call.Thread, position);

    public override void Add(in ThreadEvent e, long position) => _last[0] = new Predecessor(e.Thread, position);

    public override Acquisition Remember(int thread, long position) => new(thread, 0, 0);
}
