using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace AllocReplay.Replayer.Scratch;

/// <summary>
/// Memory in a mapped file that has no name: what is in it can be changed in place however long ago it was written, and the
/// system keeps in memory what it has room for.
/// </summary>
internal sealed unsafe partial class Spill : IDisposable
{
    private const long RegionBytes = 24 << 20; // of file at a time

    private readonly FileStream _file;
    private readonly List<(MemoryMappedFile Map, MemoryMappedViewAccessor View)> _regions = [];
    private byte* _next;
    private long _left;

    /// <param name="directory">Where what comes of it will be: what fits there twice over fits there.</param>
    /// <exception cref="ReplayException">Nothing can be written there.</exception>
    public Spill(string directory)
    {
        string path = Path.Combine(directory, $".allocreplay-{Guid.NewGuid():N}");
        try
        {
            _file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ReplayException(ReplayFailure.NotPossible,
                $"{directory}: no temporary files can be written there, which TMPDIR may move elsewhere: {e.Message}");
        }
        File.Delete(path);
    }

    /// <summary>Room for so many values in a row, zeroed. At most 1 MiB.</summary>
    /// <exception cref="ReplayException">The disk is full.</exception>
    public T* Allocate<T>(int count)
        where T : unmanaged
    {
        long bytes = ((long)count * sizeof(T) + 7) & ~7L;
        if (_left < bytes)
            AddRegion();
        T* values = (T*)_next;
        _next += bytes;
        _left -= bytes;
        return values;
    }

    public void Dispose()
    {
        foreach ((MemoryMappedFile map, MemoryMappedViewAccessor view) in _regions)
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            map.Dispose();
        }
        _file.Dispose();
    }

    private void AddRegion()
    {
        long offset = _file.Length;
        // Written through a mapping, a full disk would be a signal and not an error: reserve the blocks first.
        if (ReserveBlocks((int)_file.SafeFileHandle.DangerousGetHandle(), offset, RegionBytes) is not 0 and var error)
        {
            string directory = Path.GetDirectoryName(_file.Name)!, reason = Marshal.GetPInvokeErrorMessage(error);
            throw new ReplayException(ReplayFailure.NotPossible, $"{directory}: no room for temporary files, which TMPDIR may move elsewhere: {reason}");
        }
        MemoryMappedFile map = MemoryMappedFile.CreateFromFile(
            _file, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        MemoryMappedViewAccessor view = map.CreateViewAccessor(offset, RegionBytes);
        _regions.Add((map, view));
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _next = start + view.PointerOffset;
        _left = RegionBytes;
    }

    [LibraryImport("libc", EntryPoint = "posix_fallocate")]
    private static partial int ReserveBlocks(int fd, long offset, long length);
}
