using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Recording;

/// <summary>
/// Lets go of the oldest events of a process image while it is recorded, segment by segment, and keeps what is not over of them (<see cref="OpenEvents"/>) in
/// <c>carried</c>: a log that compacts itself.
/// </summary>
/// <remarks>
/// <para><b>One cut.</b> It reads the recording in merged order, as readers do, but as far as the end of the oldest segment only. Where it stands is a moment
/// of that order: each event is before it, and then in <c>carried</c> or over, or behind it, and then in the segments or tails. <c>carried</c> holds each
/// thread's position of that moment beside the events, so nothing is in both, and nothing in neither.</para>
/// <para><b>At any moment there is a recording that opens.</b> <c>carried</c> replaces the one before by a rename; the segments that only that one needed
/// are removed then. Who is killed in between leaves segments that <c>carried</c> says are gone: they are removed by the next.</para>
/// <para>Memory: what <see cref="OwnershipMerge"/> and <see cref="OpenEvents"/> have of live blocks, one chunk a thread, some 60 bytes for each chunk in
/// the segments that are there.</para>
/// </remarks>
internal sealed class RecordingWindow : IMergeWitness, IDisposable
{
    private const int CheckEvery = 1 << 12; // events

    private readonly string _directory;
    private readonly GrowingRecording _recording;
    private readonly OpenEvents _open = new();
    private readonly Dictionary<int, HashSet<uint>> _chunksOf = []; // threads, by segment
    private readonly Dictionary<int, Dictionary<uint, uint>> _lastChunks = []; // by segment and thread: the last chunk's number, until it is passed
    private readonly Dictionary<uint, uint> _inTails = []; // by thread: number of the chunk of which a tail has the beginning
    private int _first; // segment
    private long _eventsGone;

    private RecordingWindow(string directory, GrowingRecording recording)
    {
        (_directory, _recording) = (directory, recording);
        _first = recording.Files.First;
        _eventsGone = recording.Files.Carried?.EventsGone ?? 0;
        recording.Merge.Witness = this;
        recording.Found = (header, chunk) =>
        {
            if (chunk.Tail is not null)
            {
                _inTails[header.Thread] = header.Sequence;
                return;
            }
            if (_inTails.TryGetValue(header.Thread, out uint sequence) && sequence <= header.Sequence)
                _inTails.Remove(header.Thread);
            if (!_lastChunks.TryGetValue(chunk.Segment, out var last))
            {
                _lastChunks.Add(chunk.Segment, last = []);
                _chunksOf.Add(chunk.Segment, []);
            }
            _chunksOf[chunk.Segment].Add(header.Thread);
            last[header.Thread] = Math.Max(last.GetValueOrDefault(header.Thread), header.Sequence);
        };
    }

    /// <summary>Told of each event that it goes by; null: nobody.</summary>
    public IMergeWitness? Witness { get; set; }

    /// <summary>What it lets go of.</summary>
    public GrowingRecording Recording => _recording;

    /// <summary>The oldest segment that is there, where another follows it; null: there is the one that is written, and no other.</summary>
    public int? OldestSegment => _first < _recording.Files.End - 1 ? _first : null;

    /// <summary>Blocks that are live where it stands.</summary>
    public long LiveBlocks => _open.Blocks;

    /// <summary>Events before where it stands of which nothing is left, as of the last <see cref="Save"/>.</summary>
    public long EventsGone => _eventsGone;

    /// <summary>What damage it has passed over, or null.</summary>
    public TraceFormatException? Damage => _recording.Damage;

    /// <summary>Opens a process image's directory, where <c>carried</c> says, else at its beginning.</summary>
    /// <exception cref="TraceFormatException">It is none, or its head is damaged.</exception>
    public static RecordingWindow Open(string directory)
    {
        var window = new RecordingWindow(directory, GrowingRecording.Open(ByteFolder.OfDirectory(directory)));
        while (window._recording.Merge.HasCarried)
            _ = window._recording.Merge.Read(out _);
        return window;
    }

    /// <summary>Finds what has come since the last time.</summary>
    /// <param name="isLast">Whether nobody writes it any more.</param>
    /// <param name="finalTicks">A moment of the counter: who writes it says that all of before is in the files.</param>
    public void Look(bool isLast = false, ulong finalTicks = 0) => _recording.Look(isLast, finalTicks);

    /// <summary>Goes behind the last event of a segment. Damage is passed over: what cannot be read now cannot be read later either.</summary>
    /// <param name="segment">Its number; another follows it, or nobody writes any more.</param>
    /// <returns>False while that is not known yet: the segment's last events are too young.</returns>
    public bool PassSegment(int segment)
    {
        while (!IsPassed(segment))
            if (PassEvents(CheckEvery) < CheckEvery && !IsPassed(segment))
                return false;
        while (!IsCut)
            if (PassEvents(1) == 0)
                return _recording.IsFinished;
        return true;
    }

    /// <summary>Whether a cut can be where it stands: elsewhere a reader could not tell what is carried apart. An event further on it can.</summary>
    public bool IsCut => !_open.IsAmbiguous;

    /// <summary>Goes on by some events.</summary>
    /// <returns>How many there were.</returns>
    public long PassEvents(long events)
    {
        for (long n = 0; n < events; n++)
            if (!_recording.Merge.Read(out _))
                return n;
        return events;
    }

    /// <summary>Writes <c>carried</c> of where it stands, and removes the segments before that.</summary>
    /// <param name="packedLength">Bytes of the packed trace that has what is let go of; 0: nothing has.</param>
    /// <exception cref="TraceNotWritableException">It cannot be written.</exception>
    public void Save(long packedLength = 0)
    {
        int first = _first;
        while (first < _recording.Files.End - 1 && IsPassed(first))
            first++;
        PrivateFile.Replace(Path.Combine(_directory, Wire.CarriedFile), stream => Write(stream, first, packedLength));
        for (; _first < first; _first++)
        {
            _recording.Files.Close(_first);
            _lastChunks.Remove(_first);
            _chunksOf.Remove(_first);
        }
        RemoveSegmentsBefore(first);
        ForgetThreads();
    }

    void IMergeWitness.Take(in RawEvent raw, in TraceEvent e)
    {
        _open.Take(raw, e);
        Witness?.Take(raw, e);
    }

    public void Dispose() => _recording.Dispose();

    /// <summary>Whether it stands behind all events of a segment.</summary>
    private bool IsPassed(int segment)
    {
        if (!_lastChunks.TryGetValue(segment, out Dictionary<uint, uint>? last))
            return true; // it has none
        var passed = new List<uint>();
        foreach ((uint thread, uint sequence) in last)
            if (_recording.HasPassed(thread, sequence))
                passed.Add(thread);
        foreach (uint thread in passed)
            last.Remove(thread);
        return last.Count == 0;
    }

    private void Write(Stream stream, int first, long packedLength)
    {
        CarriedPosition[] positions = [.. _recording.Positions(ThreadsFrom(first))];
        var header = new CarriedHeader
        {
            Magic = CarriedHeader.ExpectedMagic,
            FirstSegment = (uint)first,
            Positions = (uint)positions.Length,
            CutTicks = _open.LatestTicks,
            PackedLength = (ulong)packedLength,
        };
        stream.Position = Unsafe.SizeOf<CarriedHeader>();
        stream.Write(MemoryMarshal.AsBytes(positions.AsSpan()));
        _eventsGone += _open.Write(_recording.NewWriter(stream), _recording.Threads);
        header.EventsGone = (ulong)_eventsGone;
        header.Length = (ulong)stream.Position;
        stream.Position = 0;
        stream.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<CarriedHeader>(in header)));
    }

    /// <summary>Threads that have chunks in a segment, in a later one, or in tails.</summary>
    private HashSet<uint> ThreadsFrom(int first) => [.. _chunksOf.Where(s => s.Key >= first).SelectMany(s => s.Value), .. _inTails.Keys];

    /// <summary>Those too that one which was killed left behind.</summary>
    private void RemoveSegmentsBefore(int first)
    {
        for (int segment = first - 1; segment >= 0; segment--)
        {
            string path = Path.Combine(_directory, EventFiles.NameOf(segment));
            if (!File.Exists(path))
                return;
            File.Delete(path);
        }
    }

    /// <summary>Threads that are over, and of which no segment that is there has a chunk: a service may start millions.</summary>
    private void ForgetThreads()
    {
        HashSet<uint> there = ThreadsFrom(_first);
        foreach ((uint thread, int index) in _recording.EndedThreads())
        {
            if (there.Contains(thread) || !_open.IsOver(index))
                continue;
            _open.Forget(index);
            _recording.Forget(thread);
        }
    }
}
