using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Merge;

/// <summary>What an event does to an address.</summary>
internal enum AddressUse
{
    None,
    Acquisition,
    Release,
}

/// <summary>A thread's stream in the merge: the event that is to be taken next, and where it is asked for, some that follow.</summary>
/// <param name="cursor">The events, which the merge disposes of.</param>
/// <param name="thread">Index of the thread.</param>
internal sealed class MergeStream(IEventCursor cursor, int thread)
{
    /// <summary>Stands for the begin of a reallocation whose end alone is in the trace.</summary>
    public static readonly TraceEvent NoRealloc = new() { Object = TraceEvent.NoObject, Slot = TraceEvent.NoSlot, Count = 1 };

    /// <summary>Events of any stream are looked at ahead of their time: thousands may have the same.</summary>
    private const int AheadMax = 64;

    public RawEvent Head;
    public bool HasParked; // the head
    public long Park; // of the head that parked last: its number
    public bool Overdue; // it has waited long enough
    public bool IsWaiting; // Head was read, and is not taken yet
    public bool IsBroken; // damage has ended it
    public TraceEvent PendingRealloc = NoRealloc;

    private readonly Queue<(RawEvent Event, (uint Sequence, int Offset) Place)> _ahead = [];
    private (uint Sequence, int Offset)? _headPlace; // null: the cursor's last event
    private TraceFormatException? _damage; // behind what was looked at

    /// <summary>By the time of what they wait to do, then in order of parking.</summary>
    public static readonly Comparer<MergeStream> ByTime = Comparer<MergeStream>.Create(
        (a, b) => a.Head.Ticks != b.Head.Ticks ? a.Head.Ticks.CompareTo(b.Head.Ticks) : a.Park.CompareTo(b.Park));

    public IEventCursor Cursor { get; } = cursor;

    public int Thread { get; } = thread;

    /// <summary>The address that the head waits for, and whether for it to be free or to be live.</summary>
    public (ulong Address, bool Free) Wait => (Head.Address, CallKinds.IsAcquisition(Head.Kind));

    /// <summary>Where the first event begins that is not taken; null: where the cursor goes on.</summary>
    public (uint Sequence, int Offset)? Place =>
        IsWaiting ? _headPlace ?? Cursor.LastEvent : _ahead.TryPeek(out var next) ? next.Place : null;

    /// <summary>Goes on to the next event. False at the end of what there is.</summary>
    /// <exception cref="TraceFormatException">The stream is damaged here.</exception>
    public bool Read()
    {
        if (_ahead.TryDequeue(out var next))
        {
            (Head, _headPlace) = next;
            return true;
        }
        if (_damage is not null)
            throw _damage;
        _headPlace = null;
        return Cursor.Read(out Head);
    }

    /// <summary>What the thread does next with an address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="until">No later than this, in shifted ticks.</param>
    /// <param name="fromHead">Whether the head counts. A reallocation of the address that begins there and fails gives it back.</param>
    /// <param name="ticks">When.</param>
    public AddressUse NextUse(ulong address, ulong until, bool fromHead, out ulong ticks)
    {
        ticks = Head.Ticks;
        AddressUse first = UseOf(Head, address);
        if (fromHead && first != AddressUse.None)
            return first;
        bool isBegun = CallKinds.IsReallocBegin(Head.Kind) && first == AddressUse.Release;
        foreach ((RawEvent e, _) in _ahead)
        {
            ticks = e.Ticks;
            if (ticks > until)
                return AddressUse.None;
            if (UseOf(e, address, isBegun) is var use && use != AddressUse.None)
                return use;
        }
        while (ticks <= until && _ahead.Count < AheadMax && LookAhead(out RawEvent e))
        {
            ticks = e.Ticks;
            if (ticks <= until && UseOf(e, address, isBegun) is var use && use != AddressUse.None)
                return use;
        }
        return AddressUse.None;
    }

    private static AddressUse UseOf(in RawEvent e, ulong address, bool isBegun = false)
    {
        if (e.IsNull)
            return isBegun && CallKinds.IsReallocEnd(e.Kind) ? AddressUse.Acquisition : AddressUse.None;
        if (e.Address != address || !CallKinds.IsOfBlock(e.Kind))
            return AddressUse.None;
        return CallKinds.IsAcquisition(e.Kind) ? AddressUse.Acquisition : AddressUse.Release;
    }

    private bool LookAhead(out RawEvent e)
    {
        e = default;
        if (_damage is not null)
            return false;
        if (_ahead.Count == 0)
            _headPlace ??= Cursor.LastEvent;
        try
        {
            if (!Cursor.Read(out e))
                return false;
        }
        catch (TraceFormatException damage)
        {
            _damage = damage;
            return false;
        }
        _ahead.Enqueue((e, Cursor.LastEvent));
        return true;
    }
}
