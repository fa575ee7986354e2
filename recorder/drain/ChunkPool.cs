using System.Numerics;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Drain;

/// <summary>A chunk that somebody has, as its owner's word was when it was looked at.</summary>
/// <param name="Class">Its size class.</param>
/// <param name="Index">Within the class.</param>
/// <param name="Owner">The word.</param>
/// <param name="Ticks">The counter when it was begun: no event of it is earlier. Of a text 0.</param>
/// <param name="Thread">Index of its thread; of a text, what it is.</param>
/// <param name="Sequence">Its number in the thread's stream.</param>
internal readonly record struct HeldChunk(int Class, uint Index, ulong Owner, ulong Ticks, uint Thread, uint Sequence)
{
    /// <summary>Slot of the image that took it. Not checked: see <see cref="ChunkPool"/>.</summary>
    public uint Image => (uint)(Owner >> ArenaWire.ChunkImageShift & ArenaWire.ChunkImageMask);

    public ulong State => Owner & ArenaWire.ChunkStateMask;

    /// <summary>Whether it is of events: not of a text, or frames.</summary>
    public bool HasEvents => Ticks != 0;

    /// <summary>The stream that it is of.</summary>
    public (uint Image, uint Thread) Stream => (Image, Thread);

    /// <summary>The same for as long as the chunk has memory.</summary>
    public ulong Place => (ulong)Class << 32 | Index;
}

/// <summary>
/// The arena's chunks, from the drain's side: backs them with memory, finds those that are given away, copies what they hold, frees them.
/// What stands in the arena is only believed within the geometry that is mapped.
/// </summary>
internal sealed unsafe class ChunkPool
{
    /// <summary>Bytes of free chunks of each class that are kept ready: what the threads of a few cores fill between two looks.</summary>
    private static readonly uint[] ReserveOf = [8 << 20, 2 << 20, 8 << 20];
    private const int GrowBy = 64; // chunks at a time, a word of the bits

    private readonly SharedArena _arena;
    private readonly Action<string> _say;
    private readonly uint[] _backed = new uint[ArenaWire.Classes];
    private readonly byte[] _buffer = new byte[1 << 20];
    private bool _canGrow = true, _mayAllBeTaken;

    /// <param name="arena">Whose chunks.</param>
    /// <param name="say">Told what the user should know.</param>
    public ChunkPool(SharedArena arena, Action<string> say)
    {
        (_arena, _say) = (arena, say);
        for (int c = 0; c < _backed.Length; c++)
            _backed[c] = Backed(arena.Classes[c]);
        Grow();
        // A drain before us, which is dead, may have taken their bits.
        ForEachHeld(chunk =>
        {
            if (chunk.State is ArenaWire.ChunkFull or ArenaWire.ChunkExited)
                LookAgain(chunk);
        });
    }

    /// <summary>Whether a program that starts thread after thread may soon find no small chunk.</summary>
    public bool IsShort => FreeBytes(0) < ReserveOf[0] / 2;

    /// <summary>
    /// A program under a filter of system calls cannot wait for a chunk, and drops calls where none is free: as many are kept ready as it may have, once
    /// there is such a program.
    /// </summary>
    public void KeepAllReady() => _mayAllBeTaken = true;

    /// <summary>Backs chunks with memory ahead of need: a page without memory behind it would end the process that touches it.</summary>
    public void Grow()
    {
        for (int c = 0; c < _backed.Length; c++)
            Grow(c);
    }

    /// <summary>Adds the chunks that have been given away since: full ones, and those of threads that say they end.</summary>
    public void TakeGiven(List<HeldChunk> full, List<HeldChunk> leaving)
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
                    HeldChunk chunk = At(c, word * 64 + (uint)BitOperations.TrailingZeroCount(bits));
                    if (chunk.State == ArenaWire.ChunkExited)
                        leaving.Add(chunk);
                    else if (chunk.State == ArenaWire.ChunkFull)
                        full.Add(chunk);
                }
            }
        }
    }

    /// <summary>Has <see cref="TakeGiven"/> find it once more.</summary>
    public void LookAgain(in HeldChunk chunk) => Interlocked.Or(ref _arena.Classes[chunk.Class].Full[chunk.Index / 64], Bit(chunk.Index));

    /// <summary>Gives a chunk away in the name of its thread, which is no more.</summary>
    public void Give(in HeldChunk chunk)
    {
        ulong given = chunk.Owner & ~ArenaWire.ChunkStateMask | ArenaWire.ChunkFull;
        if (Interlocked.CompareExchange(ref _arena.Classes[chunk.Class].Owners[chunk.Index], given, chunk.Owner) == chunk.Owner)
            LookAgain(chunk);
    }

    /// <summary>A chunk as it is now: others may have changed its word.</summary>
    public HeldChunk Now(in HeldChunk chunk) => At(chunk.Class, chunk.Index);

    /// <summary>The chunks that somebody has.</summary>
    public void ForEachHeld(Action<HeldChunk> action)
    {
        for (int c = 0; c < _backed.Length; c++)
        {
            for (uint index = 0; index < _backed[c]; index++)
            {
                HeldChunk chunk = At(c, index);
                if (chunk.State != ArenaWire.ChunkFree)
                    action(chunk);
            }
        }
    }

    public ChunkHeader* HeaderOf(in HeldChunk chunk) => (ChunkHeader*)_arena.Classes[chunk.Class].Chunk(chunk.Index);

    /// <summary>What a chunk holds, copied: its process may be writing it, or scribbling.</summary>
    /// <param name="chunk">The chunk.</param>
    /// <param name="header">Its header.</param>
    /// <param name="bytes">Header and payload, until the next copy.</param>
    /// <returns>False: it holds nothing.</returns>
    public bool TryCopy(in HeldChunk chunk, out ChunkHeader header, out Span<byte> bytes)
    {
        SharedArena.ClassView view = _arena.Classes[chunk.Class];
        byte* start = view.Chunk(chunk.Index);
        uint length = Volatile.Read(ref ((ChunkHeader*)start)->Length);
        header = *(ChunkHeader*)start;
        bytes = default;
        if (header.Magic is not (Wire.ChunkMagic or ArenaWire.DocumentMagic or ArenaWire.FramesMagic)
            || length == 0 || length > view.Size - sizeof(ChunkHeader))
            return false;
        bytes = _buffer.AsSpan(0, sizeof(ChunkHeader) + (int)length);
        header.Length = length;
        header.Capacity = view.Size;
        header.Inside = 0;
        MemoryMarshal.Write(bytes, header);
        new ReadOnlySpan<byte>(start + sizeof(ChunkHeader), (int)length).CopyTo(bytes[sizeof(ChunkHeader)..]);
        return true;
    }

    /// <summary>Makes a chunk free that nobody writes.</summary>
    public void Release(in HeldChunk chunk)
    {
        SharedArena.ClassView view = _arena.Classes[chunk.Class];
        ChunkHeader* header = HeaderOf(chunk);
        header->Length = 0;
        // So that who takes it next is not mistaken for who had it, before it is begun.
        Volatile.Write(ref header->OsTid, 0);
        const ulong turn = ~0xfffffffful;
        if (Interlocked.CompareExchange(ref view.Owners[chunk.Index], chunk.Owner & turn, chunk.Owner) != chunk.Owner)
            return; // scribbled on: it is lost, and nothing else
        if (chunk.Image < _arena.ImageCount)
            Interlocked.Add(ref _arena.Image(chunk.Image)->Held, (ulong)-(long)view.Size);
        Interlocked.Or(ref view.Free[chunk.Index / 64], Bit(chunk.Index));
        ArenaHeader* arena = _arena.Header;
        Interlocked.Increment(ref arena->Freed);
        if (Volatile.Read(ref arena->Waiting) != 0)
            Libc.Wake(&arena->Freed);
    }

    /// <summary>
    /// A thread that was killed between a chunk's bit and its word left a chunk that nobody has. Where one is just being taken, the word decides.
    /// </summary>
    public void FreeForgotten()
    {
        ReadOnlySpan<SharedArena.ClassView> classes = _arena.Classes;
        for (int c = 0; c < classes.Length; c++)
            for (uint index = 0; index < _backed[c]; index++)
                if ((classes[c].Owners[index] & ArenaWire.ChunkStateMask) == ArenaWire.ChunkFree && (classes[c].Free[index / 64] & Bit(index)) == 0)
                    Interlocked.Or(ref classes[c].Free[index / 64], Bit(index));
    }

    private HeldChunk At(int c, uint index)
    {
        SharedArena.ClassView view = _arena.Classes[c];
        ulong owner = Volatile.Read(ref view.Owners[index]);
        if ((owner & ArenaWire.ChunkStateMask) == ArenaWire.ChunkFree)
            return new HeldChunk(c, index, owner, 0, 0, 0); // its memory was perhaps never touched, and is left so
        var header = (ChunkHeader*)view.Chunk(index);
        return new HeldChunk(c, index, owner, header->Ticks, header->Thread, header->Sequence);
    }

    private static ulong Bit(uint index) => 1ul << (int)(index % 64);

    /// <summary>Chunks that another drain, which is dead, has backed with memory: those that were ever free or taken.</summary>
    private static uint Backed(SharedArena.ClassView view)
    {
        uint backed = view.Count;
        while (backed > 0 && (view.Free[(backed - 1) / 64] & Bit(backed - 1)) == 0 && view.Owners[backed - 1] == 0)
            backed--;
        return (backed + 63) / 64 * 64;
    }

    private void Grow(int c)
    {
        SharedArena.ClassView view = _arena.Classes[c];
        while (_canGrow && _backed[c] < view.Count && FreeBytes(c) < Reserve(c))
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

    private long Reserve(int c) => _mayAllBeTaken && c == ArenaWire.Classes - 1 ? (long)_arena.Header->Quota : ReserveOf[c];

    private long FreeBytes(int c)
    {
        SharedArena.ClassView view = _arena.Classes[c];
        long free = 0;
        for (uint word = 0; word < (_backed[c] + 63) / 64; word++)
            free += BitOperations.PopCount(Volatile.Read(ref view.Free[word]));
        return free * view.Size;
    }
}
