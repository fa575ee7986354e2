using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Calls;

/// <summary>
/// One call of a program, in merged order: when it began and ended, what was asked for, which block it was given, gave back and took. The
/// two events of a reallocation are one call, which stands where its end does; <see cref="ITraceSink.Begin"/> tells of its beginning.
/// </summary>
/// <remarks>
/// Objects are numbered as <see cref="TraceEvent.Object"/> says; <see cref="TraceEvent.NoObject"/> stands for none and for what is not known.
/// </remarks>
public record struct TraceCall
{
    /// <summary>The call's event; of a reallocation its end, which the merge has given what the beginning tells.</summary>
    internal TraceEvent Event;

    /// <summary>Of a reallocation: its beginning.</summary>
    internal ReallocBegin Begin;

    /// <summary>What was called; a reallocation by its end (<see cref="CallKind.ReallocEnd"/>, <see cref="CallKind.ReallocArrayEnd"/>).</summary>
    public readonly CallKind Kind => Event.Kind;

    /// <summary>Whether it is realloc or reallocarray.</summary>
    public readonly bool IsReallocation => CallKinds.IsReallocEnd(Event.Kind);

    /// <summary>Whether it is free or operator delete, in any form.</summary>
    public readonly bool IsDeallocation => CallKinds.IsDeallocation(Event.Kind);

    /// <summary>Dense index of the thread, from 0.</summary>
    public readonly int Thread => Event.Thread;

    /// <summary>Number of the recorded interval that it falls into, from 1.</summary>
    public readonly uint Interval => Event.Interval;

    /// <inheritdoc cref="TraceEvent.IsCarried"/>
    public readonly bool IsCarried => Event.IsCarried;

    /// <summary>
    /// The moment by which the trace orders it, nanoseconds since the start of the recording: the begin of a deallocation, the end of any
    /// other call.
    /// </summary>
    public readonly long TimeNs => Event.TimeNs;

    /// <summary>
    /// When it began, nanoseconds since the start of the recording, as far as the trace tells: of an acquisition without latency, when it
    /// had ended; of a reallocation whose beginning is not in the trace, 0.
    /// </summary>
    public readonly long BeginNs => IsReallocation ? Begin.TimeNs : IsDeallocation ? Event.TimeNs : Event.TimeNs - Event.DurationNs;

    /// <summary>
    /// When it ended, nanoseconds since the start of the recording, as far as the trace tells: of a deallocation without latency, when it
    /// began.
    /// </summary>
    public readonly long EndNs => IsDeallocation ? Event.TimeNs + Event.DurationNs : Event.TimeNs;

    /// <inheritdoc cref="TraceEvent.DurationNs"/>
    public readonly long DurationNs => Event.DurationNs;

    /// <inheritdoc cref="TraceEvent.Size"/>
    public readonly ulong Size => Event.Size;

    /// <inheritdoc cref="TraceEvent.Count"/>
    public readonly ulong Count => Event.Count;

    /// <inheritdoc cref="TraceEvent.Alignment"/>
    public readonly ulong Alignment => Event.Alignment;

    /// <inheritdoc cref="TraceEvent.BytesRequested"/>
    public readonly ulong BytesRequested => Event.BytesRequested;

    /// <inheritdoc cref="TraceEvent.Stack"/>
    public readonly int Stack => Event.Stack;

    /// <summary>Address of the block taken, or given back by a deallocation; 0 when <see cref="IsNull"/>.</summary>
    public readonly ulong Address => Event.Address;

    /// <summary>Address that a reallocation was given; 0 for a null pointer, for other calls, and where its beginning is not in the trace.</summary>
    public readonly ulong PreviousAddress => IsReallocation ? Begin.Address : 0;

    /// <summary>It returned no block, or is a deallocation of a null pointer.</summary>
    public readonly bool IsNull => Event.IsNull;

    /// <summary>It is a deallocation or reallocation of a null pointer.</summary>
    public readonly bool IsOfNull => IsReallocation ? Begin.IsNull : IsDeallocation && Event.IsNull;

    /// <summary>A reallocation to zero bytes that returned null: it gave the old block back, and took none.</summary>
    public readonly bool Frees => IsReallocation && Event.IsNull && Event.Object < 0 && Event.BytesRequested == 0 && !Begin.IsNull;

    /// <summary>The block that it was given, to give back or to reallocate.</summary>
    public readonly long Given => IsReallocation ? Event.PreviousObject : IsDeallocation ? Event.Object : TraceEvent.NoObject;

    /// <summary>The slot of <see cref="Given"/>, or −1.</summary>
    public readonly int GivenSlot => IsReallocation ? Event.PreviousSlot : IsDeallocation ? Event.Slot : TraceEvent.NoSlot;

    /// <summary>The block that it took.</summary>
    public readonly long Acquired => IsNull || IsDeallocation ? TraceEvent.NoObject : Event.Object;

    /// <inheritdoc cref="TraceEvent.ReleasedObject"/>
    public readonly long Released => Event.ReleasedObject;

    /// <summary>A reallocation that failed: the block that stays what it was.</summary>
    public readonly long Kept => IsNull && IsReallocation ? Event.Object : TraceEvent.NoObject;

    /// <summary>The slot of <see cref="Acquired"/> or <see cref="Kept"/>, or −1.</summary>
    public readonly int TakenSlot => IsDeallocation ? TraceEvent.NoSlot : Event.Slot;

    /// <inheritdoc cref="TraceEvent.DisplacedObject"/>
    public readonly long Displaced => Event.DisplacedObject;

    /// <inheritdoc cref="TraceEvent.DisplacedSlot"/>
    public readonly int DisplacedSlot => Event.DisplacedSlot;
}
