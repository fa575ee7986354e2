using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Formats.Packed;

/// <summary>Packs what there is of a process image that is being recorded, up to one moment of the merged order.</summary>
/// <param name="writer">Of the file.</param>
/// <param name="recording">What was found of it, from its beginning.</param>
/// <param name="name">Of the image.</param>
internal sealed class SnapshotPacker(PackWriter writer, GrowingRecording recording, string name) : IMergeWitness
{
    private const int AskEvery = 1 << 14; // events

    private readonly List<EventBlockWriter?> _blocks = []; // by thread
    private uint _image;
    private int _capacity;

    /// <summary>Events that were packed.</summary>
    public long Events { get; private set; }

    /// <summary>Packs it.</summary>
    /// <param name="report">Told the bytes that were read, now and then.</param>
    /// <param name="cancellation">Ends it early.</param>
    public void Run(Action<long> report, CancellationToken cancellation)
    {
        IReadOnlyList<StreamInfo> threads = recording.Threads;
        _image = writer.WriteImage(new ImageMetadata
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
        for (int thread = 0; thread < _blocks.Count; thread++)
            Write(thread);
        if (recording.ReadFrames() is { Count: > 0 } frames)
            writer.WriteStacks(_image, frames);
        writer.WriteImageEnd(_image, new ImageEnd { Events = Events, Damage = recording.Damage?.Message });
    }

    void IMergeWitness.Take(in RawEvent raw, in TraceEvent e)
    {
        while (_blocks.Count <= e.Thread)
            _blocks.Add(null);
        if (_blocks[e.Thread] is { } begun && (begun.Events == _capacity || begun.Interval != raw.Interval || begun.IsCarried != raw.IsCarried))
            Write(e.Thread);
        (_blocks[e.Thread] ??= writer.NewBlock(recording.Info.OptionalFields)).Add(raw);
        Events++;
    }

    private void Write(int thread)
    {
        if (_blocks[thread] is { } block)
            writer.WriteBlock(_image, thread, block);
        _blocks[thread] = null;
    }
}
