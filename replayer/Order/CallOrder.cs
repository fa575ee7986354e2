using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Scratch;

namespace AllocReplay.Replayer.Order;

/// <summary>A call that another has to wait for.</summary>
/// <param name="Thread">Its thread.</param>
/// <param name="Position">What the user of the order knows it by, or <see cref="Exit"/>.</param>
internal readonly record struct Predecessor(int Thread, long Position)
{
    /// <summary>Not a call but the end of the thread.</summary>
    public const long Exit = long.MaxValue;
}

/// <summary>What an order remembers of the call that acquired a block, to tell at its release whether the wait for it is implied.</summary>
/// <param name="Thread">The call's thread.</param>
/// <param name="Mark">The order's own: a position, or a moment.</param>
/// <param name="Clock">The order's own: number of what the thread knew.</param>
internal readonly record struct Acquisition(int Thread, long Mark, int Clock);

/// <summary>
/// Which calls have to wait for which, beyond the order within each thread. Fed with the events of a trace in merged order; pure:
/// it reads no file and knows nothing of plans.
/// </summary>
/// <remarks>
/// For every event: <see cref="Observe"/>; then, where it is a call, or creates or ends a thread, the waits (<see cref="Before"/>,
/// <see cref="IsImplied"/>) and <c>Add</c>; then <see cref="Pass"/>. Every wait leads to a call that was added
/// earlier, so no waits can close a circle: docs/design/replay.md.
/// </remarks>
internal abstract class CallOrder
{
    /// <summary>Waits that there would be without the reduction.</summary>
    public long Unreduced { get; protected set; }

    /// <param name="order">Which edges to keep.</param>
    /// <param name="threadCount">Threads of the trace.</param>
    /// <param name="hasLatency">Whether the trace tells how long calls took.</param>
    /// <param name="spill">Where what grows with the trace goes.</param>
    public static CallOrder Create(ReplayOrder order, int threadCount, bool hasLatency, Spill spill) => order switch
    {
        ReplayOrder.Deps => new ObjectOrder(threadCount),
        ReplayOrder.Exact => new RealTimeOrder(threadCount, hasLatency, spill),
        _ => new LinearOrder(),
    };

    /// <summary>
    /// The order of what comes before the window of a recording of which the first part is gone (<see cref="TraceCall.IsCarried"/>), which is told of that
    /// alone: in <c>total</c> one call after the other, so that the same heap comes of it each time, else each thread by itself. All of the window comes
    /// after all of it.
    /// </summary>
    /// <param name="order">The order of the window.</param>
    /// <param name="threadCount">Threads of the trace.</param>
    public static CallOrder CreateForPrologue(ReplayOrder order, int threadCount) =>
        order == ReplayOrder.Total ? new LinearOrder() : new ObjectOrder(threadCount);

    /// <summary>The merged order has come to an event: a call, the beginning of a reallocation, or of a thread's life.</summary>
    /// <param name="thread">Its thread.</param>
    /// <param name="ns">Its stamp.</param>
    public virtual void Observe(int thread, long ns)
    {
    }

    /// <summary>The event that was observed last has been dealt with.</summary>
    public virtual void Pass(int thread, long ns)
    {
    }

    /// <summary>The earliest moment at which a call may have begun, in nanoseconds.</summary>
    public virtual long BeginOf(in TraceCall call) => call.BeginNs;

    /// <summary>The calls of other threads that a call waits for, except as objects tell and without those that are implied.</summary>
    /// <param name="thread">The call's thread.</param>
    /// <param name="beginNs">Its <see cref="BeginOf"/>.</param>
    /// <returns>Good until the next question.</returns>
    public abstract ReadOnlySpan<Predecessor> Before(int thread, long beginNs);

    /// <summary>Whether the other waits of a call already imply that a block of another thread is there. When not, it is one more wait.</summary>
    /// <param name="block">The call that acquired it.</param>
    /// <param name="thread">The thread of the call that takes it.</param>
    /// <param name="beginNs">When that call began.</param>
    public abstract bool IsImplied(in Acquisition block, int thread, long beginNs);

    /// <summary>A call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="beginNs">When it began.</param>
    /// <param name="position">What it will be known by; rising within a thread.</param>
    public abstract void Add(in TraceCall call, long beginNs, long position);

    /// <summary>The creation or end of a thread, which begins when it is stamped.</summary>
    /// <param name="e">The event.</param>
    /// <param name="position">As for a call.</param>
    public abstract void Add(in ThreadEvent e, long position);

    /// <summary>What to remember of the call that was added last, which acquired a block, until it is told to <see cref="Forget"/>.</summary>
    public abstract Acquisition Remember(int thread, long position);

    /// <summary>Nobody will ask for that block any more.</summary>
    public virtual void Forget(in Acquisition block)
    {
    }

    /// <summary>The call added last created this thread.</summary>
    public virtual void Created(int child, int parent, long beginNs, long position)
    {
    }
}
