using System.Numerics;
using AllocReplay.Formats.Files;

namespace AllocReplay.Formats.Merge;

/// <summary>
/// Which block is live at an address, by its slot. A hash table with open addressing, since every event of a trace looks into it once or twice: what an
/// event needs lies in one line of the cache, and <see cref="Find"/> tells a place that <see cref="Put"/> and <see cref="RemoveAt"/> take, so that an
/// address is looked for once.
/// </summary>
/// <remarks>Addresses come from strangers: how they are hashed is drawn anew each time, so that no trace can be made slow.</remarks>
internal sealed class LiveAddresses
{
    private const int Smallest = 1 << 10;

    private readonly ulong _first = Odd(), _second = Odd();
    private Entry[] _entries = new Entry[Smallest]; // a power of two; at most half of them are in use
    private int _shift = 64 - BitOperations.Log2(Smallest);

    private struct Entry
    {
        public ulong Address;
        public int Used; // the slot + 1; 0: free
    }

    /// <summary>Blocks that are live.</summary>
    public int Count { get; private set; }

    /// <summary>The place of an address. It holds until the next change.</summary>
    public int Find(ulong address)
    {
        Entry[] entries = _entries;
        int at = Home(address);
        while (entries[at].Used != 0 && entries[at].Address != address)
            at = (at + 1) & (entries.Length - 1);
        return at;
    }

    /// <summary>The slot of the block that is live at the place of an address, or −1.</summary>
    public int SlotAt(int place) => _entries[place].Used - 1;

    /// <summary>A block is live at an address from now on, instead of another if there is one.</summary>
    /// <param name="place">The address's place.</param>
    /// <param name="address">The address.</param>
    /// <param name="slot">The block's slot.</param>
    public void Put(int place, ulong address, int slot)
    {
        ref Entry entry = ref _entries[place];
        bool isNew = entry.Used == 0;
        entry.Address = address;
        entry.Used = slot + 1;
        if (isNew && ++Count > _entries.Length / 2)
            Grow();
    }

    /// <summary>The block at a place is live no more.</summary>
    public void RemoveAt(int place)
    {
        // What follows without a gap moves up where it may, so that no search ends too early.
        Entry[] entries = _entries;
        int mask = entries.Length - 1, hole = place;
        for (int at = (hole + 1) & mask; entries[at].Used != 0; at = (at + 1) & mask)
        {
            if (((at - Home(entries[at].Address)) & mask) < ((at - hole) & mask))
                continue;
            entries[hole] = entries[at];
            hole = at;
        }
        entries[hole] = default;
        Count--;
    }

    private static ulong Odd() => KernelRandom.Next() | 1;

    private int Home(ulong address)
    {
        ulong mixed = address * _first;
        return (int)(((mixed ^ mixed >> 32) * _second) >> _shift);
    }

    private void Grow()
    {
        Entry[] old = _entries;
        _entries = new Entry[old.Length * 2];
        _shift--;
        foreach (Entry entry in old)
            if (entry.Used != 0)
                _entries[Find(entry.Address)] = entry;
    }
}
