using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Merge;

/// <summary>
/// Merges the streams of all threads into one order that respects program order and ownership, then time.
/// </summary>
/// <remarks>
/// <para>Counters of different cores are not a total order: a thread may read its counter before the event that it depends
/// on is stamped elsewhere. So the earliest event is only taken when ownership allows it: an acquisition needs its address
/// to be free, a release needs it to be live. A stream whose next event may not be taken is parked under that address until
/// another stream's event makes it possible. Order within a thread is never changed.</para>
/// <para>The event waited for may not be in the trace at all (a block older than the recording, a lost event). So a park
/// ends when the merge has moved <see cref="ParkBoundNs"/> past it; the step is then forced, and counted.</para>
/// <para><b>Whose release it is.</b> A core may read its counter for a release before it has the pointer: the stamp is then earlier than the acquisition's,
/// and lies, by chance, in the life of a block before at the same address, which its own thread releases and acquires again at once. So a release by
/// another thread than the one that acquired the block waits for the address's next owner where the streams say that within <see cref="SkewNs"/> the
/// acquirer itself releases the address, and nobody acquires it in between. Where stamps are in order somebody does, so nothing waits that need not. How
/// far streams are looked at ahead is bounded; with more than <see cref="StreamsMax"/> of them no release waits.</para>
/// <para>An event makes way for one other: an address that became free can be taken once, one that became live released once. So one
/// stream is woken, the earliest, however many wait; where it waits for another owner it makes way for the next, up to a bound. So no trace can make the
/// merge slower than n log n.</para>
/// <para>Between two intervals anything may have happened: the address of a block of an earlier interval counts as free.</para>
/// <para>Of a recording that grows, events up to a <see cref="Horizon"/> are taken. A stream that has no more events is asked again by
/// <see cref="Resume"/>, and streams may be added: as nothing up to the horizon is to come, neither changes what was taken already. What waits for an
/// event of another stream goes on waiting where the horizon is not beyond its bound: without a horizon, the end of the other streams is. A release whose
/// block depends on what is behind the horizon waits, and all behind it.</para>
/// <para>What is kept of events that a recording has let go of comes first, from streams of its own: as it is from before one cut through all threads, no
/// later event belongs between. A thread's reallocation may begin there and end behind the cut.</para>
/// <para>Memory: one entry per live block, one chunk per thread.</para>
/// </remarks>
internal sealed class OwnershipMerge : IDisposable
{
    /// <summary>Far beyond what counters of one machine differ by or a core reorders; far below what a reader would notice.</summary>
    public const long ParkBoundNs = 1_000_000;

    /// <summary>By how much a release may be stamped too early: what a core does while it waits for a cache line.</summary>
    public const long SkewNs = 1_000;

    /// <summary>So many are looked at for who acquires an address: beyond, a hostile trace could make it slow.</summary>
    private const int StreamsMax = 1024;

    /// <summary>Of them so many are looked into that have an event soon enough.</summary>
    private const int StreamsLookedInto = 16;

    /// <summary>So many are asked, one after the other, whether a block is theirs to release.</summary>
    private const int WakesMax = 4;

    private const int NoPlace = -1;

    private readonly List<MergeStream> _streams = [];
    private readonly List<MergeStream?> _streamOf = []; // by thread: the one that is read
    private readonly PriorityQueue<MergeStream, (ulong Ticks, int Thread)> _ready = new();

    /// <summary>Parked streams, by the address and whether they wait for it to be free (an acquisition) or to be live.</summary>
    private readonly Dictionary<(ulong Address, bool Free), SortedSet<MergeStream>> _waiters = [];

    private readonly SortedSet<MergeStream> _parked = new(MergeStream.ByTime);
    private readonly List<MergeStream> _atEnd = []; // of what there is of them
    private readonly LiveAddresses _live = new();
    private readonly SlotArray<Owner> _owners = new(new Owner { Object = TraceEvent.NoObject });
    private readonly Stack<int> _freeSlots = new();
    private readonly Dictionary<uint, int> _denseThread;
    private readonly ulong _bound, _skew; // shifted ticks
    private readonly bool _forked;
    private readonly List<MergeStream> _later = []; // those to come behind what is carried
    private bool _isCarried; // it is what is read now
    private ulong _horizon = ulong.MaxValue, _limit = ulong.MaxValue;
    private MergeStream? _advanced; // gave the last event; not yet back in _ready
    private long _nextObject;
    private int _nextSlot, _wakes;
    private long _parks;
    private long _forced;
    private long _unknown;
    private long _inherited;
    private long _implicit;
    private long _whileStopped;
    private long _bytesOfRemoved;
    private uint _interval;
    private long _firstOfInterval; // objects below this id are of an earlier interval

    public OwnershipMerge(ITraceSource source, ulong fromTicks = 0)
        : this(source.Clock, source.Info.HasOlderBlocks, source.DenseThreads())
    {
        foreach (StreamInfo thread in source.Threads)
            if (fromTicks == 0 && source.OpenCarried(thread.Index) is { } carried)
                AddCarried(carried, thread.Index);
        foreach (StreamInfo thread in source.Threads)
            Add(source.OpenCursor(thread.Index, fromTicks), thread.Index);
    }

    /// <summary>A merge to which streams are added.</summary>
    /// <param name="clock">What times are told by.</param>
    /// <param name="forked">Whether the process began as a fork.</param>
    /// <param name="denseThreads">Indices of threads by the hook's numbers for them: those that come are added by the caller.</param>
    public OwnershipMerge(in Clock clock, bool forked, Dictionary<uint, int> denseThreads)
    {
        (Clock, _forked, _denseThread) = (clock, forked, denseThreads);
        (_bound, _skew) = (clock.FromNs(ParkBoundNs), clock.FromNs(SkewNs));
    }

    /// <summary>What times are told by. Of a recording that grows its rate becomes better known.</summary>
    public Clock Clock { get; set; }

    /// <summary>Events after this are not taken yet, in shifted ticks.</summary>
    public ulong Horizon
    {
        get => _horizon;
        set
        {
            _horizon = value;
            _limit = _isCarried ? ulong.MaxValue : value;
        }
    }

    /// <summary>Told of each event that is taken, with what its thread's stream holds; null: nobody.</summary>
    public IMergeWitness? Witness { get; set; }

    /// <summary>Adds a stream of what is kept of a thread's events that are gone, before any is read.</summary>
    /// <param name="cursor">These events, which the merge disposes of.</param>
    /// <param name="thread">Its index.</param>
    public void AddCarried(IEventCursor cursor, int thread)
    {
        (_isCarried, _limit) = (true, ulong.MaxValue);
        Begin(new MergeStream(cursor, thread));
    }

    /// <summary>Whether the next event is carried.</summary>
    public bool HasCarried => _isCarried && (_advanced is not null || _ready.Count + _parked.Count > 0);

    /// <summary>Adds a thread's stream.</summary>
    /// <param name="cursor">Its events, which the merge disposes of.</param>
    /// <param name="thread">Its index.</param>
    public MergeStream Add(IEventCursor cursor, int thread)
    {
        var stream = new MergeStream(cursor, thread);
        if (_isCarried)
            _later.Add(stream);
        else
            Begin(stream);
        return stream;
    }

    /// <summary>Lets go of a stream that has come to its end, and to which nothing comes any more.</summary>
    public void Remove(MergeStream stream)
    {
        _bytesOfRemoved += stream.Cursor.BytesRead;
        _streams.Remove(stream);
        _streamOf[stream.Thread] = null;
        _atEnd.Remove(stream);
        stream.Cursor.Dispose();
    }

    /// <summary>Goes on with streams that had come to their end and have grown.</summary>
    public void Resume()
    {
        MergeStream[] waiting = [.. _atEnd];
        _atEnd.Clear();
        foreach (MergeStream stream in waiting)
            if (Advance(stream))
                _ready.Enqueue(stream, (stream.Head.Ticks, stream.Thread));
    }

    public MergeStatistics Statistics => new(_parks, _forced, _unknown, _implicit, _whileStopped, _inherited);

    public int LiveBlocks => _live.Count;

    /// <summary>The beginning of the reallocation whose end was read last.</summary>
    public ReallocBegin Reallocation { get; private set; }

    /// <summary>Bytes of stored events that were loaded so far.</summary>
    public long BytesRead => _bytesOfRemoved + _streams.Sum(s => s.Cursor.BytesRead);

    /// <summary>The damage that ended a stream early, or null. The other streams go on.</summary>
    public TraceFormatException? Damage { get; private set; }

    public bool Read(out TraceEvent e)
    {
        while (true)
        {
            if (!TakeReady(out MergeStream? stream))
            {
                if (EndCarried())
                    continue;
                e = default;
                return false;
            }
            int place = HasBlock(stream.Head) ? _live.Find(stream.Head.Address) : NoPlace;
            AddressState state = StateFor(stream, place);
            if (state == AddressState.NotKnownYet)
            {
                _ready.Enqueue(stream, (stream.Head.Ticks, stream.Thread));
                e = default;
                return false;
            }
            if (state == AddressState.Forbids)
            {
                if (!stream.Overdue)
                {
                    bool isWoken = stream.HasParked;
                    Park(stream);
                    if (isWoken && _live.SlotAt(place) >= 0)
                        WakeAfter(stream);
                    continue;
                }
                // The event that it waits for is missing. What a forked process releases its parent acquired: nothing is in doubt there.
                if (!_forked || CallKinds.IsAcquisition(stream.Head.Kind))
                    _forced++;
            }
            stream.Overdue = false;
            Emit(stream, place, out e);
            Witness?.Take(stream.Head, e);
            if (Advance(stream))
                _advanced = stream;
            return true;
        }
    }

    private void Begin(MergeStream stream)
    {
        _streams.Add(stream);
        while (_streamOf.Count <= stream.Thread)
            _streamOf.Add(null);
        _streamOf[stream.Thread] = stream;
        if (Advance(stream))
            _ready.Enqueue(stream, (stream.Head.Ticks, stream.Thread));
    }

    /// <summary>Goes on behind what is carried. False where that was not what was read.</summary>
    private bool EndCarried()
    {
        if (!_isCarried)
            return false;
        _isCarried = false;
        _limit = _horizon;
        _atEnd.Clear(); // nothing comes to them
        var begun = new Dictionary<int, TraceEvent>();
        foreach (MergeStream carried in _streams)
            begun[carried.Thread] = carried.PendingRealloc;
        foreach (MergeStream stream in _later)
        {
            stream.PendingRealloc = begun.GetValueOrDefault(stream.Thread, MergeStream.NoRealloc);
            Begin(stream);
        }
        _later.Clear();
        return true;
    }

    /// <summary>The stream whose event comes next, unless ownership forbids it. False when there is none.</summary>
    private bool TakeReady([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out MergeStream? stream)
    {
        MergeStream? advanced = _advanced;
        _advanced = null;
        if (_parked.Count == 0 && advanced is not null)
        {
            // The usual case: in one step, which costs nothing where the stream goes on being the earliest.
            stream = _ready.EnqueueDequeue(advanced, (advanced.Head.Ticks, advanced.Thread));
            if (stream.Head.Ticks <= _limit)
                return true;
            _advanced = stream;
            return false;
        }
        if (advanced is not null)
            _ready.Enqueue(advanced, (advanced.Head.Ticks, advanced.Thread));
        if (TakeOverdue(out stream))
            return true;
        if (!_ready.TryPeek(out stream, out var next) || next.Ticks > _limit)
            return false;
        _ready.Dequeue();
        return true;
    }

    public void Dispose()
    {
        foreach (MergeStream stream in _streams.Concat(_later))
            stream.Cursor.Dispose();
    }

    private static bool HasBlock(in RawEvent head) => !head.IsNull && CallKinds.IsOfBlock(head.Kind);

    /// <summary>What ownership says of the event of a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="place">That of the event's address, or none.</param>
    private AddressState StateFor(MergeStream stream, int place)
    {
        if (place == NoPlace)
            return AddressState.Allows;
        int slot = _live.SlotAt(place);
        if (CallKinds.IsAcquisition(stream.Head.Kind))
            return slot >= 0 && _owners[slot].Object >= FirstObjectOf(stream.Head.Interval) ? AddressState.Forbids : AddressState.Allows;
        if (slot < 0)
            return AddressState.Forbids;
        int owner = _owners[slot].Thread;
        return owner == stream.Thread || stream.Overdue ? AddressState.Allows : StateFor(stream, _streamOf[owner]);
    }

    /// <summary>What ownership says of a release of what another thread acquired: whether that one releases it.</summary>
    private AddressState StateFor(MergeStream stream, MergeStream? owner)
    {
        ulong address = stream.Head.Address, until = stream.Head.Ticks + Math.Min(_skew, ulong.MaxValue - stream.Head.Ticks);
        bool isWaiting = owner is { IsWaiting: true };
        if (owner is null || isWaiting && owner.Head.Ticks > until)
            return AddressState.Allows;
        if (until > _limit)
            return AddressState.NotKnownYet;
        if (!isWaiting || owner.NextUse(address, until, fromHead: true, out ulong released) != AddressUse.Release)
            return AddressState.Allows;
        if (stream.NextUse(address, released, fromHead: false, out _) == AddressUse.Acquisition || _streams.Count > StreamsMax)
            return AddressState.Allows;
        int lookedInto = 0;
        foreach (MergeStream other in _streams)
        {
            if (other == stream || !other.IsWaiting || other.Head.Ticks > released)
                continue;
            if (++lookedInto > StreamsLookedInto || other.NextUse(address, released, fromHead: true, out _) == AddressUse.Acquisition)
                return AddressState.Allows;
        }
        return AddressState.Forbids;
    }

    private long FirstObjectOf(uint interval) => interval > _interval ? _nextObject : _firstOfInterval;

    private void Park(MergeStream stream)
    {
        if (!stream.HasParked)
            (stream.HasParked, stream.Park) = (true, _parks++);
        _parked.Add(stream);
        if (!_waiters.TryGetValue(stream.Wait, out SortedSet<MergeStream>? waiters))
            _waiters.Add(stream.Wait, waiters = new SortedSet<MergeStream>(MergeStream.ByTime));
        waiters.Add(stream);
    }

    private void Unpark(MergeStream stream)
    {
        _parked.Remove(stream);
        SortedSet<MergeStream> waiters = _waiters[stream.Wait];
        waiters.Remove(stream);
        if (waiters.Count == 0)
            _waiters.Remove(stream.Wait);
    }

    /// <summary>Wakes the earliest stream that waits for an address to be free, or to be live.</summary>
    private void Wake(ulong address, bool free)
    {
        if (_waiters.Count == 0 || !_waiters.TryGetValue((address, free), out SortedSet<MergeStream>? waiters))
            return;
        MergeStream stream = waiters.Min!;
        Unpark(stream);
        _ready.Enqueue(stream, (stream.Head.Ticks, stream.Thread));
    }

    /// <summary>Wakes the stream that waits for the same as one that goes on waiting, and comes after it.</summary>
    private void WakeAfter(MergeStream stream)
    {
        if (CallKinds.IsAcquisition(stream.Head.Kind) || ++_wakes > WakesMax)
            return;
        SortedSet<MergeStream> waiters = _waiters[stream.Wait];
        MergeStream? next = waiters.Count == 1 ? null : waiters.GetViewBetween(stream, waiters.Max!).Skip(1).FirstOrDefault();
        if (next is null)
            return;
        Unpark(next);
        _ready.Enqueue(next, (next.Head.Ticks, next.Thread));
    }

    /// <summary>A parked stream whose wait is over because time has passed it by, or because nothing else is left.</summary>
    private bool TakeOverdue([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out MergeStream? stream)
    {
        stream = null;
        if (_parked.Count == 0)
            return false;
        MergeStream earliest = _parked.Min!;
        bool isThere = _ready.TryPeek(out _, out var first);
        if (isThere || _limit != ulong.MaxValue)
        {
            // What is to come, of streams that have no event now too, is beyond the horizon.
            ulong next = isThere ? Math.Min(first.Ticks, _limit) : _limit;
            if (next <= earliest.Head.Ticks || next - earliest.Head.Ticks <= _bound)
                return false;
        }
        Unpark(earliest);
        earliest.Overdue = true;
        stream = earliest;
        return true;
    }

    private void Emit(MergeStream stream, int place, out TraceEvent e)
    {
        ref readonly RawEvent head = ref stream.Head;
        if (head.Interval > _interval)
            (_interval, _firstOfInterval) = (head.Interval, _nextObject);
        TraceEvent.Of(head, stream.Thread, Clock, _denseThread, out e);
        if (!CallKinds.IsOfBlock(head.Kind))
            return;
        if (CallKinds.IsReallocEnd(head.Kind))
            EndRealloc(stream, place, ref e);
        else if (head.IsNull)
            StartRealloc(stream, e);
        else if (CallKinds.IsAcquisition(head.Kind))
            Acquire(place, ref e);
        else
            Release(stream, place, ref e);
    }

    private void Acquire(int place, ref TraceEvent e)
    {
        e.Object = _nextObject++;
        // Not the slot of what it takes the place of: that one is told of in the same event.
        e.Slot = _freeSlots.TryPop(out int free) ? free : _nextSlot++;
        _owners[e.Slot] = new Owner { Object = e.Object, Thread = e.Thread };
        int before = _live.SlotAt(place);
        if (before >= 0)
        {
            e.DisplacedObject = _owners[before].Object;
            e.DisplacedSlot = before;
            _freeSlots.Push(before);
            if (e.DisplacedObject < _firstOfInterval)
                _whileStopped++;
            else
                _implicit++;
        }
        _live.Put(place, e.Address, e.Slot);
        _wakes = 0;
        Wake(e.Address, free: false);
    }

    private void Release(MergeStream stream, int place, ref TraceEvent e)
    {
        int slot = _live.SlotAt(place);
        if (slot >= 0)
        {
            e.Object = _owners[slot].Object;
            e.Slot = slot;
            _live.RemoveAt(place);
        }
        else if (_forked)
            _inherited++;
        else
            _unknown++;
        if (CallKinds.IsReallocBegin(e.Kind))
            StartRealloc(stream, e); // has the slot until the call ends
        else if (slot >= 0)
            _freeSlots.Push(slot);
        Wake(e.Address, free: true);
    }

    private static void StartRealloc(MergeStream stream, in TraceEvent e)
    {
        if (CallKinds.IsReallocBegin(e.Kind))
            stream.PendingRealloc = e;
    }

    private void EndRealloc(MergeStream stream, int place, ref TraceEvent e)
    {
        TraceEvent begin = stream.PendingRealloc;
        stream.PendingRealloc = MergeStream.NoRealloc;
        Reallocation = new ReallocBegin(begin.TimeNs, begin.Address, begin.IsNull);
        e.Size = begin.Size;
        e.Count = begin.Count;
        e.PreviousObject = begin.Object;
        e.PreviousSlot = begin.Slot;
        // A null result of realloc(p, 0) has freed p; of any other size it is a failure, and p stays.
        if (!e.IsNull)
            Acquire(place, ref e);
        else if (begin.Slot >= 0 && begin.BytesRequested != 0 && TryKeep(begin))
            (e.Object, e.Slot) = (begin.Object, begin.Slot);
        if (begin.Slot >= 0 && e.Slot != begin.Slot)
            _freeSlots.Push(begin.Slot);
    }

    /// <summary>Gives a block that could not be reallocated its address back, unless that has a new owner.</summary>
    private bool TryKeep(in TraceEvent begin)
    {
        int place = _live.Find(begin.Address);
        if (_live.SlotAt(place) >= 0)
            return false;
        _live.Put(place, begin.Address, begin.Slot);
        Wake(begin.Address, free: false);
        return true;
    }

    /// <summary>Reads a stream's next event. False at its end.</summary>
    private bool Advance(MergeStream stream)
    {
        try
        {
            stream.HasParked = false;
            if (stream.IsWaiting = stream.Read())
                return true;
            _atEnd.Add(stream);
            return false;
        }
        catch (TraceFormatException damage)
        {
            (stream.IsWaiting, stream.IsBroken) = (false, true);
            Damage ??= damage;
            return false;
        }
    }

    private enum AddressState
    {
        Allows,
        Forbids,
        NotKnownYet, // it depends on events behind the horizon
    }

    /// <summary>Of a live block.</summary>
    private struct Owner
    {
        public long Object;
        public int Thread; // that acquired it
    }
}
