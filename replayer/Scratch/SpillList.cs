using System.Numerics;

namespace AllocReplay.Replayer.Scratch;

/// <summary>A list in a <see cref="Spill"/>: it grows at its end, and what is in it stays where it is.</summary>
/// <remarks>Chunks double, so that ten thousand short lists take little, up to a size from which they are all alike: an index leads to its
/// chunk by arithmetic.</remarks>
internal sealed unsafe class SpillList<T>(Spill spill)
    where T : unmanaged
{
    private const int FirstChunk = 64;
    private const int Doublings = 8;
    private const int LargestChunk = FirstChunk << Doublings;
    private const long InDoubling = LargestChunk - FirstChunk; // elements in the chunks before the first of the largest

    private readonly List<nint> _chunks = [];
    private T* _next;
    private int _left;

    public long Count { get; private set; }

    public T* Append(in T value)
    {
        if (_left == 0)
        {
            _left = CapacityOf(_chunks.Count);
            _next = spill.Allocate<T>(_left);
            _chunks.Add((nint)_next);
        }
        T* place = _next++;
        *place = value;
        _left--;
        Count++;
        return place;
    }

    /// <param name="index">From 0, below <see cref="Count"/>.</param>
    public T* At(long index)
    {
        if (index >= InDoubling)
        {
            (long chunk, long rest) = Math.DivRem(index - InDoubling, LargestChunk);
            return (T*)_chunks[Doublings + (int)chunk] + rest;
        }
        int doubling = BitOperations.Log2((uint)index / FirstChunk + 1);
        return (T*)_chunks[doubling] + (index - FirstChunk * ((1 << doubling) - 1));
    }

    /// <summary>What is in it, in pieces that lie in a row each.</summary>
    public IEnumerable<(nint Start, int Count)> Chunks()
    {
        long left = Count;
        for (int i = 0; i < _chunks.Count; i++)
        {
            int count = (int)Math.Min(left, CapacityOf(i));
            yield return (_chunks[i], count);
            left -= count;
        }
    }

    private static int CapacityOf(int chunk) => FirstChunk << Math.Min(chunk, Doublings);
}
