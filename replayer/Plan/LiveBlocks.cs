using System.Numerics;
using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Plan;

/// <summary>A block of the trace that is live.</summary>
/// <param name="Slot">Where the plan keeps it: a slot of its thread's own.</param>
/// <param name="Producer">Address of the op that acquires it.</param>
/// <param name="Size">Bytes requested.</param>
/// <param name="Acquired">What the order remembers of the call that acquired it.</param>
/// <param name="IsCarried">That call is of the prologue.</param>
internal readonly record struct LiveBlock(uint Slot, nint Producer, ulong Size, Acquisition Acquired, bool IsCarried = false);

/// <summary>The live blocks of a trace by their object ids. Memory: 46 to 48 bytes a block, of the most that were live at once.</summary>
/// <remarks>
/// Entries lie in pieces that are never moved, so that there is no moment at which all of it is there twice; they are chained, one or two to a
/// bucket. Ids are dense and rise: their low bits are a hash that puts blocks of one time beside each other.
/// </remarks>
internal sealed class LiveBlocks
{
    private const int PieceShift = 12, PieceSize = 1 << PieceShift;
    private const int None = -1;

    private readonly List<Entry[]> _pieces = [];
    private readonly Dictionary<long, ulong> _large = []; // sizes that an entry has no room for
    private int[] _buckets = [.. Enumerable.Repeat(None, 1024)];
    private int _free = None;
    private int _taken; // entries, free ones included

    private struct Entry
    {
        public long Id;
        public nint Producer;
        public long Mark;
        public uint Size;
        public uint Slot;
        public int Thread;
        public int Clock;
        public int Next;
        public bool IsCarried; // in what would be padding
    }

    public int Count { get; private set; }

    /// <summary>Those that are live, in no order that means anything.</summary>
    public IEnumerable<LiveBlock> All => _buckets.SelectMany(Chain).Select(i => BlockOf(At(i)));

    /// <param name="id">Of none that is live.</param>
    /// <param name="block">The block.</param>
    public void Add(long id, in LiveBlock block)
    {
        if (Count >= 2 * _buckets.Length)
            Grow();
        int place = _free;
        if (place == None)
        {
            place = _taken++;
            if (place >> PieceShift == _pieces.Count)
                _pieces.Add(new Entry[PieceSize]);
        }
        ref Entry entry = ref At(place);
        if (_free != None)
            _free = entry.Next;
        bool isLarge = block.Size >= uint.MaxValue;
        if (isLarge)
            _large[id] = block.Size;
        ref int bucket = ref BucketOf(id);
        entry = new Entry
        {
            Id = id,
            Producer = block.Producer,
            Mark = block.Acquired.Mark,
            Size = isLarge ? uint.MaxValue : (uint)block.Size,
            Slot = block.Slot,
            Thread = block.Acquired.Thread,
            Clock = block.Acquired.Clock,
            IsCarried = block.IsCarried,
            Next = bucket,
        };
        bucket = place;
        Count++;
    }

    /// <summary>Takes a block out. False where there is none of that id.</summary>
    public bool Remove(long id, out LiveBlock block)
    {
        ref int link = ref BucketOf(id);
        while (link != None)
        {
            int place = link;
            ref Entry entry = ref At(place);
            if (entry.Id != id)
            {
                link = ref entry.Next;
                continue;
            }
            block = BlockOf(entry);
            if (entry.Size == uint.MaxValue)
                _large.Remove(id);
            link = entry.Next;
            entry.Next = _free;
            _free = place;
            Count--;
            return true;
        }
        block = default;
        return false;
    }

    private ref Entry At(int place) => ref _pieces[place >> PieceShift][place & (PieceSize - 1)];

    private ref int BucketOf(long id) => ref _buckets[(int)id & (_buckets.Length - 1)];

    private LiveBlock BlockOf(in Entry entry) => new(
        entry.Slot, entry.Producer, entry.Size == uint.MaxValue ? _large[entry.Id] : entry.Size, new Acquisition(entry.Thread, entry.Mark, entry.Clock),
        entry.IsCarried);

    private IEnumerable<int> Chain(int first)
    {
        for (int place = first; place != None; place = At(place).Next)
            yield return place;
    }

    private void Grow()
    {
        int[] old = _buckets;
        _buckets = new int[(int)BitOperations.RoundUpToPowerOf2((uint)old.Length + 1)];
        Array.Fill(_buckets, None);
        foreach (int first in old)
        {
            for (int place = first, next; place != None; place = next)
            {
                ref Entry entry = ref At(place);
                next = entry.Next;
                ref int bucket = ref BucketOf(entry.Id);
                entry.Next = bucket;
                bucket = place;
            }
        }
    }
}
