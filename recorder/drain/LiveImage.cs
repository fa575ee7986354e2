using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Drain;

/// <summary>A process image that records, and what becomes of it on disk.</summary>
internal sealed unsafe class LiveImage : IDisposable
{
    private const uint FramesMax = 1 << 21; // more than a process numbers

    private readonly ImageSlot* _slot;
    private readonly ImageFiles? _files; // null: they could not be created
    private readonly long _maxBytes;
    private Keeper? _keeper;
    private Retention _keep;
    private ulong _segmentNs; // CLOCK_MONOTONIC when the segment was begun
    private ulong _pageTicks, _finalTicks; // the counter as the page has it; before which all is in the files
    private string? _stopped; // why the drain writes no more
    private ulong _lost; // calls that arrived, and could not be written
    private readonly ProcessHeader _identity; // as it was at the start: a process may scribble on its page

    private LiveImage(uint index, ImageSlot* slot, ImageFiles? files, RecordedProcess? process, long maxBytes, ulong ticks)
    {
        (Index, _files, Process, _maxBytes, _pageTicks) = (index, files, process, maxBytes, ticks);
        _slot = slot;
        Number = slot->Number;
        _identity = slot->Process;
        slot->Rounds.Begin(SessionClock.MonotonicNs, (ulong)(files?.EventBytes ?? 0));
    }

    public uint Index { get; }

    /// <summary>In the order of the session's images, from 1.</summary>
    public uint Number { get; }

    /// <summary>Null: it had ended before it was seen.</summary>
    public RecordedProcess? Process { get; }

    public uint Pid => _identity.Pid;

    /// <summary>Bytes of events that it has recorded, but those that came since the last round.</summary>
    public ulong RecordedBytes => (ulong)(_files?.EventBytes ?? 0) + UnfinishedBytes;

    /// <summary>Those of them that are in chunks which are not full.</summary>
    public ulong UnfinishedBytes { get; set; }

    /// <summary>All before this moment of the counter is in its files that was published before the last round; the highest: all.</summary>
    public ulong HeldBackSince { get; set; } = ulong.MaxValue;

    public string Directory => _files?.Directory ?? "";

    /// <summary>Who looks how much memory its process has; null where nobody does.</summary>
    public SampledImage? Memory { get; private set; }

    private CallFields OptionalFields => Has(Wire.FlagLatency, CallFields.Duration) | Has(Wire.FlagStacks, CallFields.Stack)
        | Has(Wire.FlagFreeStacks, CallFields.FreeStack);

    private CallFields Has(ulong flag, CallFields field) => (_identity.Flags & flag) != 0 ? field : CallFields.None;

    public bool IsStopped => Volatile.Read(ref _slot->Process.Control) == 0;

    /// <summary>Whether it is over while its process goes on: the recorder was detached.</summary>
    public bool HasLeft => Volatile.Read(ref _slot->Left) != 0;

    /// <summary>Whether its process is under a filter of system calls.</summary>
    public bool IsFiltered => Volatile.Read(ref _slot->Filtered) != 0;

    /// <summary>Why it is not recorded any further: something that the drain could not do, or that the process said.</summary>
    public string? Failure => _stopped ?? (_slot->Process.State != (uint)RecordingState.Failed ? null
        : _slot->Process.FailureOp == 6 ? "the program forbids the counter that events are stamped by" : "it has failed");

    /// <summary>Begins the directory of an image that has published itself.</summary>
    /// <param name="index">Of its slot.</param>
    /// <param name="slot">Its slot.</param>
    /// <param name="process">Null: it has ended.</param>
    /// <param name="session">The session's directory.</param>
    /// <param name="parent">The image that it was forked from, where that is known.</param>
    /// <param name="maxBytes">Bytes of events after which it stops recording; 0: none.</param>
    /// <param name="resume">Whether another drain may have begun it.</param>
    /// <param name="clock">A reading of the clocks after its start: with it events can be timed, should this be killed before it saves another.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static LiveImage Begin(
        uint index, ImageSlot* slot, RecordedProcess? process, string session, string? parent, long maxBytes, bool resume, (ulong Ticks, ulong Ns) clock)
    {
        if (resume && ImageFiles.Resume(session, slot->Process) is { } known)
            return new LiveImage(index, slot, known, process, maxBytes, clock.Ticks);
        ImageFiles files = ImageFiles.Create(session, slot->Process.Pid);
        try
        {
            var image = new LiveImage(index, slot, files, process, maxBytes, clock.Ticks);
            if (slot->FirstInterval != 0)
                files.MarkStart(slot->FirstInterval, image._identity.StartMonoNs);
            if (parent is not null)
            {
                files.ShareText(Wire.CommandLineFile, parent);
                files.ShareText(Wire.MapsFile, parent);
            }
            // Last of what it begins with, and before any event: by the page a successor knows it, as one that lacks nothing.
            files.Save(image.PageAt(clock));
            return image;
        }
        catch
        {
            files.Remove();
            throw;
        }
    }

    /// <summary>One that cannot be written: what its threads give is counted, so that they get their chunks back, and the others go on.</summary>
    public static LiveImage GiveUp(uint index, ImageSlot* slot, RecordedProcess? process, string why)
    {
        var image = new LiveImage(index, slot, null, process, 0, 0);
        image.Fail(1 /* create */, 0, why);
        return image;
    }

    /// <summary>Tells who looks from outside how much there is, as of a moment.</summary>
    public void Tell(ulong monoNs) => _slot->Rounds.Add(monoNs, RecordedBytes);

    /// <summary>Has its events written in segments, of which the oldest are let go of.</summary>
    /// <param name="keeper">By whom; null where they are packed.</param>
    /// <param name="keep">How much is kept.</param>
    public void Keep(Keeper? keeper, Retention keep)
    {
        if (_files is null)
            return;
        (_keeper, _keep, _segmentNs) = (keeper, keep, SessionClock.MonotonicNs);
        (int first, long[] closed) = _files.Closed;
        keeper?.Begin(_files.Directory, first, closed, _segmentNs);
    }

    /// <summary>Tells the keeper, where there is one, how much there is, and begins another segment where it is time to.</summary>
    public void Measure()
    {
        if (!_keep.HasSegments || _files is null || _stopped is not null)
            return;
        if (_keeper?.FailureOf(_files.Directory) is { } why)
            Fail(3 /* write */, 0, $"cannot let go of old events: {why}");
        else if (_keeper?.Measure(_files.Directory, _files.SegmentBytes, _files.OtherBytes + (Memory?.Bytes ?? 0)) == true
            || _files.SegmentBytes >= _keep.SegmentBytes || _files.SegmentBytes > 0 && SessionClock.MonotonicNs - _segmentNs >= _keep.SegmentNs)
            Roll();
    }

    /// <summary>Has it looked at how much memory its process has.</summary>
    public void Sample(MemorySampler sampler)
    {
        if (_files is not null && Process is not null)
            Memory = sampler.Begin(_files.Directory, Process);
    }

    private void Roll()
    {
        long bytes = _files!.SegmentBytes;
        try
        {
            _files.Roll();
        }
        catch (IOException e)
        {
            Fail(3 /* write */, Errno(e), $"cannot write events: {e.Message}");
            return;
        }
        _segmentNs = SessionClock.MonotonicNs;
        _keeper?.Rolled(_files.Directory, bytes, _segmentNs);
    }

    /// <summary>
    /// All unfinished chunks have been copied. What was published before a moment is in the files then, but for chunks that are held back: none of their
    /// events is earlier than <see cref="HeldBackSince"/>. The keeper is told that. The page gets a new reading of the clocks when all is there that was
    /// published before the one that it has, as that is what readers take it for (docs/design/recorder.md, "how far events are final").
    /// </summary>
    /// <param name="before">The counter when the last round was over: a thread has had time to publish what it had stamped then.</param>
    /// <param name="now">A reading of the clocks.</param>
    public void EndRound(ulong before, (ulong Ticks, ulong Ns) now)
    {
        _finalTicks = Math.Max(_finalTicks, Math.Min(before, HeldBackSince));
        _keeper?.IsFinal(Directory, _finalTicks);
        if (HeldBackSince < _pageTicks)
            return;
        _pageTicks = now.Ticks;
        Save(now);
    }

    /// <summary>Writes the page <c>process</c>: the image's own counters, and the latest reading of the clocks.</summary>
    private void Save((ulong Ticks, ulong Ns) clock) => Attempt(() => _files?.Save(PageAt(clock)));

    private ProcessHeader PageAt((ulong Ticks, ulong Ns) clock)
    {
        ProcessHeader header = _slot->Process, page = _identity;
        (page.SecondTicks, page.SecondMonoNs) = clock;
        // A reading of the clocks, where the image could only reckon.
        (page.EndTicks, page.EndMonoNs) = header.EndTicks != 0 ? clock : default;
        (page.State, page.FailureOp, page.FailureErrno) = (header.State, header.FailureOp, header.FailureErrno);
        (page.Threads, page.LostEvents) = (header.Threads, header.LostEvents + _lost);
        (page.Control, page.Interval) = (header.Control, header.Interval);
        (page.SlowBegun, page.SlowDone) = (header.SlowBegun, header.SlowDone);
        page.Flags |= header.Flags & (Wire.FlagLinked | Wire.FlagLinkedPartly); // of an attached program, once its code is changed
        return page;
    }

    /// <summary>A whole chunk: of what there is no place for, the calls are counted.</summary>
    public void Append(Span<byte> chunk)
    {
        const int head = 64;
        long room = _stopped is not null ? 0 : _maxBytes > 0 ? _maxBytes - _files!.EventBytes - head : long.MaxValue;
        if (chunk.Length - head > room)
        {
            (int fits, ulong left) = ChunkEvents.Fit(chunk[head..], room, OptionalFields);
            _lost += left;
            if (_stopped is null)
                Fail(5 /* size limit */, 0, "the size limit is reached");
            if (fits == 0)
                return;
            chunk = chunk[..(head + fits)];
            MemoryMarshal.AsRef<ChunkHeader>(chunk).Length = (uint)fits;
        }
        try
        {
            _files!.Append(chunk);
            Measure();
        }
        catch (IOException e)
        {
            _lost += ChunkEvents.Fit(chunk[head..], 0, OptionalFields).CallsLeft;
            Fail(3 /* write */, Errno(e), $"cannot write events: {e.Message}");
        }
    }

    /// <summary>What an unfinished chunk holds so far.</summary>
    public void Keep(ulong key, in ChunkHeader header, Span<byte> chunk)
    {
        if (_stopped is not null)
            return;
        UnfinishedBytes += header.Length;
        try
        {
            _files!.Keep(key, header, chunk);
        }
        catch (IOException e)
        {
            Fail(2 /* tails */, Errno(e), $"cannot write events: {e.Message}");
        }
    }

    /// <summary>A chunk is in its files as a whole: what was kept of it while it was unfinished has had its day.</summary>
    public void ForgetTail(ulong key) => _files?.ForgetTail(key);

    /// <summary>The disk is to be left the room that it has: what was recorded and is not written yet is lost.</summary>
    public void StopForRoom()
    {
        if (_stopped is null)
            Fail(7 /* no room */, 0, "the disk has no more room than is to be left free");
    }

    /// <summary>A part of a text that the image brought along.</summary>
    public void AddText(uint what, ReadOnlySpan<byte> text)
    {
        byte[] copy = text.ToArray();
        string? name = what switch
        {
            ArenaWire.DocumentCommandLine => Wire.CommandLineFile,
            ArenaWire.DocumentMaps => Wire.MapsFile,
            ArenaWire.DocumentModules => Wire.ModulesFile,
            _ => null,
        };
        if (name is not null)
            Attempt(() => _files?.AddText(name, copy));
    }

    /// <summary>Frames of stacks, as many as there are so far.</summary>
    /// <param name="first">Number of the first.</param>
    /// <param name="records">Records, of which those that are not written yet are 0.</param>
    public void KeepFrames(uint first, ReadOnlySpan<byte> records)
    {
        // Of several chunks that threads brought for a range one is used: the others are empty, and not to be written over it.
        if (first > FramesMax || records.IndexOfAnyExcept((byte)0) < 0)
            return;
        byte[] copy = records.ToArray();
        Attempt(() => _files?.KeepFrames(first, copy));
    }

    /// <summary>All that it recorded is on disk: its slot is another's.</summary>
    public void Close((ulong Ticks, ulong Ns) clock)
    {
        Save(clock);
        Attempt(() => _files?.DropTails());
        if (_files is not null)
            _keeper?.End(_files.Directory, _files.SegmentBytes, SessionClock.MonotonicNs);
        Dispose();
        Volatile.Write(ref _slot->State, ArenaWire.ImageFree);
    }

    public void Dispose() => _files?.Dispose();

    private void Fail(uint operation, int errno, string why)
    {
        _stopped = why;
        _slot->Process.FailureOp = operation;
        _slot->Process.FailureErrno = errno;
        Volatile.Write(ref _slot->Process.State, (uint)RecordingState.Failed);
        Volatile.Write(ref _slot->Process.Control, 0);
    }

    /// <summary>Metadata: without it the recording is poorer, and not lost.</summary>
    private static void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The events that follow will fail too, and say why.
        }
    }

    /// <summary>.NET keeps the error's number in the low half of its code.</summary>
    private static int Errno(IOException e) => e.HResult & 0xffff;
}
