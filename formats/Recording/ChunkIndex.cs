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
    private readonly Dictionary<uint, List<ChunkReference>> _carried = [];
    private CarriedFile? _cut;
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
    public void ReadEvents(EventFiles files)
    {
        _walk.ReadEvents(files);
        _cut = files.Carried;
        if (_cut is not null)
            ReadCarried(_cut);
    }

    /// <summary>Bytes of events in a process image's directory, without indexing them.</summary>
    public static long MeasureEvents(ByteFolder directory)
    {
        using ByteSource? tails = directory.Open(Wire.TailsFile);
        var walk = new ChunkWalk((_, _) => { });
        if (tails is not null)
            walk.ReadTails(tails);
        using EventFiles files = EventFiles.Open(directory);
        return Enumerable.Range(files.First, files.End - files.First).Sum(files.LengthOf) + walk.TailBytes
            + (files.Carried is { } carried ? carried.Source.Length - carried.ChunksOffset : 0);
    }

    /// <summary>The streams, each up to its first missing chunk, densely numbered in order of thread creation.</summary>
    public IReadOnlyList<ThreadStream> Build(string directory)
    {
        var streams = new List<ThreadStream>();
        foreach (uint thread in _chunks.Keys.Union(_carried.Keys).Order())
        {
            CarriedPosition position = _cut?.PositionOf(thread) ?? default;
            // Stable: of two with one number, the later one, from `events`, stays behind the one from `tails`.
            (uint Sequence, ChunkReference Chunk)[] ordered =
                [.. _chunks.GetValueOrDefault(thread, []).Where(c => c.Sequence >= position.Sequence).OrderBy(c => c.Sequence)];
            List<ChunkReference> carried = _carried.GetValueOrDefault(thread, []);
            if (carried.Count == 0 && ordered.All(c => position.HasPassed(c.Sequence, c.Chunk.Length)))
                continue; // nothing is left of it
            var stream = new ThreadStream(new StreamInfo(streams.Count, thread, _identity[thread].OsTid, _identity[thread].Name))
            {
                Skip = (int)Math.Min(position.Offset, Wire.ChunkLengthMax),
            };
            stream.Carried.AddRange(carried);
            for (int i = 0; i < ordered.Length; i++)
            {
                (uint sequence, ChunkReference chunk) = ordered[i];
                if (i + 1 < ordered.Length && ordered[i + 1].Sequence == sequence)
                    continue;
                uint expected = position.Sequence + (uint)stream.Chunks.Count;
                if (sequence != expected)
                {
                    // A tail may be of a chunk behind one that is being brought to events.
                    if (!_walk.IsGrowing || chunk.Tail is null)
                        _damage ??= new TraceFormatException(directory, null,
                            $"expected chunk {expected} of thread {thread}, found chunk {sequence}: the events between are lost");
                    break;
                }
                stream.Chunks.Add(chunk);
            }
            streams.Add(stream);
        }
        return streams;
    }

    private void ReadCarried(CarriedFile carried)
    {
        try
        {
            foreach ((ChunkHeader header, ChunkReference chunk) in ChunkWalk.ReadCarried(carried))
            {
                if (!_carried.TryGetValue(header.Thread, out var list))
                    _carried.Add(header.Thread, list = []);
                list.Add(chunk);
                _identity.TryAdd(header.Thread, (0, header.OsTid, Text(header.Name)));
            }
        }
        catch (TraceFormatException damage)
        {
            _damage ??= damage;
        }
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
