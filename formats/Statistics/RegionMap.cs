using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Statistics;

/// <summary>How a mapped range ended. The order is that of the names in the table <c>regions</c>.</summary>
public enum RegionEnd
{
    /// <summary>The program gave it back.</summary>
    Unmapped,
    /// <summary><c>mremap</c> moved it, or made it another size: another range goes on for it.</summary>
    Remapped,
    /// <summary>Something else was mapped in its place.</summary>
    Replaced,
    /// <summary>It is mapped still.</summary>
    AliveAtEnd,
}

/// <summary>A range of addresses that one call had mapped, or what is left of it.</summary>
/// <param name="Address">Of its first byte.</param>
/// <param name="Size">Bytes, above 0.</param>
/// <param name="From">The call.</param>
public readonly record struct MappedRegion(ulong Address, ulong Size, RegionEvent From)
{
    /// <summary>The address behind it.</summary>
    public ulong End => Address + Size;
}

/// <summary>
/// What the kernel has mapped for a program, of the events in their order: ranges of addresses. A call may give back any part of what others mapped, and
/// what is left of a range then goes on as one range or two.
/// </summary>
public sealed class RegionMap
{
    private readonly SortedSet<MappedRegion> _mapped = new(Comparer<MappedRegion>.Create((a, b) => a.Address.CompareTo(b.Address)));
    private readonly Dictionary<int, List<MappedRegion>> _moving = []; // by thread: what it gave up in an mremap that has not ended
    private UInt128 _bytes;

    /// <summary>What is mapped, by address.</summary>
    public IEnumerable<MappedRegion> Mapped => _mapped.Concat(_moving.Values.SelectMany(m => m)).OrderBy(r => r.Address);

    /// <summary>Ranges that are mapped.</summary>
    public long Count => _mapped.Count + _moving.Values.Sum(m => m.Count);

    /// <summary>Bytes of them; at most <see cref="ByteCount.Max"/>.</summary>
    public ulong Bytes => ByteCount.Of(_bytes);

    /// <summary>The most bytes that were mapped at a time.</summary>
    public ulong PeakBytes { get; private set; }

    /// <summary>Events that were taken.</summary>
    public long Events { get; private set; }

    /// <summary>Takes the next event.</summary>
    /// <param name="e">The event.</param>
    /// <param name="ended">Told of each range that ends by it.</param>
    public void Take(in RegionEvent e, Action<MappedRegion, RegionEnd>? ended)
    {
        Events++;
        switch (e.Kind)
        {
            case CallKind.Munmap:
                Cut(e, RegionEnd.Unmapped, ended);
                break;
            case CallKind.MremapBegin:
                PutBack(e.Thread); // its thread went on: the end of that call is not in the trace
                var given = new List<MappedRegion>();
                Cut(e, RegionEnd.Remapped, (region, _) => given.Add(region));
                if (given.Count > 0)
                    _moving[e.Thread] = given;
                _bytes += Sum(given);
                break;
            case CallKind.MremapEnd:
                EndMove(e, ended);
                break;
            default:
                Map(e, ended);
                break;
        }
        PeakBytes = Math.Max(PeakBytes, Bytes);
    }

    private void EndMove(in RegionEvent e, Action<MappedRegion, RegionEnd>? ended)
    {
        if (e.Address == 0)
            PutBack(e.Thread);
        else if (_moving.Remove(e.Thread, out List<MappedRegion>? moved))
        {
            // What is not known to be mapped may be of a file.
            foreach (MappedRegion region in moved)
                ended?.Invoke(region, RegionEnd.Remapped);
            _bytes -= Sum(moved);
            Map(e, ended);
        }
    }

    private void Map(in RegionEvent e, Action<MappedRegion, RegionEnd>? ended)
    {
        Cut(e, RegionEnd.Replaced, ended);
        Add(e.Address, SizeOf(e), e);
    }

    /// <summary>A move that came to nothing: what was given up is there still.</summary>
    private void PutBack(int thread)
    {
        if (!_moving.Remove(thread, out List<MappedRegion>? kept))
            return;
        _bytes -= Sum(kept);
        foreach (MappedRegion region in kept)
        {
            Cut(region.From with { Address = region.Address, Size = region.Size }, RegionEnd.Replaced, ended: null); // another thread had it mapped by then
            Add(region.Address, region.Size, region.From);
        }
    }

    /// <summary>Takes a range out of what is mapped.</summary>
    private void Cut(in RegionEvent e, RegionEnd how, Action<MappedRegion, RegionEnd>? ended)
    {
        ulong from = e.Address, to = from + SizeOf(e);
        while (from < to && Overlapping(from, to) is { } region)
        {
            _mapped.Remove(region);
            _bytes -= region.Size;
            if (region.Address < from)
                Add(region.Address, from - region.Address, region.From);
            if (region.End > to)
                Add(to, region.End - to, region.From);
            ulong first = Math.Max(from, region.Address), end = Math.Min(to, region.End);
            ended?.Invoke(region with { Address = first, Size = end - first }, how);
        }
    }

    private MappedRegion? Overlapping(ulong from, ulong to)
    {
        // What begins before the end, the last of it: ranges do not overlap, so if that ends before the beginning all do.
        SortedSet<MappedRegion> before = _mapped.GetViewBetween(default, new MappedRegion(to - 1, 0, default));
        return before.Max is { Size: > 0 } last && last.End > from ? last : null;
    }

    private void Add(ulong address, ulong size, RegionEvent from)
    {
        if (size == 0)
            return;
        _mapped.Add(new MappedRegion(address, size, from));
        _bytes += size;
    }

    /// <summary>No further than addresses reach.</summary>
    private static ulong SizeOf(in RegionEvent e) => Math.Min(e.Size, ulong.MaxValue - e.Address);

    private static UInt128 Sum(List<MappedRegion> regions) => regions.Aggregate((UInt128)0, (sum, r) => sum + r.Size);
}
