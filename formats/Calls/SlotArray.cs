namespace AllocReplay.Formats.Calls;

/// <summary>
/// What is kept of live blocks, by their slots (<see cref="TraceEvent.Slot"/>): an array that grows. It lies in pieces that are never moved, so that there
/// is no moment at which all of it is there twice.
/// </summary>
/// <remarks>Slots recur. Who has not been told of all blocks keeps the object beside what it keeps of it, and looks whether it is that one.</remarks>
/// <param name="empty">What is there of a slot that nothing was kept of.</param>
internal sealed class SlotArray<T>(T empty)
{
    private const int PieceShift = 12, PieceSize = 1 << PieceShift;

    private T[][] _pieces = [];

    /// <param name="slot">0 or more.</param>
    public ref T this[int slot]
    {
        get
        {
            if (slot >> PieceShift >= _pieces.Length)
                Grow(slot >> PieceShift);
            return ref _pieces[slot >> PieceShift][slot & (PieceSize - 1)];
        }
    }

    private void Grow(int piece)
    {
        int before = _pieces.Length;
        Array.Resize(ref _pieces, piece + 1);
        for (int i = before; i < _pieces.Length; i++)
        {
            _pieces[i] = new T[PieceSize];
            Array.Fill(_pieces[i], empty);
        }
    }
}
