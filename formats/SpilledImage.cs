using System.Runtime.InteropServices;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Formats;

/// <summary>A process image whose events <see cref="SpillPacker"/> takes from its directory into a file.</summary>
internal sealed class SpilledImage : IMergeWitness, IDisposable
{
    private const int AskEvery = 1 << 14, CommitEvery = 1 << 22; // events

    private readonly PackWriter _writer;
    private readonly string _directory;
    private readonly RecordingWindow _window;
    private readonly List<StreamInfo> _threads = []; // as the file has them
    private readonly Dictionary<uint, int> _indices = []; // in the file, by the hook's numbers
    private readonly List<int> _indexOf = []; // in the file, by index in the recording; -1: not met yet
    private readonly ThreadBlocks _blocks;
    private readonly HashSet<int> _active = []; // indices in the recording of threads that had events since the last commit
    private readonly Queue<Task<EncodedBlock>> _encoding = [];
    private readonly List<EncodedBlock> _encoded = []; // since the last commit
    private int _lastThread = -1; // of the recording: that had the latest event
    private uint? _number; // in the file; null: it does not have it yet
    private long _events; // that the file has, or is about to have
    private int _threadsWritten, _framesWritten, _intervals, _markers; // how many the file has

    /// <param name="directory">Of the image.</param>
    /// <param name="writer">Of the file.</param>
    /// <param name="begun">The image as the file has it; null: it does not have it.</param>
    /// <exception cref="TraceFormatException">The directory is no image's, or does not go on where the file ends.</exception>
    public SpilledImage(string directory, PackWriter writer, (uint Number, PackedImage Image)? begun)
    {
        (_writer, _directory) = (writer, directory);
        _blocks = new ThreadBlocks(writer, Encode);
        _window = RecordingWindow.Open(directory);
        _window.Witness = this;
        long packed = Recording.Files.Carried?.PackedLength ?? 0;
        if (Recording.Carried is not null && (packed == 0 || begun is null))
            throw new TraceFormatException(directory, null, "the file that its first part was packed into does not have it");
        if (begun is not { } known)
            return;
        (_number, _events) = (known.Number, known.Image.EventCountOf(null) ?? 0);
        foreach (StreamInfo thread in known.Image.Threads)
        {
            _threads.Add(thread);
            _indices[thread.RecordedIndex] = thread.Index;
        }
        _threadsWritten = _threads.Count;
    }

    /// <summary>Bytes of chunks that were read.</summary>
    public long BytesRead => Recording.Merge.BytesRead;

    /// <summary>The first damage that was met, or null.</summary>
    public TraceFormatException? Damage => Recording.Damage;

    private GrowingRecording Recording => _window.Recording;

    /// <summary>Packs segments that nobody writes any more. One that is damaged is left where it is, for who is told to go on.</summary>
    /// <param name="stop">Ends it early, behind a segment.</param>
    /// <returns>Whether there were any.</returns>
    public bool PackSegments(CancellationToken stop)
    {
        bool any = false;
        Look();
        while (Damage is null && !stop.IsCancellationRequested && _window.OldestSegment is { } segment && _window.PassSegment(segment) && Damage is null)
        {
            Commit(end: null);
            any = true;
        }
        return any;
    }

    /// <summary>Finds what has come.</summary>
    public void Look() => _window.Look();

    /// <summary>Packs all that is there, in parts.</summary>
    /// <param name="isLast">Whether nobody writes it any more.</param>
    /// <param name="partial">Whether to go on where it is damaged.</param>
    /// <param name="report">Told the bytes that were read, now and then.</param>
    /// <param name="cancellation">Ends it early, after a whole part.</param>
    /// <exception cref="TraceDamagedException">It is damaged, and <paramref name="partial"/> is not given.</exception>
    public void PackAll(bool isLast, bool partial, Action<long> report, CancellationToken cancellation)
    {
        _window.Look(isLast);
        for (long n = AskEvery; _window.PassEvents(AskEvery) == AskEvery; n += AskEvery)
        {
            cancellation.ThrowIfCancellationRequested();
            report(BytesRead);
            if (n % CommitEvery == 0 && Damage is null && _window.IsCut)
                Commit(end: null);
        }
        if (isLast)
            Recording.End();
        if (Damage is { } damage && !partial)
            throw new TraceDamagedException(damage);
        if (isLast)
            Commit(new ImageEnd { Events = _events, Damage = Damage?.Message }, Recording.ReadMemory());
        else if (_window.IsCut)
            Commit(end: null, Recording.ReadMemory());
    }

    void IMergeWitness.Take(in RawEvent raw, in TraceEvent e)
    {
        int thread = IndexOf(e.Thread);
        if (_lastThread != e.Thread)
            _active.Add(_lastThread = e.Thread);
        _blocks.Add(thread, raw, TracePacker.EventsPerBlock(_threads.Count), Recording.Info.OptionalFields);
        _events++;
    }

    public void Dispose() => _window.Dispose();

    /// <summary>
    /// Has the file take what was passed since the last time, and then the directory let go of it: who is killed in between has both, and
    /// <see cref="SpillPacker.Continue"/> takes it out of the file.
    /// </summary>
    /// <param name="end">What ends it in the file; null while it goes on.</param>
    /// <param name="memory">How much memory its process had; null: that stays in the directory alone for now, as it is small, and told as a whole.</param>
    private void Commit(ImageEnd? end, IReadOnlyList<MemorySample>? memory = null)
    {
        _blocks.Flush();
        while (_encoding.TryDequeue(out Task<EncodedBlock>? block))
            _encoded.Add(block.GetAwaiter().GetResult());
        WriteWhatIsKnown();
        foreach (EncodedBlock block in _encoded)
            _writer.WriteBlock(_number!.Value, block);
        _encoded.Clear();
        WriteStacks();
        _writer.WriteMemory(_number!.Value, memory ?? []);
        if (end is not null)
        {
            if (SymbolStore.Read(ByteFolder.OfDirectory(_directory)) is { Count: > 0 } symbols)
                _writer.WriteSymbols(_number!.Value, symbols);
            _writer.WriteImageEnd(_number!.Value, end);
        }
        _writer.Flush();
        if (end is null)
            _window.Save(_writer.Length);
    }

    private void WriteWhatIsKnown()
    {
        var changed = new SortedDictionary<int, StreamInfo>();
        foreach (int thread in _active)
        {
            StreamInfo now = Recording.Threads[thread];
            int index = _indexOf[thread];
            if (now.Index >= 0 && now with { Index = index } is var told && (_threads[index] != told || index >= _threadsWritten))
                changed[index] = _threads[index] = told;
        }
        _active.Clear();
        _lastThread = -1;
        IReadOnlyList<Interval> intervals = Recording.Intervals;
        IReadOnlyList<Marker> markers = Recording.Markers;
        if (_number is { } number)
        {
            _writer.WriteImageUpdate(number, new ImageUpdate
            {
                Process = Recording.Info,
                Clock = Recording.Clock.Rate,
                Threads = [.. changed.Values],
                Intervals = intervals.Count != _intervals ? [.. intervals] : null,
                Markers = markers.Count != _markers ? [.. markers] : null,
            });
        }
        else
        {
            _number = _writer.WriteImage(new ImageMetadata
            {
                Name = Path.GetFileName(_directory),
                Process = Recording.Info,
                Clock = Recording.Clock.Rate,
                Threads = [.. _threads],
                Intervals = [.. intervals],
                Markers = [.. markers],
                Maps = Recording.ReadMaps(),
            });
        }
        (_threadsWritten, _intervals, _markers) = (_threads.Count, intervals.Count, markers.Count);
    }

    /// <summary>Those that have come, from the first on that the file does not have for certain.</summary>
    private void WriteStacks()
    {
        if (!Recording.Info.Stacks || Recording.ReadFrames() is not { } frames || frames.Count <= _framesWritten)
            return;
        _writer.WriteStacks(_number!.Value, frames, _framesWritten);
        _framesWritten = frames.CountWritten;
    }

    private int IndexOf(int thread)
    {
        while (_indexOf.Count <= thread)
            _indexOf.Add(-1);
        ref int index = ref CollectionsMarshal.AsSpan(_indexOf)[thread];
        if (index < 0)
        {
            StreamInfo info = Recording.Threads[thread];
            if (!_indices.TryGetValue(info.RecordedIndex, out index))
            {
                index = _threads.Count;
                _indices.Add(info.RecordedIndex, index);
                _threads.Add(info with { Index = index });
            }
        }
        return index;
    }

    private void Encode(int thread, EventBlockWriter block)
    {
        _encoding.Enqueue(_writer.Encode(thread, block));
        while (_encoding.Count > 2 * _writer.Encoders)
            _encoded.Add(_encoding.Dequeue().GetAwaiter().GetResult());
    }
}
