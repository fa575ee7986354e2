using System.IO.MemoryMappedFiles;
using AllocReplay.Formats.Recording;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Recorder;

/// <summary>The tails of a process image, mapped: their owners' flags, and what they hold.</summary>
internal sealed unsafe class TailFlags : IDisposable
{
    private readonly SafeFileHandle _handle;
    private MemoryMappedFile? _file;
    private MemoryMappedViewAccessor? _view;
    private byte* _start;
    private long _length;

    /// <param name="handle">The file; closed with this.</param>
    public TailFlags(SafeFileHandle handle) => _handle = handle;

    /// <summary>Those of an image's directory.</summary>
    public static TailFlags Of(string directory)
    {
        using var files = new ImageDirectory(directory);
        return new TailFlags(files.Open(Wire.TailsFile, ImageDirectory.ReadWrite));
    }

    /// <summary>Whether every owner's flag was seen down, each once, in the tails that are mapped.</summary>
    public bool AllDown()
    {
        for (long at = 0; at < _length; at += SlotSize(at))
            if (Volatile.Read(ref Slot(at)->Inside) != 0)
                return false;
        return true;
    }

    /// <summary>Whether any tail holds events.</summary>
    public bool Holds()
    {
        Map();
        for (long at = 0; at < _length; at += SlotSize(at))
            if (Volatile.Read(ref Slot(at)->Length) != 0)
                return true;
        return false;
    }

    /// <summary>Appends what the tails hold to <c>events</c>, and empties them. Only while nobody writes.</summary>
    public void MoveTo(SafeFileHandle events)
    {
        Map();
        for (long at = 0; at < _length; at += SlotSize(at))
        {
            ChunkHeader* slot = Slot(at);
            if (slot->Magic != Wire.ChunkMagic || slot->Length == 0)
                continue;
            int size = sizeof(ChunkHeader) + (int)Math.Min(slot->Length, SlotSize(at) - sizeof(ChunkHeader));
            RandomAccess.Write(events, new ReadOnlySpan<byte>(slot, size), RandomAccess.GetLength(events));
            // Until here the chunk is in both places; a reader knows them for the same by their sequence number.
            Volatile.Write(ref slot->Length, 0);
        }
    }

    public void Dispose()
    {
        Unmap();
        _handle.Dispose();
    }

    private ChunkHeader* Slot(long at) => (ChunkHeader*)(_start + at);

    /// <remarks>Another capacity than those that are possible is somebody's scribble: the slot counts as an unused one.</remarks>
    private long SlotSize(long at)
    {
        uint capacity = Volatile.Read(ref Slot(at)->Capacity);
        return capacity is >= Wire.TailAlignment and <= Wire.ChunkLengthMax && capacity % Wire.TailAlignment == 0 && capacity <= _length - at
            ? capacity
            : Wire.TailAlignment;
    }

    /// <summary>Maps the tails, again when the file has grown: it does while threads start.</summary>
    /// <remarks>
    /// Every header is read here, as the first read of a page is a page fault: some 100 us for all of them, which would
    /// else pass between the end of the interval and the reading of the flags. After this they are read within 1 us.
    /// </remarks>
    /// <returns>Whether it has grown since the last call.</returns>
    public bool Map()
    {
        long length = RandomAccess.GetLength(_handle) / Wire.TailAlignment * Wire.TailAlignment;
        if (length == _length)
            return false;
        Unmap();
        _file = MemoryMappedFile.CreateFromFile(_handle, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        _view = _file.CreateViewAccessor(0, length);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _length = length;
        for (long at = 0; at < _length; at += SlotSize(at))
        {
        }
        return true;
    }

    private void Unmap()
    {
        if (_view is null)
            return;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file!.Dispose();
        (_view, _file, _length) = (null, null, 0);
        _start = null;
    }
}
