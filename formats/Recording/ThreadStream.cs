using System.Runtime.CompilerServices;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Recording;

/// <summary>Where one chunk's payload lies: in the file <c>events</c>, or in memory when it was read from a tail.</summary>
internal readonly record struct ChunkReference(long Offset, int Length, ulong Ticks, uint Interval, byte[]? Tail)
{
    /// <summary>Its header included.</summary>
    public long Bytes => (long)Length + Unsafe.SizeOf<ChunkHeader>();
}

/// <summary>One thread's chunks in order, and what their headers say of the thread.</summary>
internal sealed record ThreadStream(StreamInfo Info)
{
    public List<ChunkReference> Chunks { get; } = [];
}
