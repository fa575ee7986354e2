using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Drain;

/// <summary>The directory of one process image, as formats/SPEC.md has it.</summary>
/// <remarks>Nothing in it is opened that this did not create.</remarks>
internal sealed class ImageFiles : IDisposable
{
    /// <summary>The page <c>process</c> before it is whole for the first time: a directory without the page is none of an image yet.</summary>
    private const string UnfinishedPage = Wire.ProcessFile + ".new";

    private readonly SafeFileHandle _process, _tails;
    private SafeFileHandle _events; // the segment that is written
    private SafeFileHandle? _frames;
    private readonly Dictionary<ulong, TailSlot> _slots = [];
    private readonly Dictionary<uint, Stack<long>> _freeSlots = []; // offsets, by capacity
    private bool _isFinished;
    private long _eventBytes, _closedBytes, _tailBytes, _frameBytes; // of events: in this segment, and in those before it

    /// <summary>Where a chunk's copy lies in <c>tails</c>.</summary>
    private struct TailSlot
    {
        public long Offset;
        public uint Capacity, Thread, Sequence, Length;
    }

    private ImageFiles(string directory, bool isNew)
    {
        Directory = directory;
        _isFinished = File.Exists(Path.Combine(directory, Wire.ProcessFile));
        _process = Open(_isFinished ? Wire.ProcessFile : UnfinishedPage, isNew);
        Segment = isNew ? 0 : EventFiles.SegmentsOf(directory).DefaultIfEmpty(0).Max();
        _events = Open(EventFiles.NameOf(Segment), isNew);
        _tails = Open(Wire.TailsFile, isNew);
    }

    public string Directory { get; }

    /// <summary>Bytes of events that were written, those too that are gone again.</summary>
    public long EventBytes => _closedBytes + _eventBytes;

    /// <summary>Number of the segment that is written.</summary>
    public int Segment { get; private set; }

    /// <summary>Bytes in it.</summary>
    public long SegmentBytes => _eventBytes;

    /// <summary>Bytes of its other files that grow.</summary>
    public long OtherBytes => _tailBytes + _frameBytes;

    /// <summary>Ends the segment: what comes goes to another.</summary>
    /// <exception cref="IOException">It cannot be created.</exception>
    public void Roll()
    {
        SafeFileHandle next = Open(EventFiles.NameOf(Segment + 1), isNew: true);
        _events.Dispose();
        (_events, Segment) = (next, Segment + 1);
        (_closedBytes, _eventBytes) = (_closedBytes + _eventBytes, 0);
    }

    /// <summary>The segments that are there before the one that is written: number of the first, and their bytes.</summary>
    public (int First, long[] Bytes) Closed => SegmentsBefore(Directory, Segment);

    /// <summary>The segments of an image before one: number of the first that is there, or of that one, and their bytes.</summary>
    public static (int First, long[] Bytes) SegmentsBefore(string directory, int segment)
    {
        int[] before = [.. EventFiles.SegmentsOf(directory).Where(s => s < segment).Order()];
        return (before.Length > 0 ? before[0] : segment, [.. before.Select(s => new FileInfo(Path.Combine(directory, EventFiles.NameOf(s))).Length)]);
    }

    /// <summary>Creates pPID.N, N counting the images that ran under this process id.</summary>
    public static ImageFiles Create(string session, uint pid)
    {
        for (int n = 0; ; n++)
        {
            string directory = Path.Combine(session, string.Create(CultureInfo.InvariantCulture, $"p{pid}.{n}"));
            if (Path.Exists(directory))
                continue;
            System.IO.Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            try
            {
                return new ImageFiles(directory, isNew: true);
            }
            catch
            {
                System.IO.Directory.Delete(directory, recursive: true);
                throw;
            }
        }
    }

    /// <summary>
    /// Goes on with the directory of an image that a drain which is dead had begun: what it wrote last may be a part of a chunk, which is
    /// whole in the arena still. A directory without a page, over which that drain was killed, holds no event: it is taken away, as nothing
    /// tells whose it was, and several images of one process (by fork and exec) may be looking for theirs.
    /// </summary>
    /// <returns>Null when there is none.</returns>
    public static ImageFiles? Resume(string session, in ProcessHeader header)
    {
        foreach (string directory in System.IO.Directory.GetDirectories(session, string.Create(CultureInfo.InvariantCulture, $"p{header.Pid}.*")))
        {
            var files = new ImageFiles(directory, isNew: false);
            if (files.Identity is not { } known)
            {
                files.Remove();
            }
            else if (known.StartTicks == header.StartTicks)
            {
                files._eventBytes = files.WholeChunks();
                files._closedBytes = files.Closed.Bytes.Sum();
                RandomAccess.SetLength(files._events, files._eventBytes);
                files.DropTails();
                return files;
            }
            else
            {
                files.Dispose();
            }
        }
        return null;
    }

    private ProcessHeader? Identity
    {
        get
        {
            ProcessHeader header = default;
            Span<byte> bytes = MemoryMarshal.AsBytes(new Span<ProcessHeader>(ref header));
            return RandomAccess.Read(_process, bytes, 0) == bytes.Length ? header : null;
        }
    }

    /// <summary>Where the last whole chunk of <c>events</c> ends.</summary>
    private long WholeChunks()
    {
        long at = 0, length = RandomAccess.GetLength(_events);
        ChunkHeader header = default;
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<ChunkHeader>(ref header));
        while (RandomAccess.Read(_events, bytes, at) == bytes.Length && header.Magic == Wire.ChunkMagic && header.Length is > 0 and <= Wire.ChunkLengthMax
            && at + bytes.Length + header.Length <= length)
        {
            at += bytes.Length + header.Length;
        }
        return at;
    }

    /// <summary>The page <c>process</c>, whole.</summary>
    public void Save(in ProcessHeader header)
    {
        RandomAccess.Write(_process, MemoryMarshal.AsBytes(new ReadOnlySpan<ProcessHeader>(in header)), 0);
        if (_isFinished)
            return;
        File.Move(Path.Combine(Directory, UnfinishedPage), Path.Combine(Directory, Wire.ProcessFile));
        _isFinished = true;
    }

    /// <summary>Appends a chunk to <c>events</c>.</summary>
    public void Append(ReadOnlySpan<byte> chunk)
    {
        try
        {
            RandomAccess.Write(_events, chunk, _eventBytes);
            _eventBytes += chunk.Length;
        }
        catch (IOException)
        {
            // What was written of it would be damage.
            RandomAccess.SetLength(_events, _eventBytes);
            throw;
        }
    }

    /// <summary>Keeps in <c>tails</c> what an unfinished chunk holds so far.</summary>
    /// <param name="key">The chunk's place in the arena.</param>
    /// <param name="header">Its header.</param>
    /// <param name="chunk">Header and payload; the header's capacity is filled in.</param>
    public void Keep(ulong key, in ChunkHeader header, Span<byte> chunk)
    {
        ref TailSlot slot = ref CollectionsMarshal.GetValueRefOrAddDefault(_slots, key, out bool known);
        if (known && (slot.Thread, slot.Sequence, slot.Length) == (header.Thread, header.Sequence, header.Length))
            return;
        if (!known)
        {
            slot.Capacity = (uint)((header.Capacity + Wire.TailAlignment - 1) / Wire.TailAlignment * Wire.TailAlignment);
            TakeSlot(ref slot);
        }
        else if (slot.Thread != header.Thread || slot.Sequence != header.Sequence)
        {
            Forget(slot);
        }
        (slot.Thread, slot.Sequence, slot.Length) = (header.Thread, header.Sequence, header.Length);
        MemoryMarshal.AsRef<ChunkHeader>(chunk).Capacity = slot.Capacity;
        // The bytes before the length that counts them.
        const int head = 64;
        RandomAccess.Write(_tails, chunk[head..], slot.Offset + head);
        RandomAccess.Write(_tails, chunk[..head], slot.Offset);
    }

    /// <summary>What a chunk held is in <c>events</c>: its place in <c>tails</c> is another's.</summary>
    public void ForgetTail(ulong key)
    {
        if (!_slots.Remove(key, out TailSlot slot))
            return;
        if (!_freeSlots.TryGetValue(slot.Capacity, out Stack<long>? free))
            _freeSlots.Add(slot.Capacity, free = new Stack<long>());
        free.Push(slot.Offset);
    }

    /// <summary>Adds to a text file.</summary>
    public void AddText(string name, ReadOnlySpan<byte> text)
    {
        using SafeFileHandle file = Open(name, isNew: false);
        RandomAccess.Write(file, text, RandomAccess.GetLength(file));
    }

    /// <summary>Writes records of frames into their place.</summary>
    public void KeepFrames(uint first, ReadOnlySpan<byte> records)
    {
        _frames ??= Open(Wire.FramesFile, isNew: false);
        RandomAccess.Write(_frames, records, first * (long)Unsafe.SizeOf<FrameRecord>());
        _frameBytes = Math.Max(_frameBytes, first * (long)Unsafe.SizeOf<FrameRecord>() + records.Length);
    }

    /// <summary>Takes another image's text file over: a fork has its parent's, and the two are one file.</summary>
    public void ShareText(string name, string from) => _ = Libc.Link(Path.Combine(from, name), Path.Combine(Directory, name));

    /// <summary>The first interval's mark.</summary>
    public void MarkStart(uint interval, ulong monoNs)
    {
        var mark = new MarkEntry { Kind = MarkEntry.Start, Interval = interval, MonoNs = monoNs };
        AddText(Wire.MarksFile, MemoryMarshal.AsBytes(new ReadOnlySpan<MarkEntry>(in mark)));
    }

    /// <summary>All is in <c>events</c>: what <c>tails</c> held is there too.</summary>
    public void DropTails()
    {
        RandomAccess.SetLength(_tails, 0);
        _slots.Clear();
        _freeSlots.Clear();
        _tailBytes = 0;
    }

    /// <summary>Takes away what could not be begun.</summary>
    public void Remove()
    {
        Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    public void Dispose()
    {
        _process.Dispose();
        _events.Dispose();
        _tails.Dispose();
        _frames?.Dispose();
    }

    private void TakeSlot(ref TailSlot slot)
    {
        if (_freeSlots.TryGetValue(slot.Capacity, out Stack<long>? free) && free.TryPop(out slot.Offset))
        {
            Forget(slot);
            return;
        }
        slot.Offset = _tailBytes;
        _tailBytes += slot.Capacity;
        RandomAccess.SetLength(_tails, _tailBytes);
    }

    private void Forget(in TailSlot slot)
    {
        ReadOnlySpan<byte> zeros = stackalloc byte[8]; // sequence and length
        RandomAccess.Write(_tails, zeros[4..], slot.Offset + 12);
    }

    private SafeFileHandle Open(string name, bool isNew) => Open(Directory, name, isNew);

    /// <summary>Opens a file of an image, or creates it.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static SafeFileHandle Open(string directory, string name, bool isNew)
    {
        int flags = Libc.ReadWrite | Libc.Create | (isNew ? Libc.Exclusive : 0) | Libc.NoFollow | Libc.CloseOnExec;
        int descriptor = Libc.Open(Path.Combine(directory, name), flags, 0x180 /* 0600 */);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new IOException($"{Path.Combine(directory, name)}: {Marshal.GetLastPInvokeErrorMessage()}");
    }
}
