using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Formats.Recording;

/// <summary>
/// One process image's directory while it is written: looked at again and again, by reading its files alone. Nobody who writes them is asked for
/// anything, or can notice.
/// </summary>
/// <remarks>
/// <para><b>What is read while it is written is whole.</b> A chunk of <c>events</c> never changes; the last one, which may be in the making, is taken when
/// the file has all of its length. The slots of tails: see <see cref="ChunkWalk.ReadTails"/>. The page <c>process</c> and <c>marks</c>, which only
/// grows, are small; the page is read until two readings agree. A frame's record is written once.</para>
/// <para><b>Nothing is missed.</b> A look reads the page, then tails, then <c>events</c>. What is published is in a tail until it is in <c>events</c>, so it is
/// found in one of them.</para>
/// <para><b>The horizon</b> is a moment of the counter up to which no event is to come, so that merging can go that far and no silent thread holds it up.
/// Where a drain writes the directory, it copies all unfinished chunks to tails and then stores a reading of the counter in the page, once a second. A page
/// with a new reading tells that a round is over which began after the reading before it was stored: the horizon is that earlier one. It is one to
/// two seconds behind the program. Where the program writes the directory itself, a look finds all that was published when it began; the latest event
/// that the look before had found was published by then, and with it what came earlier: the horizon is its time.</para>
/// <para><b>Late events.</b> A thread may be kept from running between the stamp of an event and its publication, over a whole round. Such an event comes
/// after others that are later; it is taken when it comes, so that what is told in the order of time may be late by what the thread was kept. Ownership
/// holds: an event that depends on it, as the next owner's does, was stamped after it was published, and so lies behind the horizon until the late
/// one has come. (One pair of instructions is left: of a chunk that is full the owner's word says so, and the bit by which the drain finds it soon is
/// set next.)</para>
/// </remarks>
internal sealed class GrowingRecording : IDisposable
{
    private const int PageReadings = 8;

    private readonly ByteFolder _directory;
    private readonly ChunkWalk _walk;
    private readonly ByteSource _process;
    /// <summary>Stands for a thread that was let go of.</summary>
    private static readonly StreamInfo Forgotten = new(-1, 0, 0, "");

    private readonly Dictionary<uint, GrowingCursor> _cursors = [];
    private readonly Dictionary<uint, MergeStream> _streams = [];
    private readonly Dictionary<uint, uint> _identity = []; // number of the chunk that a thread's name is of
    private readonly List<StreamInfo> _threads = [];
    private readonly Dictionary<uint, int> _denseThreads = [];
    private readonly OwnershipMerge _merge;
    private readonly EventFiles _files;
    private ByteSource? _tails;
    private ProcessHeader _page;
    private (ulong Ticks, ulong Ns) _latestPair; // of chunk headers
    private ulong _round, _final; // the counter, as the page had it when it was read last; as who writes the files said
    private ulong _latestFound, _horizon; // shifted
    private long _marksLength = -1;
    private TraceFormatException? _damage;
    private bool _hasForgotten;

    private GrowingRecording(ByteFolder directory, ByteSource process, EventFiles files, in ProcessHeader page, in Clock clock)
    {
        (_directory, _process, _files, _page) = (directory, process, files, page);
        _walk = new ChunkWalk(Take) { IsGrowing = true };
        _latestPair = ((ulong)page.StartTicks, page.StartMonoNs);
        Info = ProcessRecording.ToInfo(page, directory);
        _merge = new OwnershipMerge(clock, Info.HasOlderBlocks, _denseThreads) { Horizon = 0 };
        if (files.Carried is { } carried)
            AddCarried(carried);
    }

    /// <summary>What is there of a part of the recording that is gone; null where it is there from its beginning.</summary>
    public CarriedPart? Carried => _files.Carried is { } carried ? new CarriedPart(Clock.ToNs(carried.CutTicks), carried.EventsGone) : null;

    /// <summary>As of the latest look.</summary>
    public ProcessInfo Info { get; private set; }

    /// <summary>Whether it was recording then, and not stopped.</summary>
    public bool IsRecording => _page.Control != 0;

    public OwnershipMerge Merge => _merge;

    public EventFiles Files => _files;

    /// <summary>Told of every chunk that is found.</summary>
    public Action<ChunkHeader, ChunkReference>? Found { get; set; }

    public Clock Clock => _merge.Clock;

    /// <summary>In the order in which they were found.</summary>
    public IReadOnlyList<StreamInfo> Threads => _threads;

    public IReadOnlyList<Interval> Intervals { get; private set; } = [];

    public IReadOnlyList<Marker> Markers { get; private set; } = [];

    /// <summary>In shifted ticks; 0 before it is known.</summary>
    public ulong Horizon => _horizon;

    /// <summary>The same, as the counter has it.</summary>
    public ulong HorizonTicks => _horizon << (int)_page.TickShift;

    /// <summary>Reads no further than a moment of the counter.</summary>
    public void EndAt(ulong ticks) => _merge.Horizon = Math.Min(_horizon, ticks >> (int)_page.TickShift);

    /// <summary>Whether nothing is to come.</summary>
    public bool IsFinished { get; private set; }

    public long BytesPending => _cursors.Values.Sum(c => c.BytesPending);

    public TraceFormatException? Damage => _walk.Damage ?? _damage ?? _merge.Damage;

    /// <exception cref="TraceFormatException">It is no process image's directory, or the page cannot be read.</exception>
    public static GrowingRecording Open(ByteFolder directory)
    {
        string path = Path.Combine(directory.Path, Wire.ProcessFile);
        ByteSource process = directory.Open(Wire.ProcessFile) ?? throw new TraceFormatException(path, null, "no such file");
        EventFiles? files = null;
        try
        {
            ProcessHeader page = ProcessRecording.ReadHeader(process);
            files = EventFiles.Open(directory);
            Clock clock = ProcessRecording.ClockOf(page, default)
                ?? throw new TraceFormatException(path, 40, "expected clock calibration pairs that give a rate");
            return new GrowingRecording(directory, process, files, page, clock);
        }
        catch
        {
            process.Dispose();
            files?.Dispose();
            throw;
        }
    }

    /// <summary>Finds what has come since the last time.</summary>
    /// <param name="isLast">
    /// Whether nobody writes the files any more: then all of them is final, and what is missing or not whole is damage.
    /// </param>
    /// <param name="finalTicks">A moment of the counter, where who writes the files says that all of before is in them; else 0.</param>
    public void Look(bool isLast, ulong finalTicks = 0)
    {
        if (IsFinished)
            return;
        _walk.IsGrowing = !isLast;
        bool isDrained = (_page.Flags & Wire.FlagDrained) != 0;
        ReadPage();
        ulong found = _latestFound, round = Math.Max(_round, _page.SecondTicks);
        _tails ??= _directory.Open(Wire.TailsFile);
        if (_tails is not null && (!isDrained || round > _round || finalTicks > _final || isLast))
            _walk.ReadTails(_tails);
        _walk.ReadEvents(_files);
        ReadMarks();
        if (ProcessRecording.ClockOf(_page, _latestPair) is { } clock)
            _merge.Clock = clock;
        if (isLast)
            Finish();
        else if (!isDrained)
            _horizon = Math.Max(_horizon, found);
        else if (round > _round && _round >> (int)_page.TickShift > 0)
            _horizon = Math.Max(_horizon, (_round >> (int)_page.TickShift) - 1); // one step less: stamps are rounded down
        if (finalTicks >> (int)_page.TickShift > 0)
            _horizon = Math.Max(_horizon, (finalTicks >> (int)_page.TickShift) - 1);
        (_round, _final) = (round, finalTicks);
        _merge.Horizon = _horizon;
        _merge.Resume();
    }

    /// <summary>Where each thread's stream goes on behind what was read of the merge.</summary>
    /// <param name="there">Threads that have chunks still: of some all events may have been gone before this was opened.</param>
    public IEnumerable<CarriedPosition> Positions(IEnumerable<uint> there)
    {
        foreach (uint thread in there)
            if (!_streams.ContainsKey(thread))
                yield return PositionOf(_files.Carried, thread);
        foreach (uint thread in _streams.Keys)
        {
            (uint sequence, int offset) = PositionOf(thread);
            yield return new CarriedPosition { Thread = thread, Sequence = sequence, Offset = (uint)offset };
        }
    }

    /// <summary>Whether all events of a chunk were read of the merge, or cannot be.</summary>
    public bool HasPassed(uint thread, uint sequence) =>
        !_cursors.ContainsKey(thread) || PositionOf(thread).Sequence > sequence;

    /// <summary>Threads all of whose events that were found were read of the merge.</summary>
    public IReadOnlyList<(uint Thread, int Index)> EndedThreads() =>
        [.. _cursors.Where(c => c.Value.BytesPending == 0).Select(c => (c.Key, c.Value.Thread))];

    /// <summary>Lets go of a thread that has ended. Should events come of it all the same, they are taken from there on.</summary>
    public void Forget(uint thread)
    {
        if (!_cursors.Remove(thread, out GrowingCursor? cursor) || !_streams.Remove(thread, out MergeStream? stream))
            return;
        _merge.Remove(stream);
        _identity.Remove(thread);
        _denseThreads.Remove(thread);
        _threads[cursor.Thread] = Forgotten;
        _hasForgotten = true;
    }

    /// <summary>Where a thread's stream goes on. One that damage has ended does not.</summary>
    private (uint Sequence, int Offset) PositionOf(uint thread)
    {
        MergeStream stream = _streams[thread];
        return stream.IsBroken ? (uint.MaxValue, 0) : stream.Place ?? _cursors[thread].NextEvent;
    }

    /// <summary>A writer of chunks as this recording has them.</summary>
    public ChunkWriter NewWriter(Stream output) => new(output, (int)_page.TickShift, Info.OptionalFields);

    /// <summary>The module map at the start; empty when it could not be read.</summary>
    public string ReadMaps() => ProcessRecording.ReadText(_directory, Wire.MapsFile);

    /// <summary>How much memory the process had, as far as that is written.</summary>
    /// <exception cref="TraceFormatException">It cannot be read.</exception>
    public IReadOnlyList<MemorySample> ReadMemory() => MemoryFile.Read(_directory, _page.StartMonoNs);

    /// <summary>The latest of these; null where there is none.</summary>
    /// <exception cref="TraceFormatException">It cannot be read.</exception>
    public MemorySample? ReadLatestMemory() => MemoryFile.ReadLatest(_directory, _page.StartMonoNs);

    /// <summary>The stacks of its calls, as far as they are written.</summary>
    /// <exception cref="TraceFormatException">They cannot be read.</exception>
    public FrameTable ReadFrames() => FrameTable.Read(_directory);

    public void Dispose()
    {
        _merge.Dispose();
        _process.Dispose();
        _files.Dispose();
        _tails?.Dispose();
    }

    /// <summary>After the last event: what is missing is damage.</summary>
    public void End()
    {
        foreach ((uint thread, GrowingCursor cursor) in _cursors.OrderBy(c => c.Key))
            if (cursor.Missing is { } missing)
                _damage ??= new TraceFormatException(_directory.Path, null,
                    $"expected chunk {missing.Expected} of thread {thread}, found chunk {missing.Found}: the events between are lost");
    }

    private void Finish()
    {
        IsFinished = true;
        _horizon = ulong.MaxValue;
        foreach (GrowingCursor cursor in _cursors.Values)
            cursor.IsLast = true;
    }

    /// <summary>One that is being written may be half the old one: two readings agree when it is not.</summary>
    private void ReadPage()
    {
        Span<byte> first = stackalloc byte[Unsafe.SizeOf<ProcessHeader>()], second = stackalloc byte[Unsafe.SizeOf<ProcessHeader>()];
        _process.Read(first, 0);
        for (int i = 0; i < PageReadings; i++)
        {
            if (_process.Read(second, 0) < second.Length)
                return;
            if (first.SequenceEqual(second))
            {
                var page = MemoryMarshal.Read<ProcessHeader>(second);
                // What it began with stays: a hostile one may say anything.
                (page.TickShift, page.StartTicks, page.StartMonoNs, page.Flags) = (_page.TickShift, _page.StartTicks, _page.StartMonoNs, _page.Flags);
                if ((page.State, page.FailureOp, page.LostEvents) != (_page.State, _page.FailureOp, _page.LostEvents))
                {
                    ProcessInfo now = ProcessRecording.ToInfo(page, _directory);
                    Info = Info with { State = now.State, Failure = now.Failure, LostEvents = now.LostEvents };
                }
                _page = page;
                return;
            }
            second.CopyTo(first);
        }
    }

    private void ReadMarks()
    {
        using ByteSource? marks = _directory.Open(Wire.MarksFile);
        if (marks is null || marks.Length == _marksLength)
            return;
        _marksLength = marks.Length;
        (Intervals, Markers) = MarkFile.Read(_directory, _page.StartMonoNs);
    }

    /// <summary>The streams of what is kept of events that are gone: the merge takes them first.</summary>
    private void AddCarried(CarriedFile carried)
    {
        var chunks = new Dictionary<uint, List<ChunkReference>>();
        foreach ((ChunkHeader header, ChunkReference chunk) in ChunkWalk.ReadCarried(carried))
        {
            if (chunks.TryGetValue(header.Thread, out List<ChunkReference>? list))
            {
                list.Add(chunk);
                continue;
            }
            chunks.Add(header.Thread, [chunk]);
            AddCursor(AddThread(header), header.Thread, PositionOf(carried, header.Thread));
        }
        foreach ((uint thread, List<ChunkReference> list) in chunks)
        {
            StreamInfo info = _threads[_denseThreads[thread]];
            _merge.AddCarried(new ThreadCursor(info, list, 0, _files, carried.Source.Path, (int)_page.TickShift, Info.OptionalFields, 0), info.Index);
        }
        foreach ((uint thread, GrowingCursor cursor) in _cursors)
            _streams.Add(thread, _merge.Add(cursor, cursor.Thread));
    }

    private void Take(ChunkHeader header, ChunkReference chunk)
    {
        if (header.MonoNs != 0 && header.Ticks > _latestPair.Ticks)
            _latestPair = (header.Ticks, header.MonoNs);
        _latestFound = Math.Max(_latestFound, LastTicks(header, chunk));
        if (_cursors.TryGetValue(header.Thread, out GrowingCursor? cursor))
        {
            if (header.Sequence > _identity[header.Thread])
            {
                _identity[header.Thread] = header.Sequence;
                _threads[cursor.Thread] = InfoOf(header, cursor.Thread);
            }
            cursor.Offer(header.Sequence, chunk);
        }
        else if (PositionOf(_files.Carried, header.Thread) is var position && !position.HasPassed(header.Sequence, chunk.Length))
        {
            position.Thread = header.Thread;
            if (_hasForgotten && position.Sequence == 0)
                position.Sequence = header.Sequence; // perhaps of a thread that seemed to have ended
            cursor = AddCursor(AddThread(header), header.Thread, position);
            _identity[header.Thread] = header.Sequence;
            cursor.Offer(header.Sequence, chunk);
            _streams.Add(header.Thread, _merge.Add(cursor, cursor.Thread));
        }
        Found?.Invoke(header, chunk);
    }

    private StreamInfo AddThread(in ChunkHeader header)
    {
        StreamInfo info = InfoOf(header, _threads.Count);
        _threads.Add(info);
        _denseThreads[header.Thread] = info.Index;
        _identity[header.Thread] = 0;
        return info;
    }

    private static CarriedPosition PositionOf(CarriedFile? carried, uint thread) => carried?.PositionOf(thread) ?? default;

    private GrowingCursor AddCursor(StreamInfo info, uint thread, CarriedPosition first)
    {
        var cursor = new GrowingCursor(info, _files, Path.Combine(_directory.Path, Wire.TailsFile), (int)_page.TickShift, Info.OptionalFields, first);
        _cursors.Add(thread, cursor);
        return cursor;
    }

    private static StreamInfo InfoOf(in ChunkHeader header, int index) => new(index, header.Thread, header.OsTid, ChunkIndex.Text(header.Name));

    /// <summary>The time of a chunk's last event, where it is in memory; else when it was begun.</summary>
    private ulong LastTicks(in ChunkHeader header, in ChunkReference chunk)
    {
        var decoder = new EventDecoder(header.Ticks >> (int)_page.TickShift, Info.OptionalFields);
        if (chunk.Tail is not null && (_page.Flags & Wire.FlagDrained) == 0)
            for (int position = 0; decoder.Read(chunk.Tail, ref position, out _) is null;)
                continue;
        return decoder.Ticks;
    }
}
