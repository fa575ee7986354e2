using System.Buffers;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;

namespace AllocReplay.Formats.Import;

/// <summary>A thread that an import has met.</summary>
internal sealed class ImportThread(int index)
{
    public int Index { get; } = index;

    /// <summary>Of its latest event.</summary>
    public ulong Ticks { get; set; }

    public RawEvent[]? Held;
    public int Count;
    public int Place;
}

/// <summary>
/// Takes the events of an import, which come in any order of threads, and writes them in blocks of one thread.
/// </summary>
/// <remarks>
/// What waits for its block is held as plain events, which cost a thread of few events a kilobyte, and not a block's columns. Room
/// for at most <see cref="RoomMax"/> events is held in all, whatever the number of threads: beyond it, the threads that hold at
/// least half of the average write what they have. They hold at least half of it all, so that a look at every thread is paid for
/// by as many events.
/// </remarks>
internal sealed class ImportWriter(PackWriter pack, int roomMax = ImportWriter.RoomMax)
{
    /// <summary>Events of 64 bytes: 128 MiB.</summary>
    public const int RoomMax = 1 << 21;

    /// <summary>A thread costs a reader more than its events: beyond this, the file is refused.</summary>
    public const int ThreadsMax = 1 << 20;

    private const int RoomMin = 16;

    private readonly List<uint> _osTids = [];
    private readonly List<ImportThread> _holders = [];
    private long _room;
    private int _blockEvents = PackedWire.BlockEventsMax;

    /// <summary>Whether calls carry how long they took. To be set before the first call.</summary>
    public bool Latency { get; set; }

    /// <summary>What a tick lasts, and when time 0 is.</summary>
    public ClockRate Clock { get; set; } = new(0, 0, 1ul << 32);

    public long Events { get; private set; }

    public IReadOnlyList<uint> OsTids => _osTids;

    /// <summary>A new thread. Its first event is its start, of unknown parent.</summary>
    /// <returns>null when there are <see cref="ThreadsMax"/> already.</returns>
    public ImportThread? Begin(uint osTid, ulong ticks)
    {
        if (_osTids.Count == ThreadsMax)
            return null;
        var thread = new ImportThread(_osTids.Count);
        _osTids.Add(osTid);
        _blockEvents = TracePacker.EventsPerBlock(_osTids.Count);
        Add(thread, new RawEvent { Kind = CallKind.ThreadStart, Ticks = ticks, OtherThread = -1 });
        return thread;
    }

    /// <summary>Appends an event to a thread's stream. Its time is not before that of the event before.</summary>
    public void Add(ImportThread thread, in RawEvent e)
    {
        if (thread.Held is null || thread.Count == thread.Held.Length)
            Grow(thread);
        ref RawEvent held = ref thread.Held![thread.Count++];
        held = e;
        held.Interval = 1;
        thread.Ticks = e.Ticks;
        Events++;
        // A thread with a whole block is busy: it keeps its room.
        if (thread.Count >= _blockEvents)
            Write(thread);
    }

    /// <summary>No more events of the thread will come.</summary>
    public void End(ImportThread thread) => Release(thread);

    /// <summary>No more events will come.</summary>
    public void End()
    {
        while (_holders.Count > 0)
            Release(_holders[^1]);
    }

    private void Grow(ImportThread thread)
    {
        if (_room + (thread.Held?.Length ?? RoomMin) > roomMax)
            Relieve(); // perhaps of this thread's
        if (thread.Held is null)
        {
            thread.Held = ArrayPool<RawEvent>.Shared.Rent(RoomMin);
            thread.Place = _holders.Count;
            _holders.Add(thread);
            _room += thread.Held.Length;
        }
        else if (thread.Count == thread.Held.Length)
        {
            RawEvent[] larger = ArrayPool<RawEvent>.Shared.Rent(thread.Held.Length * 2);
            thread.Held.AsSpan().CopyTo(larger);
            ArrayPool<RawEvent>.Shared.Return(thread.Held);
            _room += larger.Length - thread.Held.Length;
            thread.Held = larger;
        }
    }

    private void Relieve()
    {
        long atLeast = _room / (2 * _holders.Count);
        for (int i = _holders.Count - 1; i >= 0; i--)
            if (_holders[i].Held!.Length >= atLeast)
                Release(_holders[i]);
    }

    /// <summary>Writes what a thread has, and frees its room.</summary>
    private void Release(ImportThread thread)
    {
        if (thread.Held is null)
            return;
        Write(thread);
        _room -= thread.Held.Length;
        ArrayPool<RawEvent>.Shared.Return(thread.Held);
        thread.Held = null;
        ImportThread last = _holders[^1];
        (_holders[thread.Place], last.Place) = (last, thread.Place);
        _holders.RemoveAt(_holders.Count - 1);
    }

    private void Write(ImportThread thread)
    {
        if (thread.Count == 0)
            return;
        EventBlockWriter block = pack.NewBlock(Latency ? CallFields.Duration : CallFields.None);
        foreach (ref readonly RawEvent e in thread.Held.AsSpan(0, thread.Count))
            block.Add(e);
        pack.WriteBlock(0, thread.Index, block);
        thread.Count = 0;
    }
}
