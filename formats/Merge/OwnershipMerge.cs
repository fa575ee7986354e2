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
/// <para>An event makes way for one other: an address that became free can be taken once, one that became live released once. So one
/// stream is woken, the earliest, however many wait; no trace can make the merge slower than n log n.</para>
/// <para>Between two intervals anything may have happened: the address of a block of an earlier interval counts as free.</para>
/// <para>Of a recording that grows, events up to a <see cref="Horizon"/> are taken. A stream that has no more events is asked again by
/// <see cref="Resume"/>, and streams may be added: as nothing up to the horizon is to come, neither changes what was taken already. What waits for an
/// event of another stream goes on waiting where the horizon is not beyond its bound: without a horizon, the end of the other streams is.</para>
/// <para>What is kept of events that a recording has let go of comes first, from streams of its own: as it is from before one cut through all threads, no
/// later event belongs between. A thread's reallocation may begin there and end behind the cut.</para>
/// <para>Memory: one entry per live block, one chunk per thread.</para>
/// </remarks>
internal sealed class OwnershipMerge : IDisposable
{
    /// <summary>Far beyond what counters of one machine differ by or a core reorders; far below what a reader would notice.</summary>
    public const long ParkBoundNs = 1_000_000;

    private const int NoPlace = -1;

    /// <summary>Stands for the begin of a reallocation whose end alone is in the trace.</summary>
    private static readonly TraceEvent NoRealloc = new() { Object = TraceEvent.NoObject, Slot = TraceEvent.NoSlot, Count = 1 };

    private readonly List<Stream> _streams = [];
    private readonly PriorityQueue<Stream, (ulong Ticks, int Thread)> _ready = new();

    /// <summary>Parked streams, by the address and whether they wait for it to be free (an acquisition) or to be live.</summary>
    private readonly Dictionary<(ulong Address, bool Free), SortedSet<Stream>> _waiters = [];

    private readonly SortedSet<Stream> _parked = new(Stream.ByTime);
    private readonly List<Stream> _atEnd = []; // of what there is of them
    private readonly LiveAddresses _live = new();
    private readonly SlotArray<long> _objects = new(TraceEvent.NoObject);
    private readonly Stack<int> _freeSlots = new();
    private readonly Dictionary<uint, int> _denseThread;
    private readonly ulong _bound;
    private readonly bool _forked;
    private readonly List<Stream> _later = []; // those to come behind what is carried
    private bool _isCarried; // it is what is read now
    private ulong _horizon = ulong.MaxValue, _limit = ulong.MaxValue;
    private Stream? _advanced; // gave the last event; not yet back in _ready
    private long _nextObject;
    private int _nextSlot;
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
        : this(source.Clock, source.Info.Forked, source.DenseThreads())
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
        _bound = clock.FromNs(ParkBoundNs);
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
        Begin(new Stream(cursor, thread));
    }

    /// <summary>Whether the next event is carried.</summary>
    public bool HasCarried => _isCarried && (_advanced is not null || _ready.Count + _parked.Count > 0);

    /// <summary>Adds a thread's stream.</summary>
    /// <param name="cursor">Its events, which the merge disposes of.</param>
    /// <param name="thread">Its index.</param>
    public Stream Add(IEventCursor cursor, int thread)
    {
        var stream = new Stream(cursor, thread);
        if (_isCarried)
            _later.Add(stream);
        else
            Begin(stream);
        return stream;
    }

    /// <summary>Lets go of a stream that has come to its end, and to which nothing comes any more.</summary>
    public void Remove(Stream stream)
    {
        _bytesOfRemoved += stream.Cursor.BytesRead;
        _streams.Remove(stream);
        _atEnd.Remove(stream);
        stream.Cursor.Dispose();
    }

    /// <summary>Goes on with streams that had come to their end and have grown.</summary>
    public void Resume()
    {
        Stream[] waiting = [.. _atEnd];
        _atEnd.Clear();
        foreach (Stream stream in waiting)
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
            if (!TakeReady(out Stream? stream))
            {
                if (EndCarried())
                    continue;
                e = default;
                return false;
            }
            int place = HasBlock(stream.Head) ? _live.Find(stream.Head.Address) : NoPlace;
            if (Blocks(stream.Head, place))
            {
                if (!stream.Overdue)
                {
                    Park(stream);
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

    private void Begin(Stream stream)
    {
        _streams.Add(stream);
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
        foreach (Stream carried in _streams)
            begun[carried.Thread] = carried.PendingRealloc;
        foreach (Stream stream in _later)
        {
            stream.PendingRealloc = begun.GetValueOrDefault(stream.Thread, NoRealloc);
            Begin(stream);
        }
        _later.Clear();
        return true;
    }

    /// <summary>The stream whose event comes next, unless ownership forbids it. False when there is none.</summary>
    private bool TakeReady([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Stream? stream)
    {
        Stream? advanced = _advanced;
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
        foreach (Stream stream in _streams.Concat(_later))
            stream.Cursor.Dispose();
    }

    private static bool HasBlock(in RawEvent head) => !head.IsNull && !CallKinds.IsThreadEvent(head.Kind);

    /// <summary>Whether ownership forbids an event.</summary>
    /// <param name="head">The event.</param>
    /// <param name="place">That of its address, or none.</param>
    private bool Blocks(in RawEvent head, int place)
    {
        if (place == NoPlace)
            return false;
        int slot = _live.SlotAt(place);
        return CallKinds.IsAcquisition(head.Kind) ? slot >= 0 && _objects[slot] >= FirstObjectOf(head.Interval) : slot < 0;
    }

    private long FirstObjectOf(uint interval) => interval > _interval ? _nextObject : _firstOfInterval;

    private void Park(Stream stream)
    {
        stream.Park = _parks++;
        _parked.Add(stream);
        if (!_waiters.TryGetValue(stream.Wait, out SortedSet<Stream>? waiters))
            _waiters.Add(stream.Wait, waiters = new SortedSet<Stream>(Stream.ByTime));
        waiters.Add(stream);
    }

    private void Unpark(Stream stream)
    {
        _parked.Remove(stream);
        SortedSet<Stream> waiters = _waiters[stream.Wait];
        waiters.Remove(stream);
        if (waiters.Count == 0)
            _waiters.Remove(stream.Wait);
    }

    /// <summary>Wakes the earliest stream that waits for an address to be free, or to be live.</summary>
    private void Wake(ulong address, bool free)
    {
        if (_waiters.Count == 0 || !_waiters.TryGetValue((address, free), out SortedSet<Stream>? waiters))
            return;
        Stream stream = waiters.Min!;
        Unpark(stream);
        _ready.Enqueue(stream, (stream.Head.Ticks, stream.Thread));
    }

    /// <summary>A parked stream whose wait is over because time has passed it by, or because nothing else is left.</summary>
    private bool TakeOverdue([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Stream? stream)
    {
        stream = null;
        if (_parked.Count == 0)
            return false;
        Stream earliest = _parked.Min!;
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

    private void Emit(Stream stream, int place, out TraceEvent e)
    {
        ref readonly RawEvent head = ref stream.Head;
        if (head.Interval > _interval)
            (_interval, _firstOfInterval) = (head.Interval, _nextObject);
        TraceEvent.Of(head, stream.Thread, Clock, _denseThread, out e);
        if (CallKinds.IsThreadEvent(head.Kind))
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
        _objects[e.Slot] = e.Object;
        int before = _live.SlotAt(place);
        if (before >= 0)
        {
            e.DisplacedObject = _objects[before];
            e.DisplacedSlot = before;
            _freeSlots.Push(before);
            if (e.DisplacedObject < _firstOfInterval)
                _whileStopped++;
            else
                _implicit++;
        }
        _live.Put(place, e.Address, e.Slot);
        Wake(e.Address, free: false);
    }

    private void Release(Stream stream, int place, ref TraceEvent e)
    {
        int slot = _live.SlotAt(place);
        if (slot >= 0)
        {
            e.Object = _objects[slot];
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

    private static void StartRealloc(Stream stream, in TraceEvent e)
    {
        if (CallKinds.IsReallocBegin(e.Kind))
            stream.PendingRealloc = e;
    }

    private void EndRealloc(Stream stream, int place, ref TraceEvent e)
    {
        TraceEvent begin = stream.PendingRealloc;
        stream.PendingRealloc = NoRealloc;
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
    private bool Advance(Stream stream)
    {
        try
        {
            if (stream.IsWaiting = stream.Cursor.Read(out stream.Head))
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

    /// <summary>A thread's stream in the merge.</summary>
    internal sealed class Stream(IEventCursor cursor, int thread)
    {
        public RawEvent Head;
        public long Park; // number of its last park
        public bool Overdue; // it has waited long enough
        public bool IsWaiting; // Head was read, and is not taken yet
        public bool IsBroken; // damage has ended it
        public TraceEvent PendingRealloc = NoRealloc;

        /// <summary>By the time of what they wait to do, then in order of parking.</summary>
        public static readonly Comparer<Stream> ByTime = Comparer<Stream>.Create(
            (a, b) => a.Head.Ticks != b.Head.Ticks ? a.Head.Ticks.CompareTo(b.Head.Ticks) : a.Park.CompareTo(b.Park));

        public (ulong Address, bool Free) Wait => (Head.Address, CallKinds.IsAcquisition(Head.Kind));
        public IEventCursor Cursor { get; } = cursor;
        public int Thread { get; } = thread;
    }
}
