using System.Runtime.InteropServices;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Worker;

/// <summary>Memory at one moment of a replay.</summary>
/// <param name="Calls">Calls done.</param>
/// <param name="ResidentBytes">Anonymous resident bytes.</param>
/// <param name="LiveBytes">Requested and not given back.</param>
/// <param name="TouchedBytes">Those of them that the touch policy has written.</param>
internal readonly record struct MemoryReading(long Calls, long ResidentBytes, long LiveBytes, long TouchedBytes);

/// <summary>
/// What a replay looks at under <see cref="Instrument.Memory"/>: what is live after each call, and resident memory at evenly spread calls and wherever
/// what is live has risen. Lives outside any heap.
/// </summary>
/// <remarks>
/// <para>Readings are tied to calls, not to a clock: a replay of 5 ms has as many as one of an hour, and the same ones each time. The grid has
/// <see cref="GridReadings"/> of them; besides, an acquisition that brings the live bytes <see cref="RiseMin"/> and a
/// <see cref="RiseShare"/>th over the last such reading is followed by one. So a peak that comes of what is live is missed by no more than that. What an
/// allocator holds for a moment within a call, or keeps and gives back between two readings, is left to the kernel's high-water mark.</para>
/// <para>Threads: live bytes and calls are added up atomically, and one thread at a time reads; another that comes meanwhile goes on without a reading. In the
/// order <c>total</c> each call happens after the one before, this book-keeping included, as it is done before the call is told to be done: no reading
/// is left out, and each is of exactly the calls before it. In other orders a block may be counted as gone by who takes it before it is counted as there by
/// who made it: sums are right in the end, and off by blocks that are handed over at the moment.</para>
/// <para>A charge is a block's size, and whether it was touched, by slot. It is there before the call that acquires the block, so before a
/// publication of the block; whoever takes the block reads it after its wait.</para>
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MemoryWatch
{
    public const int GridReadings = 600;
    public const int RiseReadings = 399;
    private const int Capacity = 1 + GridReadings + RiseReadings;
    private const long RiseMin = 64 << 10;
    private const int RiseShare = 64;

    private Replay* _replay;
    private ulong* _charges;
    private MemoryReading* _readings;
    private long _total;
    private long _peakResident;
    private int _risesKept;
    private uint _isReading;
    private long _nextCalls;
    private long _nextLive;
    private long _calls;
    private long _live;
    private long _touched;

    /// <summary>Resident memory is what is touched: see <see cref="Create"/>.</summary>
    public bool IsComputed { get; private init; }
    /// <summary>The window has not begun: what is acquired is live then, but no call is counted and nothing is read. Set while no thread makes calls.</summary>
    public bool IsPrologue { get; set; }
    /// <summary>Readings that <see cref="Readings"/> holds.</summary>
    public int Count { get; private set; }
    /// <summary>Readings taken, those of rises that were not kept included.</summary>
    public long Taken { get; private set; }
    /// <summary>The highest that live bytes have been after a call.</summary>
    public long PeakLiveBytes;
    /// <summary>The highest that touched bytes have been after a call.</summary>
    public long PeakTouchedBytes;

    public readonly ReadOnlySpan<MemoryReading> Readings => new(_readings, Count);
    /// <summary>The highest reading; where memory is computed, the highest there was.</summary>
    public readonly long PeakResidentBytes => IsComputed ? Pages(PeakTouchedBytes) : _peakResident;

    /// <param name="replay">Whose plan is loaded.</param>
    /// <param name="loops">Times that it will be replayed.</param>
    /// <param name="isComputed">Resident memory is what is touched, in whole pages, as the best that an allocator could do: nothing is read.</param>
    public static MemoryWatch* Create(Replay* replay, int loops, bool isComputed)
    {
        long calls = 0;
        for (int i = 0; i < replay->ThreadCount; i++)
            for (PlanOp* op = replay->Threads[i].Window; op != replay->Threads[i].End; op++)
                calls += op->Code < PlanCode.FirstNonCall ? 1 : 0;
        MemoryWatch* watch = (MemoryWatch*)Libc.Map((nuint)sizeof(MemoryWatch));
        *watch = new MemoryWatch
        {
            _replay = replay,
            _charges = (ulong*)Libc.Map((nuint)replay->SlotCount * sizeof(ulong)),
            _readings = (MemoryReading*)Libc.Map((nuint)(Capacity * sizeof(MemoryReading))),
            IsComputed = isComputed,
            _total = calls * loops,
        };
        replay->IsLocked &= Libc.Lock(watch->_charges, (nuint)replay->SlotCount * sizeof(ulong))
            & Libc.Lock(watch->_readings, (nuint)(Capacity * sizeof(MemoryReading)));
        return watch;
    }

    /// <summary>The first reading: nothing is done yet, and nothing live but what a prologue has acquired.</summary>
    public void Begin()
    {
        _peakResident = Resident();
        Keep(new MemoryReading(0, _peakResident, _live, _touched));
        _nextCalls = NextOnGrid(0);
        _nextLive = NextRise(_live);
    }

    /// <summary>The last reading, where the grid's last was left out, and what is left. No thread makes calls any more.</summary>
    /// <returns>Resident bytes.</returns>
    public long End()
    {
        long resident = Resident();
        _peakResident = Math.Max(_peakResident, resident);
        if (Count < Capacity && _readings[Count - 1].Calls < _calls)
            Keep(new MemoryReading(_calls, resident, _live, _touched));
        return resident;
    }

    /// <summary>What the trace leaves has been released.</summary>
    public void Clear() => (_live, _touched) = (0, 0);

    /// <summary>Resident bytes now.</summary>
    public readonly long Resident() => IsComputed ? Pages(_touched) : MemoryProbe.Anonymous();

    /// <summary>Before a call, after the wait for the block that it gives up. Its own result is for <see cref="After"/>.</summary>
    public readonly Pending Before(ReplayThread* self, PlanOp* op)
    {
        bool isRelease = CallTable.IsRelease(op->Code);
        uint old = isRelease ? op->Slot : CallTable.IsReallocation(op->Code) ? op[-1].Slot : PlanFormat.NullSlot;
        // What was published stays: the call itself will find it at once.
        if ((op->Flags & PlanFlags.Wait) != 0)
            _ = Handoff.Take(_replay->Slots + old, self);
        ulong given = Holds(old) ? _charges[old] : 0;
        // A reallocation that failed when recorded leaves the old block as it was, in the new slot.
        if (!isRelease && op->Slot != PlanFormat.NullSlot)
            _charges[op->Slot] = (op->Flags & PlanFlags.Keep) != 0 ? given : ChargeOf(op);
        return new Pending(given, self->FailedNow);
    }

    /// <summary>After a call, before it is told to be done.</summary>
    public void After(ReplayThread* self, PlanOp* op, Pending pending)
    {
        ulong taken = 0;
        if (!CallTable.IsRelease(op->Code) && op->Slot != PlanFormat.NullSlot)
        {
            // One that fails now does so too. Its taker may be there already, and count the size that was asked for: of a replay with failures all figures
            // are of less than the trace.
            bool isOld = CallTable.IsReallocation(op->Code) && self->FailedNow != pending.FailedNow;
            taken = !Holds(op->Slot) ? 0 : isOld ? pending.Given : _charges[op->Slot];
            if (taken != _charges[op->Slot])
                _charges[op->Slot] = taken;
        }
        Move(pending.Given, taken);
    }

    private void Move(ulong given, ulong taken)
    {
        long live = Add(ref _live, SizeOf(taken) - SizeOf(given)), touched = Add(ref _touched, TouchedOf(taken) - TouchedOf(given));
        Raise(ref PeakLiveBytes, live);
        Raise(ref PeakTouchedBytes, touched);
        if (IsPrologue)
            return;
        long calls = Interlocked.Increment(ref _calls);
        bool hasRisen = taken > given && live >= Volatile.Read(ref _nextLive);
        if (hasRisen || calls >= Volatile.Read(ref _nextCalls))
            Take();
    }

    private void Take()
    {
        if (Interlocked.CompareExchange(ref _isReading, 1, 0) != 0)
            return;
        var reading = new MemoryReading(Volatile.Read(ref _calls), Resident(), Volatile.Read(ref _live), Volatile.Read(ref _touched));
        _peakResident = Math.Max(_peakResident, reading.ResidentBytes);
        Taken++;
        bool isOnGrid = reading.Calls >= _nextCalls;
        if (isOnGrid)
            Volatile.Write(ref _nextCalls, NextOnGrid(reading.Calls));
        if (reading.LiveBytes >= _nextLive)
            Volatile.Write(ref _nextLive, NextRise(reading.LiveBytes));
        if (isOnGrid || _risesKept++ < RiseReadings)
            Keep(reading);
        Volatile.Write(ref _isReading, 0);
    }

    private void Keep(MemoryReading reading) => _readings[Count++] = reading;

    private static long NextRise(long live) => live + Math.Max(RiseMin, live / RiseShare);

    /// <summary>The first call after so many, of those that share the calls out evenly. The last of them is the last call.</summary>
    private readonly long NextOnGrid(long calls)
    {
        if (calls >= _total)
            return long.MaxValue;
        Int128 point = (Int128)calls * GridReadings / _total + 1;
        return (long)((point * _total + GridReadings - 1) / GridReadings);
    }

    /// <summary>Twice the size, and one more where it will be touched.</summary>
    private readonly ulong ChargeOf(PlanOp* op)
    {
        var kind = (CallKind)op->Code;
        bool isTouched = kind != CallKind.Calloc || _replay->TouchCalloc;
        return (CallTable.Requested(op) << 1) | (isTouched ? 1UL : 0);
    }

    private readonly bool Holds(uint slot) => _replay->Slots[slot] > SlotState.Awaited;

    private static long SizeOf(ulong charge) => (long)(charge >> 1);

    /// <summary>What the policy writes, at the least: a byte in each page of a block makes all of the block's bytes resident.</summary>
    private readonly long TouchedOf(ulong charge) => (charge & 1) == 0 ? 0 : _replay->Touch switch
    {
        TouchPolicy.None => 0,
        TouchPolicy.First => Math.Min(1, SizeOf(charge)),
        _ => SizeOf(charge),
    };

    private static long Pages(long bytes) => (bytes + Libc.PageSize - 1) / Libc.PageSize * Libc.PageSize;

    private static long Add(ref long sum, long change) => change == 0 ? Volatile.Read(ref sum) : Interlocked.Add(ref sum, change);

    private static void Raise(ref long peak, long value)
    {
        for (long seen = Volatile.Read(ref peak); value > seen;)
        {
            long found = Interlocked.CompareExchange(ref peak, value, seen);
            if (found == seen)
                return;
            seen = found;
        }
    }

    /// <summary>What has to be known of a call before it is made.</summary>
    /// <param name="Given">Charge of the block that it gives up.</param>
    /// <param name="FailedNow">The thread's failures until then.</param>
    internal readonly record struct Pending(ulong Given, long FailedNow);
}
