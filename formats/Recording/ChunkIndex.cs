using System.Text;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Recording;

/// <summary>Collects the chunks of a process image by thread and sequence number.</summary>
internal sealed class ChunkIndex
{
    private readonly Dictionary<uint, List<(uint Sequence, ChunkReference Chunk)>> _chunks = [];
    private readonly Dictionary<uint, (uint Sequence, uint OsTid, string Name)> _identity = [];
    private readonly ChunkWalk _walk;
    private TraceFormatException? _damage;

    /// <param name="startTicks">The counter at the start.</param>
    /// <param name="startMonoNs">The clock then, in ns.</param>
    /// <param name="isGrowing">Whether the files are still written: what is missing before the last chunks is on its way.</param>
    public ChunkIndex(ulong startTicks, ulong startMonoNs, bool isGrowing = false)
    {
        LatestPair = (startTicks, startMonoNs);
        _walk = new ChunkWalk(Add) { IsGrowing = isGrowing };
    }

    /// <summary>The latest calibration pair that a chunk header carries: those of threads that are drained have none.</summary>
    public (ulong Ticks, ulong Ns) LatestPair { get; private set; }

    public TraceFormatException? Damage => _walk.Damage ?? _damage;

    /// <inheritdoc cref="ChunkWalk.ShortChunks"/>
    public int ShortChunks => _walk.ShortChunks;

    /// <inheritdoc cref="ChunkWalk.ReadTails"/>
    public void ReadTails(ByteSource tails) => _walk.ReadTails(tails);

    /// <inheritdoc cref="ChunkWalk.ReadEvents"/>
    public void ReadEvents(ByteSource events) => _walk.ReadEvents(events);

    /// <summary>Bytes of events in a process image's directory, without indexing them.</summary>
    public static long MeasureEvents(ByteFolder directory)
    {
        using ByteSource? events = directory.Open(Wire.EventsFile), tails = directory.Open(Wire.TailsFile);
        var walk = new ChunkWalk((_, _) => { });
        if (tails is not null)
            walk.ReadTails(tails);
        return (events?.Length ?? 0) + walk.TailBytes;
    }

    /// <summary>The streams, each up to its first missing chunk, densely numbered in order of thread creation.</summary>
    public IReadOnlyList<ThreadStream> Build(string directory)
    {
        var streams = new List<ThreadStream>();
        foreach ((uint thread, List<(uint Sequence, ChunkReference Chunk)> chunks) in _chunks.OrderBy(pair => pair.Key))
        {
            var stream = new ThreadStream(new StreamInfo(streams.Count, thread, _identity[thread].OsTid, _identity[thread].Name));
            // Stable: of two with one number, the later one, from `events`, stays behind the one from `tails`.
            (uint Sequence, ChunkReference Chunk)[] ordered = [.. chunks.OrderBy(c => c.Sequence)];
            for (int i = 0; i < ordered.Length; i++)
            {
                (uint sequence, ChunkReference chunk) = ordered[i];
                if (i + 1 < ordered.Length && ordered[i + 1].Sequence == sequence)
                    continue;
                if (sequence != (uint)stream.Chunks.Count)
                {
                    // A tail may be of a chunk behind one that is being brought to events.
                    if (!_walk.IsGrowing || chunk.Tail is null)
                        _damage ??= new TraceFormatException(directory, null,
                            $"expected chunk {stream.Chunks.Count} of thread {thread}, found chunk {sequence}: the events between are lost");
                    break;
                }
                stream.Chunks.Add(chunk);
            }
            streams.Add(stream);
        }
        return streams;
    }

    private void Add(ChunkHeader header, ChunkReference chunk)
    {
        if (!_chunks.TryGetValue(header.Thread, out var list))
            _chunks.Add(header.Thread, list = []);
        list.Add((header.Sequence, chunk));
        if (!_identity.TryGetValue(header.Thread, out var known) || header.Sequence >= known.Sequence)
            _identity[header.Thread] = (header.Sequence, header.OsTid, Text(header.Name));
        if (header.MonoNs != 0 && header.Ticks > LatestPair.Ticks)
            LatestPair = (header.Ticks, header.MonoNs);
    }

    internal static string Text(ReadOnlySpan<byte> name)
    {
        int end = name.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? name : name[..end]);
    }
}
