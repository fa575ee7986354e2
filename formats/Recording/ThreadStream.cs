using System.Runtime.CompilerServices;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Recording;

/// <summary>Where one chunk's payload lies: in one of <see cref="EventFiles"/>, or in memory when it was read from a tail.</summary>
/// <param name="Segment">Which file; of no meaning with <paramref name="Tail"/>.</param>
/// <param name="Offset">Of the payload, in that file or in <c>tails</c>.</param>
/// <param name="Length">Bytes of payload.</param>
/// <param name="Ticks">The chunk's base time.</param>
/// <param name="Interval">The interval that it belongs to.</param>
/// <param name="Tail">The payload, from a tail.</param>
internal readonly record struct ChunkReference(int Segment, long Offset, int Length, ulong Ticks, uint Interval, byte[]? Tail)
{
    /// <summary>Its header included.</summary>
    public long Bytes => (long)Length + Unsafe.SizeOf<ChunkHeader>();
}

/// <summary>One thread's chunks in order, and what their headers say of the thread.</summary>
internal sealed record ThreadStream(StreamInfo Info)
{
    public List<ChunkReference> Chunks { get; } = [];

    /// <summary>Bytes of the first chunk's payload that the recording has let go of.</summary>
    public int Skip { get; init; }

    /// <summary>Chunks of what is kept of the events before.</summary>
    public List<ChunkReference> Carried { get; } = [];
}
