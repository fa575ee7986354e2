using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Calls;

/// <summary>One event of a trace, in merged order, with its address resolved to an object.</summary>
/// <remarks>
/// A reallocation is two events of one thread: <see cref="CallKind.ReallocBegin"/> releases the old object, and the next event
/// of that thread, <see cref="CallKind.ReallocEnd"/>, takes the new one. The end repeats the request, so a reader that wants
/// calls and not moments can ignore the begin.
/// </remarks>
public record struct TraceEvent
{
    /// <summary>The object id that stands for "none" or "not known".</summary>
    public const long NoObject = -1;

    /// <summary>The slot of none.</summary>
    internal const int NoSlot = -1;

    /// <summary>What happened.</summary>
    public CallKind Kind { get; internal set; }

    /// <summary>True when there is no address: the acquisition failed, or the release was given a null pointer.</summary>
    public bool IsNull { get; internal set; }

    /// <summary>Dense index of the thread, from 0.</summary>
    public int Thread { get; internal set; }

    /// <summary>
    /// Another thread's index: the parent of <see cref="CallKind.ThreadStart"/>, the child of <see cref="CallKind.ThreadCreate"/>. -1 for
    /// other kinds, and where that thread has no events.
    /// </summary>
    public int OtherThread { get; internal set; }

    /// <summary>Nanoseconds since the start of the recording, on the recording's monotonic clock. Never negative.</summary>
    public long TimeNs { get; internal set; }

    /// <summary>
    /// Nanoseconds that the real call took, as exact as the recording's clock (some nanoseconds); 0 when it took less, and unless latency
    /// was recorded (<see cref="ProcessInfo.Latency"/>). Of a reallocation: at its end.
    /// </summary>
    public long DurationNs { get; internal set; }

    /// <summary>Number of the recorded interval that it falls into, from 1.</summary>
    public uint Interval { get; internal set; }

    /// <summary>
    /// It is of the part of the recording that is gone: see <see cref="TraceReader.Carried"/>. Such events come before all others. A reallocation of that
    /// part is one of null, as nothing is known of what it was given.
    /// </summary>
    public bool IsCarried { get; internal set; }

    /// <summary>Address acquired or released; 0 when <see cref="IsNull"/> and for kinds without one. It recurs: <see cref="Object"/> does not.</summary>
    public ulong Address { get; internal set; }

    /// <summary>
    /// Bytes requested, of one element where <see cref="Count"/> is not 1; for sized releases, bytes that the program says the block has.
    /// 0 for kinds without a size, and where 0 was asked for.
    /// </summary>
    public ulong Size { get; internal set; }

    /// <summary>Elements requested, 0 included; 1 for kinds without a count.</summary>
    public ulong Count { get; internal set; }

    /// <summary>Alignment requested in bytes, as the program gave it: it need not be a power of two. 0 for kinds without one.</summary>
    public ulong Alignment { get; internal set; }

    /// <summary>
    /// The frame that the call was made in, in <see cref="Stacks.FrameTable"/>; 0 when it is not known, or was not recorded
    /// (<see cref="ProcessInfo.Stacks"/>). Of a reallocation: at its end.
    /// </summary>
    public int Stack { get; internal set; }

    /// <summary>
    /// The object acquired or released: ids are dense, from 0, in merged order of acquisition. <see cref="NoObject"/> when the
    /// call failed, released a null pointer, or released a block whose acquisition is not in the trace. A failed reallocation
    /// ends with its old object.
    /// </summary>
    public long Object { get; internal set; }

    /// <summary>On the end of a reallocation: the object that was given up. Otherwise, and where it is not known, <see cref="NoObject"/>.</summary>
    public long PreviousObject { get; internal set; }

    /// <summary>
    /// On an acquisition: the object that was still live at this address, because its release is not in the trace. Normally
    /// <see cref="NoObject"/>.
    /// </summary>
    public long DisplacedObject { get; internal set; }

    /// <summary>
    /// The place of <see cref="Object"/> among the blocks that are live, −1 where there is none: two blocks that are live at once have two, and there are
    /// hardly more than the most blocks that were. So what is known of a live block can be kept in an array.
    /// </summary>
    /// <remarks>A block has it until the event that tells of its end, of a reallocation the end, and the one after it may have it again.</remarks>
    public int Slot { get; internal set; }

    /// <summary>The slot of <see cref="PreviousObject"/>, or −1.</summary>
    public int PreviousSlot { get; internal set; }

    /// <summary>The slot of <see cref="DisplacedObject"/>, or −1.</summary>
    public int DisplacedSlot { get; internal set; }

    /// <summary>Bytes requested in all: size × count, at most <see cref="ByteCount.Max"/>.</summary>
    public readonly ulong BytesRequested => ByteCount.Of(Size, Count);

    /// <summary>
    /// The object that is no longer live after this event because the program gave it back: by a deallocation, or by a reallocation, at
    /// its end, unless that failed. Otherwise, and where it is not known, <see cref="NoObject"/>.
    /// </summary>
    public readonly long ReleasedObject =>
        CallKinds.IsDeallocation(Kind) ? Object : CallKinds.IsReallocEnd(Kind) && PreviousObject != Object ? PreviousObject : NoObject;

    /// <summary>Whether this event took a new block: a successful acquisition or reallocation.</summary>
    public readonly bool Acquires => !IsNull && CallKinds.IsAcquisition(Kind);

    /// <summary>An event of one thread's stream, before the merge: without objects.</summary>
    internal static void Of(in RawEvent raw, int thread, in Clock clock, Dictionary<uint, int> denseThreads, out TraceEvent e)
    {
        // Written where it is to be, not copied there: this is done for every event.
        e = default;
        e.Kind = raw.Kind;
        e.IsNull = raw.IsNull;
        e.Thread = thread;
        e.OtherThread = raw.OtherThread < 0 ? -1 : denseThreads.GetValueOrDefault((uint)raw.OtherThread, -1);
        e.TimeNs = clock.ToNs(raw.Ticks);
        e.Interval = raw.Interval;
        e.IsCarried = raw.IsCarried;
        e.DurationNs = raw.Duration == 0 ? 0 : clock.SpanToNs(raw.Duration);
        e.Address = raw.Address;
        e.Size = raw.Size;
        e.Count = raw.Count;
        e.Alignment = raw.Alignment;
        e.Stack = raw.Stack;
        e.Object = e.PreviousObject = e.DisplacedObject = NoObject;
        e.Slot = e.PreviousSlot = e.DisplacedSlot = NoSlot;
    }
}
