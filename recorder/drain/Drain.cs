using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using AllocReplay.Formats;
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

    /// <summary>Bytes of free chunks of each class that are kept ready: what the threads of a few cores fill between two looks.</summary>
    private static readonly uint[] ReserveOf = [8 << 20, 2 << 20, 8 << 20];
    private const int ServeEvery = 16; // of looks at a thread in /proc, each some 20 us
    private const int GrowBy = 64; // chunks at a time, a word of the bits

    private readonly SharedArena _arena;
    private readonly string _session;
    private readonly DiskLimits _limits;
    private readonly SessionClock _clock = new();
    private readonly Action<string> _say;
    private readonly Dictionary<uint, LiveImage> _images = []; // by slot
    private readonly uint[] _backed = new uint[ArenaWire.Classes];
    private readonly List<(int Class, uint Chunk)> _leaving = []; // chunks of threads that have said they end
    private readonly byte[] _buffer = new byte[1 << 20];
    private bool _canGrow = true;
    private ulong _lastPartial;

    /// <param name="arena">The session's arena.</param>
    /// <param name="session">The session's directory.</param>
    /// <param name="limits">How much of the disk it may take.</param>
    /// <param name="say">Told what the user should know, a line each.</param>
    public Drain(SharedArena arena, string session, DiskLimits limits, Action<string> say)
    {
        (_arena, _session, _limits, _say) = (arena, session, limits, say);
        if (arena.Header->TickShift == 0)
            arena.Header->TickShift = _clock.TickShift;
        _clock.Publish(arena.Header);
        for (int c = 0; c < _backed.Length; c++)
        {
            _backed[c] = Backed(arena.Classes[c]);
            Grow(c);
        }
        ForEachOwned(LookAgain);
        _mayResume = arena.Header->ImageNumbers != 0;
    }

    /// <summary>Chunks that another drain, which is dead, has backed with memory: those that were ever free or taken.</summary>
    private static uint Backed(SharedArena.ClassView view)
    {
        uint backed = view.Count;
        while (backed > 0 && (view.Free[(backed - 1) / 64] >> (int)((backed - 1) % 64) & 1) == 0 && view.Owners[backed - 1] == 0)
            backed--;
        return (backed + 63) / 64 * 64;
    }

    /// <summary>Their bits may have been taken by it.</summary>
    private void LookAgain(int c, uint chunk, ulong owner)
    {
        if ((owner & ArenaWire.ChunkStateMask) is ArenaWire.ChunkFull or ArenaWire.ChunkExited)
            Interlocked.Or(ref _arena.Classes[c].Full[chunk / 64], 1ul << (int)(chunk % 64));
    }

    /// <summary>Works until <paramref name="isLast"/> says that no image is to come, and none is left.</summary>
    public void Run(Func<bool> isLast)
    {
        TimeSpan pause = PauseMin;
        for (ulong lastLook = 0; ;)
        {
            ArenaHeader* header = _arena.Header;
            uint asked = Volatile.Read(ref header->SealAsked);
            bool busy = CollectFull();
            if (_leaving.Count > 0 && FreeBytes(0) < ReserveOf[0] / 2)
                CollectLeaving(); // a program that starts thread after thread
            ulong now = SessionClock.MonotonicNs;
            if (asked != header->Sealed || now - lastLook > (ulong)LookEvery.TotalNanoseconds || HasNewImages)
            {
                lastLook = now;
                // Before the look: an image that ended while it lasted is no reason to stay.
                bool last = isLast();
                Look(now, isSeal: asked != header->Sealed);
                Volatile.Write(ref header->Sealed, asked);
                Libc.Wake(&header->Sealed);
                if (last)
                {
                    if (_images.Count == 0 && !IsMapped(now) && !HasNewImages)
                        return;
                    Volatile.Write(ref header->DrainState, ArenaWire.DrainStays);
                }
            }
            Serve();
            pause = busy ? PauseMin : pause * 2 < PauseMax ? pause * 2 : PauseMax;
            Libc.Wait(&header->SealAsked, asked, pause);
        }
    }

    /// <summary>Whether a process is left that may begin an image yet: asked once a second, as every process is looked at.</summary>
    private bool IsMapped(ulong now)
    {
        if (now < _mappedUntil)
            return true;
        _mappedUntil = RecordedProcess.MapAny(_arena.MapName, _starter) ? now + 1_000_000_000 : 0;
        return _mappedUntil != 0;
    }

    private readonly int _starter = Libc.ParentProcess(); // has it mapped, and records nothing
    private ulong _mappedUntil;
    private readonly Dictionary<uint, string> _directories = []; // of images, ended ones too, by number
    private bool _mayResume;
    private uint _seenImages;

    private bool HasNewImages => Volatile.Read(ref _arena.Header->ImageNumbers) != _seenImages;

    /// <summary>Chunks that their threads have given away, each thread's in order: where there is no room for all, what is kept has no hole.</summary>
    /// <returns>Whether there were any.</returns>
    private bool CollectFull()
    {
        _full.Clear();
        // Twice: while the first looked elsewhere, a thread may have given a chunk that it did not see, and then one that it saw.
        GatherFull();
        if (_full.Count == 0)
            return false;
        GatherFull();
        _full.Sort((a, b) => (a.Thread, a.Sequence).CompareTo((b.Thread, b.Sequence)));
        bool any = false;
        foreach (FullChunk full in _full)
            any |= Collect(full.Class, full.Chunk, full.Owner);
        return any;
    }

    private readonly record struct FullChunk(int Class, uint Chunk, ulong Owner, uint Thread, uint Sequence);

    private readonly List<FullChunk> _full = [];

    private void GatherFull()
    {
        ReadOnlySpan<SharedArena.ClassView> classes = _arena.Classes;
        for (int c = 0; c < classes.Length; c++)
        {
            for (uint word = 0; word < (_backed[c] + 63) / 64; word++)
            {
                if (Volatile.Read(ref classes[c].Full[word]) == 0)
                    continue;
                for (ulong bits = Interlocked.Exchange(ref classes[c].Full[word], 0); bits != 0; bits &= bits - 1)
                {
                    uint chunk = word * 64 + (uint)BitOperations.TrailingZeroCount(bits);
                    ulong owner = Volatile.Read(ref classes[c].Owners[chunk]);
                    var header = (ChunkHeader*)classes[c].Chunk(chunk);
                    if ((owner & ArenaWire.ChunkStateMask) == ArenaWire.ChunkExited)
                        _leaving.Add((c, chunk));
                    else if ((owner & ArenaWire.ChunkStateMask) == ArenaWire.ChunkFull)
                        _full.Add(new FullChunk(c, chunk, owner, header->Thread, header->Sequence));
                }
            }
        }
    }

    /// <summary>Brings a chunk that nobody writes to disk, and makes it free.</summary>
    private bool Collect(int c, uint chunk, ulong owner)
    {
        SharedArena.ClassView view = _arena.Classes[c];
        if (!_images.TryGetValue(ImageOf(owner), out LiveImage? image) && ImageOf(owner) < _arena.ImageCount)
        {
            // Its image is just beginning: once more, when it has.
            if (Volatile.Read(ref _arena.Image(ImageOf(owner))->State) != ArenaWire.ImageFree)
            {
                Interlocked.Or(ref view.Full[chunk / 64], 1ul << (int)(chunk % 64));
                return false;
            }
        }
        if (image is not null && TryCopy(c, chunk, out ChunkHeader header, out Span<byte> bytes))
        {
            if (header.Magic == ArenaWire.DocumentMagic)
                image.AddText(header.Thread, bytes[sizeof(ChunkHeader)..]);
            else
                image.Append(bytes);
        }
        Release(c, chunk, owner);
        return true;
    }

    private void Release(int c, uint chunk, ulong owner)
    {
        SharedArena.ClassView view = _arena.Classes[c];
        var header = (ChunkHeader*)view.Chunk(chunk);
        header->Length = 0;
        // So that who takes it next is not mistaken for who had it, before it is begun.
        Volatile.Write(ref header->OsTid, 0);
        if (Interlocked.CompareExchange(ref view.Owners[chunk], owner & ~0xfffffffful, owner) != owner)
            return; // scribbled on: it is lost, and nothing else
        if (ImageOf(owner) < _arena.ImageCount)
            Interlocked.Add(ref _arena.Image(ImageOf(owner))->Held, (ulong)-(long)view.Size);
        Interlocked.Or(ref view.Free[chunk / 64], 1ul << (int)(chunk % 64));
        ArenaHeader* arena = _arena.Header;
        Interlocked.Increment(ref arena->Freed);
        if (Volatile.Read(ref arena->Waiting) != 0)
            Libc.Wake(&arena->Freed);
    }

    /// <summary>What a chunk holds, copied: its process may be writing it, or scribbling.</summary>
    private bool TryCopy(int c, uint chunk, out ChunkHeader header, out Span<byte> bytes)
    {
        SharedArena.ClassView view = _arena.Classes[c];
        byte* start = view.Chunk(chunk);
        uint length = Volatile.Read(ref ((ChunkHeader*)start)->Length);
        header = *(ChunkHeader*)start;
        bytes = default;
        if (header.Magic is not (Wire.ChunkMagic or ArenaWire.DocumentMagic) || length == 0 || length > view.Size - sizeof(ChunkHeader))
            return false;
        bytes = _buffer.AsSpan(0, sizeof(ChunkHeader) + (int)length);
        header.Length = length;
        header.Capacity = view.Size;
        header.Inside = 0;
        MemoryMarshal.Write(bytes, header);
        new ReadOnlySpan<byte>(start + sizeof(ChunkHeader), (int)length).CopyTo(bytes[sizeof(ChunkHeader)..]);
        return true;
    }

    private void Look(ulong now, bool isSeal)
    {
        FindImages();
        LeaveRoom();
        _clock.Publish(_arena.Header); // later than the start of each that was found: the page of each holds this reading
        CollectLeaving();
        EndThoseThatEnded();
        if (isSeal || now - _lastPartial > 1_000_000_000)
        {
            _lastPartial = now;
            KeepUnfinished();
            foreach (LiveImage image in _images.Values)
                image.Save(_clock.Latest);
        }
    }

    /// <summary>Stops all while there is no more room on the disk than others are to have.</summary>
    private void LeaveRoom()
    {
        bool hadRoom = !_hasNoRoom;
        _hasNoRoom = _limits.IsReached();
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

    private bool _hasNoRoom;

    private void EndThoseThatEnded()
    {
        // An exec begins another image of the process: what the one before had mapped is gone.
        var latest = new Dictionary<int, uint>();
        foreach (LiveImage image in _images.Values)
            if (image.Process is { } process)
                latest[process.Pid] = Math.Max(image.Number, latest.GetValueOrDefault(process.Pid));
        End([.. _images.Values.Where(image => image.Process is not { } process || latest[process.Pid] != image.Number || process.HasEnded)]);
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
            try
            {
                string? parent = _directories.GetValueOrDefault(slot->Parent);
                var image = LiveImage.Begin(i, slot, _session, parent, _limits.MaxBytes, _mayResume);
                _images.Add(i, image);
                _directories[image.Number] = image.Directory;
                Serve();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _say($"pid {slot->Process.Pid} is not recorded: {e.Message}");
                Volatile.Write(ref slot->Process.State, (uint)RecordingState.Failed);
                Volatile.Write(ref slot->Process.Control, 0);
            }
        }
        _mayResume = false;
    }

    /// <summary>Frees a slot whose process was killed while it began: it recorded nothing.</summary>
    private bool Abandon(uint index, ImageSlot* slot)
    {
        const ulong tooLong = 10_000_000_000; // ns; a start takes less than one thousandth of it
        ulong now = SessionClock.MonotonicNs;
        if (!_claimed.TryGetValue(index, out var since) || since.Number != slot->Number)
            _claimed[index] = since = (slot->Number, now);
        uint pid = Volatile.Read(ref slot->Process.Pid);
        if (now - since.Ns < tooLong && (pid == 0 || RecordedProcess.Find(pid, slot->Process.ParentPid)?.HasEnded == false))
            return false;
        ForEachOwned((c, chunk, owner) =>
        {
            if (ImageOf(owner) == index)
                Release(c, chunk, owner);
        });
        _ = _claimed.Remove(index);
        Volatile.Write(ref slot->State, ArenaWire.ImageFree);
        return true;
    }

    private readonly Dictionary<uint, (uint Number, ulong Ns)> _claimed = []; // slots that are being filled, and since when

    /// <summary>Chunks of threads that said that they end, and have.</summary>
    private void CollectLeaving()
    {
        double bootOffset = BootOffsetNs;
        (int Class, uint Chunk)[] leaving = [.. _leaving];
        _leaving.Clear();
        for (int i = 0; i < leaving.Length; i++)
        {
            (int c, uint chunk) = leaving[i];
            ulong owner = Volatile.Read(ref _arena.Classes[c].Owners[chunk]);
            if ((owner & ArenaWire.ChunkStateMask) != ArenaWire.ChunkExited)
                continue;
            var header = (ChunkHeader*)_arena.Classes[c].Chunk(chunk);
            bool isGone = _images.TryGetValue(ImageOf(owner), out LiveImage? image) && HasEnded(image, header, bootOffset) && Collect(c, chunk, owner);
            if (!isGone)
                _leaving.Add((c, chunk));
            if (i % ServeEvery == 0)
                Serve();
        }
    }

    /// <summary>Whether the thread that has a chunk has ended. One that is not begun yet, or holds a text, has no thread's id.</summary>
    private bool HasEnded(LiveImage image, ChunkHeader* header, double bootOffset)
    {
        if (image.Process is null)
            return true;
        uint thread = Volatile.Read(ref header->OsTid);
        return thread != 0 && image.Process.HasThreadEnded(thread, _clock.NsOf(header->Ticks) + bootOffset);
    }

    /// <summary>Collects all that images hold whose processes are no more.</summary>
    private void End(IReadOnlyCollection<LiveImage> images)
    {
        if (images.Count == 0)
            return;
        var slots = images.Select(i => i.Index).ToHashSet();
        _ = CollectFull(); // what they gave before
        var left = new List<FullChunk>();
        ForEachOwned((c, chunk, owner) =>
        {
            var header = (ChunkHeader*)_arena.Classes[c].Chunk(chunk);
            if (slots.Contains(ImageOf(owner)))
                left.Add(new FullChunk(c, chunk, owner, header->Thread, header->Sequence));
        });
        foreach (FullChunk chunk in left.OrderBy(f => (f.Thread, f.Sequence)))
            _ = Collect(chunk.Class, chunk.Chunk, chunk.Owner);
        foreach (LiveImage image in images)
        {
            Report(image);
            image.Close(_clock.Latest);
            _ = _images.Remove(image.Index);
            Serve();
        }
        FreeForgotten();
    }

    /// <summary>What threads may be waiting for, in the middle of longer work.</summary>
    private void Serve()
    {
        _ = CollectFull();
        for (int c = 0; c < _backed.Length; c++)
            Grow(c);
    }

    /// <summary>
    /// A thread that was killed between a chunk's bit and its word left a chunk that nobody has. Where one is just being taken, the word decides.
    /// </summary>
    private void FreeForgotten()
    {
        ReadOnlySpan<SharedArena.ClassView> classes = _arena.Classes;
        for (int c = 0; c < classes.Length; c++)
            for (uint chunk = 0; chunk < _backed[c]; chunk++)
                if ((classes[c].Owners[chunk] & ArenaWire.ChunkStateMask) == ArenaWire.ChunkFree && (classes[c].Free[chunk / 64] >> (int)(chunk % 64) & 1) == 0)
                    Interlocked.Or(ref classes[c].Free[chunk / 64], 1ul << (int)(chunk % 64));
    }

    private delegate void ChunkAction(int c, uint chunk, ulong owner);

    private void ForEachOwned(ChunkAction action)
    {
        ReadOnlySpan<SharedArena.ClassView> classes = _arena.Classes;
        for (int c = 0; c < classes.Length; c++)
        {
            for (uint chunk = 0; chunk < _backed[c]; chunk++)
            {
                ulong owner = Volatile.Read(ref classes[c].Owners[chunk]);
                if ((owner & ArenaWire.ChunkStateMask) != ArenaWire.ChunkFree)
                    action(c, chunk, owner);
            }
        }
    }

    /// <summary>
    /// Unfinished chunks: those of a stopped image are finished, as their threads begin others when it starts again; of the others a copy is
    /// kept, and those of threads that are gone without a word are collected.
    /// </summary>
    private void KeepUnfinished()
    {
        double bootOffset = BootOffsetNs;
        int kept = 0;
        ForEachOwned((c, chunk, owner) =>
        {
            if ((owner & ArenaWire.ChunkStateMask) == ArenaWire.ChunkFull || !_images.TryGetValue(ImageOf(owner), out LiveImage? image))
                return;
            var header = (ChunkHeader*)_arena.Classes[c].Chunk(chunk);
            if (image.IsStopped && Volatile.Read(ref header->Inside) == 0)
            {
                if (TryCopy(c, chunk, out ChunkHeader copy, out Span<byte> bytes) && copy.Magic == Wire.ChunkMagic)
                    image.Append(bytes);
                header->Length = 0;
            }
            else if (HasEnded(image, header, bootOffset))
            {
                _ = Collect(c, chunk, owner);
            }
            else if (TryCopy(c, chunk, out ChunkHeader copy, out Span<byte> bytes) && copy.Magic == Wire.ChunkMagic)
            {
                image.Keep((ulong)c << 32 | chunk, copy, bytes);
            }
            Report(image);
            if (++kept % ServeEvery == 0)
                Serve();
        });
    }

    private readonly HashSet<uint> _reported = [];

    private void Report(LiveImage image)
    {
        if (!_hasNoRoom && image.Failure is { } why && _reported.Add(image.Number))
            _say($"pid {image.Pid} is not recorded any further: {why} ({image.Directory})");
    }

    /// <summary>Backs chunks with memory ahead of need: a page without memory behind it would end the process that touches it.</summary>
    private void Grow(int c)
    {
        SharedArena.ClassView view = _arena.Classes[c];
        while (_canGrow && _backed[c] < view.Count && FreeBytes(c) < ReserveOf[c])
        {
            int step = (int)Math.Min(GrowBy, view.Count - _backed[c]);
            if (Libc.Allocate(_arena.Descriptor, 0, view.FirstOffset + (long)_backed[c] * view.Size, (long)step * view.Size) != 0)
            {
                _canGrow = false;
                _say($"no more shared memory for the recording: {Marshal.GetLastPInvokeErrorMessage()}");
                return;
            }
            Interlocked.Or(ref view.Free[_backed[c] / 64], step == 64 ? ulong.MaxValue : (1ul << step) - 1);
            _backed[c] += (uint)step;
            Interlocked.Increment(ref _arena.Header->Freed);
        }
    }

    private long FreeBytes(int c)
    {
        SharedArena.ClassView view = _arena.Classes[c];
        long free = 0;
        for (uint word = 0; word < (_backed[c] + 63) / 64; word++)
            free += BitOperations.PopCount(Volatile.Read(ref view.Free[word]));
        return free * view.Size;
    }

    /// <summary>The kernel's start times count from boot, the clocks' from boot without the time asleep.</summary>
    private static double BootOffsetNs => Libc.BootTimeNs - SessionClock.MonotonicNs;

    private static uint ImageOf(ulong owner) => (uint)(owner >> ArenaWire.ChunkImageShift & ArenaWire.ChunkImageMask);
}
