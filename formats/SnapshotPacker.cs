using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Formats;

/// <summary>Packs what there is of a process image that is being recorded, up to one moment of the merged order.</summary>
/// <param name="writer">Of the file.</param>
/// <param name="recording">What was found of it, from its beginning.</param>
/// <param name="name">Of the image.</param>
internal sealed class SnapshotPacker(PackWriter writer, GrowingRecording recording, string name) : IMergeWitness
{
    private const int AskEvery = 1 << 14; // events

    private ThreadBlocks? _blocks;
    private int _capacity;

    /// <summary>Events that were packed.</summary>
    public long Events { get; private set; }

    /// <summary>Packs it.</summary>
    /// <param name="report">Told the bytes that were read, now and then.</param>
    /// <param name="cancellation">Ends it early.</param>
    public void Run(Action<long> report, CancellationToken cancellation)
    {
        IReadOnlyList<StreamInfo> threads = recording.Threads;
        uint image = writer.WriteImage(new ImageMetadata
        {
            Name = name,
            Process = recording.Info,
            Clock = recording.Clock.Rate,
            Threads = [.. threads],
            Intervals = [.. recording.Intervals],
            Markers = [.. recording.Markers],
            Maps = recording.ReadMaps(),
            Carried = recording.Carried,
        });
        _blocks = new ThreadBlocks(writer, (thread, block) => writer.WriteBlock(image, thread, block));
        _capacity = TracePacker.EventsPerBlock(threads.Count);
        OwnershipMerge merge = recording.Merge;
        merge.Witness = this;
        for (long n = 1; merge.Read(out _); n++)
        {
            if (n % AskEvery != 0)
                continue;
            cancellation.ThrowIfCancellationRequested();
            report(merge.BytesRead);
        }
        _blocks.Flush();
        long untilNs = recording.Clock.ToNs(merge.Horizon);
        writer.WriteMemory(image, [.. recording.ReadMemory().TakeWhile(s => s.TimeNs <= untilNs)]);
        if (recording.ReadFrames() is { Count: > 0 } frames)
            writer.WriteStacks(image, frames);
        writer.WriteImageEnd(image, new ImageEnd { Events = Events, Damage = recording.Damage?.Message });
    }

    void IMergeWitness.Take(in RawEvent raw, in TraceEvent e)
    {
        _blocks!.Add(e.Thread, raw, _capacity, recording.Info.OptionalFields);
        Events++;
    }
}
