using System.Globalization;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Drain;

/// <summary>
/// Brings what recorded threads leave in the arena to disk: full chunks at once, what unfinished ones hold once a second. One thread, so
/// that a chunk has one owner at a time: its thread, then this, then nobody.
/// </summary>
internal sealed unsafe class Drain
{
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(0.5), PauseMax = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    private const int ServeEvery = 16; // of looks at a thread in /proc, each some 20 us

    private readonly SharedArena _arena;
    private readonly string _session;
    private readonly DiskLimits _limits;
    private readonly Retention _keep;
    private readonly Keeper? _keeper;
    private readonly MemorySampler _sampler;
    private readonly SessionClock _clock = new();
    private readonly Action<string> _say;
    private readonly Action _stay;
    private readonly ChunkPool _chunks;
    private readonly Rounds _rounds;
    private readonly List<HeldChunk> _full = [], _leaving = []; // given away; of threads that have said they end
    private readonly List<HeldChunk> _heldBack = []; // given away, and without room on the disk when they were collected last
    private readonly Dictionary<uint, LiveImage> _images = []; // by slot
    private readonly Dictionary<uint, (uint Number, ulong Ns)> _claimed = []; // slots that are being filled, and since when
    private readonly Dictionary<uint, string> _directories = []; // of images, ended ones too, by number
    private readonly HashSet<uint> _reported = []; // images, by number
    private readonly double _sinceNs; // CLOCK_BOOTTIME when the session began
    private readonly int _starter = Libc.ParentProcess(); // has the arena mapped, and records nothing
    private ulong _mappedUntil, _lastPartial; // ns
    private (ulong Ticks, ulong Ns) _lastRound; // when the last round was over
    private uint _seal; // the latest that was begun
    private ulong _sealTicks; // the counter then
    private uint _seenImages, _givenUp, _orphans;
    private bool _mayResume, _hasNoRoom, _isEnding;

    /// <param name="arena">The session's arena.</param>
    /// <param name="session">The session's directory.</param>
    /// <param name="limits">How much of the disk it may take.</param>
    /// <param name="keep">How much of the recording is kept whole.</param>
    /// <param name="say">Told what the user should know, a line each.</param>
    /// <param name="stay">Called when it is to outlive who started it.</param>
    public Drain(SharedArena arena, string session, DiskLimits limits, Retention keep, Action<string> say, Action stay)
    {
        (_arena, _session, _limits, _keep, _say, _stay) = (arena, session, limits, keep, say, stay);
        _keeper = keep.IsAsked ? new Keeper(keep, say) : null;
        _sampler = new MemorySampler(keep);
        _sinceNs = Libc.BootTimeNs - (DateTime.UtcNow - new FileInfo(Path.Combine(session, SharedArena.NameLink)).LastWriteTimeUtc).TotalNanoseconds;
        if (arena.Header->TickShift == 0)
            arena.Header->TickShift = _clock.TickShift;
        _clock.Publish(arena.Header);
        _chunks = new ChunkPool(arena, say);
        _rounds = new Rounds(arena.Header);
        _mayResume = arena.Header->ImageNumbers != 0;
        _seal = arena.Header->Sealed;
    }

    /// <summary>Works until <paramref name="isLast"/> says that no image is to come, and none is left.</summary>
    public void Run(Func<bool> isLast)
    {
        TimeSpan pause = PauseMin;
        for (ulong lastLook = 0; ;)
        {
            ArenaHeader* header = _arena.Header;
            uint asked = Volatile.Read(ref header->SealAsked);
            ServeKeeper();
            bool busy = CollectFull();
            if (_leaving.Count > 0 && _chunks.IsShort)
                CollectLeaving();
            ulong now = SessionClock.MonotonicNs;
            if (asked != header->Sealed || now - lastLook > (ulong)LookEvery.TotalNanoseconds || HasNewImages || _isEnding)
            {
                lastLook = now;
                // Before the look: an image that ended while it lasted is no reason to stay.
                bool last = isLast();
                bool isDone = Look(now, asked);
                if (isDone)
                {
                    Volatile.Write(ref header->Sealed, _seal);
                    Libc.Wake(&header->Sealed);
                }
                if (last && isDone)
                {
                    if (_images.Count == 0 && !IsMapped(now) && !HasNewImages)
                        break;
                    if (header->DrainState != ArenaWire.DrainStays)
                        _stay();
                    Volatile.Write(ref header->DrainState, ArenaWire.DrainStays);
                }
            }
            Serve();
            pause = busy ? PauseMin : pause * 2 < PauseMax ? pause * 2 : PauseMax;
            Libc.Wait(&header->SealAsked, asked, pause);
        }
        _sampler.Complete();
        _keeper?.Complete();
        if (_givenUp > 1)
            _say($"{_givenUp} process images were not recorded, as their files could not be created");
        if (_orphans > 0)
            _say($"{_orphans} chunks of events are lost: they came from process images that had ended, as it seemed");
    }

    /// <summary>A round for the keeper, where it waits for one; and what it is to know of the images, and they of it.</summary>
    private void ServeKeeper()
    {
        if (_keeper is null)
            return;
        if (_keeper.NeedsRound && SessionClock.MonotonicNs - _lastPartial > 10_000_000)
            Round(SessionClock.MonotonicNs);
        foreach (LiveImage image in _images.Values)
            image.Measure();
    }

    /// <summary>Whether a process is left that may begin an image yet: asked once a second, as every process is looked at.</summary>
    private bool IsMapped(ulong now)
    {
        if (now < _mappedUntil)
            return true;
        _mappedUntil = RecordedProcess.MapAny(_arena.MapName, _starter) ? now + 1_000_000_000 : 0;
        return _mappedUntil != 0;
    }

    private bool HasNewImages => Volatile.Read(ref _arena.Header->ImageNumbers) != _seenImages;

    /// <summary>
    /// Chunks that were given away, the one that was filled first first, and so each thread's in order: where there is no room for all, what is kept has no
    /// hole; and what is let go of first, what was written first, is what is oldest.
    /// </summary>
    /// <remarks>
    /// This is the only way for events to come to disk, but for those that stopped images have, so that <c>--keep</c> holds always: there is room before each
    /// chunk, or it stays with its thread, which waits and then drops calls. What was let go of makes room, at a program's end too: nobody waits
    /// for that image's chunks, and those of others are written in between, by their age.
    /// </remarks>
    /// <returns>Whether there were any.</returns>
    private bool CollectFull()
    {
        _full.Clear();
        _heldBack.Clear();
        // Twice: while the first looked elsewhere, a thread may have given a chunk that it did not see, and then one that it saw.
        _chunks.TakeGiven(_full, _leaving);
        if (_full.Count == 0)
            return false;
        _chunks.TakeGiven(_full, _leaving);
        bool any = false;
        foreach (HeldChunk chunk in InOrder(_full))
        {
            if (_chunks.Now(chunk).Owner != chunk.Owner)
                continue; // both times it was there
            if (!chunk.HasEvents || _heldBack.Count == 0 && HasRoom)
            {
                any |= Collect(chunk);
                continue;
            }
            _chunks.LookAgain(chunk);
            _heldBack.Add(chunk);
        }
        return any;
    }

    /// <summary>By when they were filled: a thread's next chunk was begun then. Of the last ones of threads it is not known: they come last.</summary>
    private static IEnumerable<HeldChunk> InOrder(List<HeldChunk> chunks)
    {
        chunks.Sort((a, b) => (a.Image, a.HasEvents, a.Thread, a.Sequence).CompareTo((b.Image, b.HasEvents, b.Thread, b.Sequence)));
        return chunks.Select((chunk, i) => (Chunk: chunk, Filled: !chunk.HasEvents ? 0
            : i + 1 < chunks.Count && chunks[i + 1].Stream == chunk.Stream ? chunks[i + 1].Ticks : ulong.MaxValue)).OrderBy(c => c.Filled).Select(c => c.Chunk);
    }

    private bool HasRoom => _keeper is null || _keeper.HasRoom;

    /// <summary>Brings a chunk that nobody writes to disk, and makes it free.</summary>
    private bool Collect(in HeldChunk chunk)
    {
        if (!_images.TryGetValue(chunk.Image, out LiveImage? image) && chunk.Image < _arena.ImageCount
            && Volatile.Read(ref _arena.Image(chunk.Image)->State) != ArenaWire.ImageFree)
        {
            _chunks.LookAgain(chunk); // when its image, which is just beginning, has begun
            return false;
        }
        if (_chunks.TryCopy(chunk, out ChunkHeader header, out Span<byte> bytes))
        {
            if (image is null)
                _orphans++;
            else if (header.Magic == ArenaWire.DocumentMagic)
                image.AddText(header.Thread, bytes[sizeof(ChunkHeader)..]);
            else if (header.Magic == ArenaWire.FramesMagic)
                image.KeepFrames(header.Sequence, bytes[sizeof(ChunkHeader)..]);
            else
                image.Append(bytes);
        }
        image?.ForgetTail(chunk.Place);
        _chunks.Release(chunk);
        return true;
    }

    /// <param name="now">CLOCK_MONOTONIC, ns.</param>
    /// <param name="asked">The latest seal that was asked for.</param>
    /// <returns>Whether all that a seal asks for is on disk, and images that ended are closed; not, while there is no room for it.</returns>
    private bool Look(ulong now, uint asked)
    {
        bool isSeal = asked != _arena.Header->Sealed;
        if (isSeal && _seal == _arena.Header->Sealed)
            (_seal, _sealTicks) = (asked, _clock.Read().Ticks);
        FindImages();
        if (_images.Values.Any(i => i.IsFiltered))
            _chunks.KeepAllReady();
        LeaveRoom();
        _clock.Publish(_arena.Header); // later than the start of each that was found: the page of each holds this reading
        CollectLeaving();
        EndThoseThatEnded();
        if (isSeal || now - _lastPartial > 1_000_000_000)
            Round(now);
        return !_isEnding && (!isSeal || _images.Values.All(i => i.HeldBackSince >= _sealTicks));
    }

    /// <summary>Brings a copy of all that is unfinished to disk, and tells in the pages that it did, and the keeper what is final since.</summary>
    private void Round(ulong now)
    {
        _lastPartial = now;
        KeepUnfinished();
        (ulong Ticks, ulong Ns) over = _clock.Read();
        foreach (LiveImage image in _images.Values)
            image.EndRound(_lastRound.Ticks, over);
        _lastRound = over;
        _rounds.Tell(now, _images.Values);
        _keeper?.RoundIsOver();
    }

    /// <summary>Stops all while there is no more room on the disk than others are to have.</summary>
    private void LeaveRoom()
    {
        bool hadRoom = !_hasNoRoom;
        _sampler.IsPaused = _hasNoRoom = _limits.IsReached();
        if (!_hasNoRoom)
            return;
        Volatile.Write(ref _arena.Header->Control, 0); // those to come begin stopped
        foreach (LiveImage image in _images.Values)
            image.StopForRoom();
        if (hadRoom)
        {
            _say(string.Create(CultureInfo.InvariantCulture,
                $"nothing is recorded any more: the disk has less than {_limits.LeaveFree / (double)(1 << 20):0.#} MiB free (--leave-free)"));
        }
    }

    private void EndThoseThatEnded()
    {
        // An exec begins another image of the process: what the one before had mapped is gone.
        var latest = new Dictionary<int, uint>();
        foreach (LiveImage image in _images.Values)
            if (image.Process is { } process)
                latest[process.Pid] = Math.Max(image.Number, latest.GetValueOrDefault(process.Pid));
        End([.. _images.Values.Where(image => image.Process is not { } process || latest[process.Pid] != image.Number || image.HasLeft
            || process.HasEnded)]);
    }

    private void FindImages()
    {
        _seenImages = Volatile.Read(ref _arena.Header->ImageNumbers);
        for (uint i = 0; i < _arena.ImageCount; i++)
        {
            ImageSlot* slot = _arena.Image(i);
            uint state = Volatile.Read(ref slot->State);
            if (state == ArenaWire.ImageClaimed)
            {
                if (!Abandon(i, slot))
                    _seenImages--; // to be looked at again
                continue;
            }
            _ = _claimed.Remove(i);
            if (state != ArenaWire.ImageLive || _images.ContainsKey(i))
                continue;
            LiveImage image = Begin(i, slot);
            if (_keep.HasSegments)
                image.Keep(_keeper, _keep);
            image.Sample(_sampler);
            _images.Add(i, image);
            _directories[image.Number] = image.Directory;
            Serve();
        }
        if (_mayResume)
            _keeper?.Adopt(_session, [.. _images.Values.Select(i => i.Directory)]);
        _mayResume = false;
    }

    private LiveImage Begin(uint index, ImageSlot* slot)
    {
        RecordedProcess? process = RecordedProcess.Find(
            slot->Process, _arena.MapName, slot->MappedAt, BootOffsetNs, _sinceNs, pid => _images.Values.Any(i => i.Process?.Pid == pid));
        try
        {
            string? parent = _directories.GetValueOrDefault(slot->Parent) is { Length: > 0 } known ? known : null;
            return LiveImage.Begin(index, slot, process, _session, parent, _limits.MaxBytes, _mayResume, _clock.Read());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (_givenUp++ == 0)
                _say($"pid {slot->Process.Pid} is not recorded: {e.Message}");
            _reported.Add(slot->Number);
            return LiveImage.GiveUp(index, slot, process, e.Message);
        }
    }

    /// <summary>Frees a slot whose process was killed while it began: it recorded nothing.</summary>
    private bool Abandon(uint index, ImageSlot* slot)
    {
        const ulong tooLong = 10_000_000_000; // ns; a start takes less than one thousandth of it
        ulong now = SessionClock.MonotonicNs;
        if (!_claimed.TryGetValue(index, out var since) || since.Number != slot->Number)
            _claimed[index] = since = (slot->Number, now);
        uint pid = Volatile.Read(ref slot->Process.Pid);
        if (now - since.Ns < tooLong && (pid == 0 || RecordedProcess.MayRun(slot->Process)))
            return false;
        _chunks.ForEachHeld(chunk =>
        {
            if (chunk.Image == index)
                _chunks.Release(chunk);
        });
        _ = _claimed.Remove(index);
        Volatile.Write(ref slot->State, ArenaWire.ImageFree);
        return true;
    }

    /// <summary>Chunks of threads that said that they end, and have: given away in their names.</summary>
    private void CollectLeaving()
    {
        double bootOffset = BootOffsetNs;
        HeldChunk[] leaving = [.. _leaving];
        _leaving.Clear();
        for (int i = 0; i < leaving.Length; i++)
        {
            HeldChunk chunk = _chunks.Now(leaving[i]);
            if (chunk.State != ArenaWire.ChunkExited)
                continue;
            if (_images.TryGetValue(chunk.Image, out LiveImage? image) && HasEnded(image, chunk, bootOffset))
                _chunks.Give(chunk);
            else
                _leaving.Add(chunk);
            if (i % ServeEvery == 0)
                Serve();
        }
        _ = CollectFull();
    }

    /// <summary>Whether the thread that has a chunk has ended. One that is not begun yet, or holds a text, has no thread's id.</summary>
    private bool HasEnded(LiveImage image, in HeldChunk chunk, double bootOffset)
    {
        if (image.Process is null)
            return true;
        ChunkHeader* header = _chunks.HeaderOf(chunk);
        uint thread = Volatile.Read(ref header->OsTid);
        return thread != 0 && image.Process.HasThreadEnded(thread, _clock.NsOf(header->Ticks) + bootOffset);
    }

    /// <summary>Collects all that images hold whose processes are no more. An image for which there is no room is looked at again.</summary>
    private void End(IReadOnlyCollection<LiveImage> images)
    {
        _isEnding = false;
        if (images.Count == 0)
            return;
        var slots = images.Select(i => i.Index).ToHashSet();
        _chunks.ForEachHeld(chunk =>
        {
            if (slots.Contains(chunk.Image))
                _chunks.Give(chunk);
        });
        _ = CollectFull();
        var unwritten = _heldBack.Select(chunk => chunk.Image).ToHashSet();
        foreach (LiveImage image in images)
        {
            if (unwritten.Contains(image.Index))
            {
                _isEnding = true;
                continue;
            }
            Report(image);
            if (image.Memory is { } memory)
                _sampler.End(memory);
            image.Close(_clock.Read());
            _rounds.Ended(image);
            _ = _images.Remove(image.Index);
            Serve();
        }
        _chunks.FreeForgotten();
    }

    /// <summary>What threads may be waiting for, in the middle of longer work.</summary>
    private void Serve()
    {
        _ = CollectFull();
        _chunks.Grow();
    }

    /// <summary>
    /// Unfinished chunks: those of a stopped image are finished, as their threads begin others when it starts again; of the others a copy is
    /// kept, and those of threads that are gone without a word are collected. What there is no room for holds back what is final.
    /// </summary>
    private void KeepUnfinished()
    {
        double bootOffset = BootOffsetNs;
        int kept = 0;
        foreach (LiveImage image in _images.Values)
            (image.UnfinishedBytes, image.HeldBackSince) = (0, ulong.MaxValue);
        _chunks.ForEachHeld(chunk =>
        {
            // Given since they were collected: what it held when a seal was asked for has to be on disk with the rest. Its bit comes behind its word.
            if (chunk.State == ArenaWire.ChunkFull)
                _chunks.LookAgain(chunk);
            if (chunk.State == ArenaWire.ChunkFull || !_images.TryGetValue(chunk.Image, out LiveImage? image))
                return;
            ChunkHeader* header = _chunks.HeaderOf(chunk);
            if (header->Magic == ArenaWire.FramesMagic)
            {
                if (_chunks.TryCopy(chunk, out ChunkHeader frames, out Span<byte> records))
                    image.KeepFrames(frames.Sequence, records[sizeof(ChunkHeader)..]);
            }
            else if (image.IsStopped && Volatile.Read(ref header->Inside) == 0 && HasRoom)
            {
                if (_chunks.TryCopy(chunk, out ChunkHeader copy, out Span<byte> bytes) && copy.Magic == Wire.ChunkMagic)
                    image.Append(bytes);
                header->Length = 0;
            }
            else if (HasEnded(image, chunk, bootOffset))
            {
                _chunks.Give(chunk);
            }
            else if (_chunks.TryCopy(chunk, out ChunkHeader copy, out Span<byte> bytes) && copy.Magic == Wire.ChunkMagic)
            {
                image.Keep(chunk.Place, copy, bytes);
            }
            Report(image);
            if (++kept % ServeEvery == 0)
                Serve();
        });
        _ = CollectFull();
        KeepHeldBack();
    }

    /// <summary>
    /// Of what each thread has that there is no room for, a copy of the first chunk is kept, as of one that is unfinished. So all that it recorded before it
    /// began the second one is in the files. Which thread that was first is the one whose chunk there is room for next.
    /// </summary>
    private void KeepHeldBack()
    {
        foreach (var stream in _heldBack.ToArray().GroupBy(chunk => chunk.Stream))
        {
            if (!_images.TryGetValue(stream.Key.Image, out LiveImage? image))
                continue;
            HeldChunk[] chunks = [.. stream.OrderBy(chunk => chunk.Sequence).Take(2)];
            if (_chunks.TryCopy(chunks[0], out ChunkHeader copy, out Span<byte> bytes) && copy.Magic == Wire.ChunkMagic)
                image.Keep(chunks[0].Place, copy, bytes);
            if (chunks.Length > 1)
                image.HeldBackSince = Math.Min(image.HeldBackSince, chunks[1].Ticks);
        }
    }

    private void Report(LiveImage image)
    {
        if (!_hasNoRoom && image.Failure is { } why && _reported.Add(image.Number))
            _say($"pid {image.Pid} is not recorded any further: {why} ({image.Directory})");
    }

    /// <summary>The kernel's start times count from boot, the clocks' from boot without the time asleep.</summary>
    private static double BootOffsetNs => Libc.BootTimeNs - SessionClock.MonotonicNs;
}
