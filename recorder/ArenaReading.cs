using System.Runtime.InteropServices;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Recorder;

/// <summary>A process image's place in a session's shared memory, as it was read.</summary>
/// <param name="Index">Of the slot.</param>
/// <param name="Slot">What stood there. A hostile program may have written anything.</param>
internal sealed record ReadSlot(uint Index, ImageSlot Slot);

/// <summary>Bytes of events in chunks.</summary>
/// <param name="Given">Their threads are done with them, and the drain has not taken them.</param>
/// <param name="Unfinished">Their threads write them.</param>
internal readonly record struct ChunkBytes(long Given, long Unfinished)
{
    public static ChunkBytes operator +(ChunkBytes a, ChunkBytes b) => new(a.Given + b.Given, a.Unfinished + b.Unfinished);
}

/// <summary>
/// A session's shared memory, read and not mapped: who has it mapped is taken for a process that may record. What stands there is believed within
/// the geometry that was checked when it was opened, and sums are of lengths that a chunk may have.
/// </summary>
internal sealed unsafe class ArenaReading : IDisposable
{
    private const int Tries = 100;

    private static readonly long DrainStateOfArena = Marshal.OffsetOf<ArenaHeader>(nameof(ArenaHeader.DrainState));
    private static readonly long RoundsOfSession = Marshal.OffsetOf<ArenaHeader>(nameof(ArenaHeader.Rounds));
    private static readonly long RoundsOfImage = Marshal.OffsetOf<ImageSlot>(nameof(ImageSlot.Rounds));
    private static readonly long NumberOfRounds = Marshal.OffsetOf<ArenaRounds>(nameof(ArenaRounds.Number));

    private readonly SafeFileHandle _file;
    private readonly ArenaHeader _header;

    private ArenaReading(SafeFileHandle file, in ArenaHeader header) => (_file, _header) = (file, header);

    /// <summary>As it was when it was opened.</summary>
    public ArenaHeader Header => _header;

    /// <summary>Null when the session has none, or not any more.</summary>
    /// <exception cref="IOException">What the session names is no shared memory.</exception>
    public static ArenaReading? Open(string session) => SharedArena.OpenToRead(session, out ArenaHeader header) is { } file ? new(file, header) : null;

    /// <summary>Whether a drain has it: it holds the lock. Asked by a lock that others may have too, for a moment.</summary>
    public bool HasOwner
    {
        get
        {
            var descriptor = (int)_file.DangerousGetHandle();
            if (Libc.Lock(descriptor, Libc.LockShared | Libc.LockNoWait) != 0)
                return true;
            _ = Libc.Lock(descriptor, Libc.LockUnlock);
            return false;
        }
    }

    /// <summary>Whether the drain says by now that all is on disk: it does so before it lets go of the lock.</summary>
    public bool HasDrainEnded => Read<uint>(DrainStateOfArena) == ArenaWire.DrainEnded;

    /// <summary>The images that have a place.</summary>
    public IReadOnlyList<ReadSlot> Images()
    {
        var live = new List<ReadSlot>();
        long state = Marshal.OffsetOf<ImageSlot>(nameof(ImageSlot.State));
        for (uint i = 0; i < _header.ImageCount; i++)
            if (Read<uint>(At(i) + state) == ArenaWire.ImageLive)
                live.Add(new ReadSlot(i, Read<ImageSlot>(At(i))));
        return live;
    }

    /// <summary>How much had been recorded at two moments, of all images.</summary>
    public ArenaRounds Rounds() => ReadRounds(RoundsOfSession);

    /// <summary>Likewise, of one.</summary>
    public ArenaRounds RoundsOf(ReadSlot slot) => ReadRounds(At(slot.Index) + RoundsOfImage);

    /// <summary>Bytes of shared memory that are there, in whole pages.</summary>
    public long Backed => Libc.Status((int)_file.DangerousGetHandle()) is { Error: 0, Blocks: var blocks } ? blocks * 512 : 0;

    /// <summary>What is in the chunks that somebody has, by the slot of the image that took them.</summary>
    public IReadOnlyDictionary<uint, ChunkBytes> Chunks()
    {
        var chunks = new Dictionary<uint, ChunkBytes>();
        foreach (ArenaClass c in (ReadOnlySpan<ArenaClass>)_header.Table)
        {
            var owners = new ulong[c.Count];
            if (RandomAccess.Read(_file, MemoryMarshal.AsBytes(owners.AsSpan()), (long)c.Owners) < owners.Length * sizeof(ulong))
                continue;
            for (uint i = 0; i < owners.Length; i++)
            {
                ulong state = owners[i] & ArenaWire.ChunkStateMask;
                var image = (uint)(owners[i] >> ArenaWire.ChunkImageShift & ArenaWire.ChunkImageMask);
                if (state == ArenaWire.ChunkFree || image >= _header.ImageCount)
                    continue;
                long length = Math.Min(Read<ChunkHeader>((long)(c.First + i * (ulong)c.Size)).Length, c.Size - (uint)sizeof(ChunkHeader));
                chunks[image] = chunks.GetValueOrDefault(image) + (state == ArenaWire.ChunkFull ? new ChunkBytes(length, 0) : new ChunkBytes(0, length));
            }
        }
        return chunks;
    }

    public void Dispose() => _file.Dispose();

    private long At(uint slot) => (long)_header.Images + slot * (long)ArenaWire.Page;

    /// <summary>Two readings of the number around one of all: what stood there in between is whole.</summary>
    private ArenaRounds ReadRounds(long at)
    {
        for (int i = 0; i < Tries; i++)
        {
            uint before = Read<uint>(at + NumberOfRounds);
            var rounds = Read<ArenaRounds>(at);
            if (Read<uint>(at + NumberOfRounds) == before && rounds.Number == before)
                return rounds;
        }
        return default; // somebody plays with it
    }

    private T Read<T>(long at)
        where T : unmanaged
    {
        T value = default;
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        int read = RandomAccess.Read(_file, bytes, at);
        bytes[read..].Clear();
        return value;
    }
}
