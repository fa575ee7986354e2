using AllocReplay.Replayer.Scratch;

namespace AllocReplay.Replayer.Order;

/// <summary>When the calls of one thread ran, as far back as anybody may still ask. Calls are told by their number, from 0.</summary>
internal sealed unsafe class CallHistory(CallHistory.Pieces pieces)
{
    private const int PieceShift = 6, PieceSize = 1 << PieceShift;

    private readonly List<nint> _pieces = [];
    private long _dropped; // pieces

    public CallTimes* Last { get; private set; }
    public long Count { get; private set; }
    /// <summary>The first call that is kept.</summary>
    public long First => _dropped << PieceShift;

    public void Add(in CallTimes call)
    {
        if ((Count & (PieceSize - 1)) == 0)
            _pieces.Add(pieces.Take());
        Last = (CallTimes*)_pieces[^1] + (Count++ & (PieceSize - 1));
        *Last = call;
    }

    /// <param name="index">From <see cref="First"/>, below <see cref="Count"/>.</param>
    public CallTimes* At(long index) => (CallTimes*)_pieces[(int)((index >> PieceShift) - _dropped)] + (index & (PieceSize - 1));

    /// <summary>The last call that ended before a moment, or null. Looks back in steps that double: it is seldom far.</summary>
    public CallTimes? LastBefore(long ns)
    {
        long high = Count - 1; // ended before ns: all below low; not: all above high
        long step = 1;
        while (high >= First && At(high)->EndNs >= ns)
        {
            high -= step;
            step *= 2;
        }
        long low = Math.Max(high, First - 1), end = Math.Min(low + step, Count);
        // Between low, which ended before ns or is none, and end, which did not or is none.
        while (end - low > 1)
        {
            long middle = (low + end) / 2;
            if (At(middle)->EndNs < ns)
                low = middle;
            else
                end = middle;
        }
        return low < First ? null : *At(low);
    }

    /// <summary>Nobody will ask for a moment before this one: only the last call that ended before it is kept, and what came after.</summary>
    public void DropBefore(long ns)
    {
        int drop = 0;
        // A piece goes where the first call of the next one had ended: that one, or a later one, is the answer.
        while (drop + 1 < _pieces.Count && ((CallTimes*)_pieces[drop + 1])->EndNs < ns)
            pieces.Give(_pieces[drop++]);
        _pieces.RemoveRange(0, drop);
        _dropped += drop;
    }

    /// <summary>The memory of all histories, by the piece.</summary>
    /// <param name="spill">Where it is, as far as it goes: null where pieces are given back, so that there are never many.</param>
    internal sealed class Pieces(Spill? spill)
    {
        private const int SlabPieces = 256;

        private readonly Stack<nint> _free = [];
        private readonly List<CallTimes[]> _slabs = []; // never moved, and there as long as this is

        public nint Take()
        {
            if (spill is not null)
                return (nint)spill.Allocate<CallTimes>(PieceSize);
            if (_free.Count == 0)
                AddSlab();
            return _free.Pop();
        }

        public void Give(nint piece) => _free.Push(piece);

        private void AddSlab()
        {
            CallTimes[] slab = GC.AllocateUninitializedArray<CallTimes>(SlabPieces * PieceSize, pinned: true);
            _slabs.Add(slab);
            var start = (CallTimes*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref slab[0]);
            for (int i = 0; i < SlabPieces; i++)
                _free.Push((nint)(start + i * PieceSize));
        }
    }
}
