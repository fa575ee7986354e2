namespace AllocReplay.Formats.Recording;

/// <summary>Where one chunk's payload lies: in the file <c>events</c>, or in memory when it was read from a tail.</summary>
internal readonly record struct ChunkReference(long Offset, int Length, ulong Ticks, uint Interval, byte[]? Tail);

/// <summary>One thread's chunks in order, and what their headers say of the thread.</summary>
/// <param name="index">Dense index in the trace.</param>
/// <param name="recordedIndex">The hook's index, which has gaps where a thread died before its first event.</param>
internal sealed class ThreadStream(int index, uint recordedIndex)
{
    public int Index { get; } = index;
    public uint RecordedIndex { get; } = recordedIndex;
    public List<ChunkReference> Chunks { get; } = [];
    public uint OsTid { get; init; }
    public string Name { get; init; } = "";

    public ThreadInfo ToInfo() => new(Index, OsTid, Name);
}
