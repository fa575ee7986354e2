using System.Runtime.InteropServices;

namespace AllocReplay.Replayer.Scratch;

/// <summary>
/// Memory of which little is present: what was allocated last is, what came before lies in a file that has no name, at the same addresses. It can be
/// changed in place however long ago it was written.
/// </summary>
/// <remarks>
/// <para>Memory is taken by the region, from addresses that are reserved in one piece. When a region is no longer among the newest, it is
/// written to the file, at the offset that it has in the reserved piece, and the file is mapped over it: no pointer changes. A page of a file that is
/// first written through a mapping is a fault that clears it for nothing; a region that is written as a whole is not.</para>
/// <para>Not for several threads at once.</para>
/// </remarks>
internal sealed unsafe partial class Spill : IDisposable
{
    private const long RegionBytes = 8 << 20;
    private const long ReservedBytes = 1L << 38; // of addresses, which cost nothing
    private const int RegionsInMemory = 4; // the newest
    private const long PageBytes = 4096;
    /// <summary>Visits of old pages after which they are no longer to be present: 32 MiB of them at the most.</summary>
    private const int VisitsMax = 8192;

    private readonly FileStream _file;
    private readonly byte* _start;
    private long _used; // bytes of the regions that were begun
    private long _written; // bytes that lie in the file
    private byte* _next;
    private long _left;
    private int _visits;

    /// <param name="directory">Where what comes of it will be.</param>
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
                BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ReplayException(ReplayFailure.NotPossible,
                $"{directory}: no temporary files can be written there, which TMPDIR may move elsewhere: {e.Message}");
        }
        File.Delete(path);
        _start = Map(null, ReservedBytes, ProtNone, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
        if (_start != Failed)
            return;
        _file.Dispose();
        throw new ReplayException(ReplayFailure.NotPossible, $"no addresses for temporary files (ulimit -v): {Marshal.GetLastPInvokeErrorMessage()}");
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

    /// <summary>Tells that an old page may have been read or changed: such pages do not pile up in memory.</summary>
    public void Visited()
    {
        if (++_visits < VisitsMax)
            return;
        _visits = 0;
        if (_written > 0)
            _ = Advise(_start, (nuint)_written, AdviceDontNeed);
    }

    /// <summary>Gives up what lies in so many bytes, but for its first and its last page, in memory and on the disk.</summary>
    public void Discard(nint place, long bytes)
    {
        long first = (place - (nint)_start + PageBytes - 1) & -PageBytes, end = (place - (nint)_start + bytes) & -PageBytes;
        if (end <= first)
            return;
        _ = Advise(_start + first, (nuint)(end - first), AdviceDontNeed);
        if (first < _written) // where no hole can be made, the disk keeps it to the end
            _ = Allocate(Descriptor, PunchHole | KeepSize, first, Math.Min(end, _written) - first);
    }

    public void Dispose()
    {
        _ = Unmap(_start, unchecked((nuint)ReservedBytes));
        _file.Dispose();
    }

    private int Descriptor => (int)_file.SafeFileHandle.DangerousGetHandle();

    private void AddRegion()
    {
        if (_used - _written >= RegionsInMemory * RegionBytes)
            WriteOldest();
        if (_used == ReservedBytes
            || Map(_start + _used, RegionBytes, ProtRead | ProtWrite, MapPrivate | MapAnonymous | MapFixed, -1, 0) == Failed)
            throw new ReplayException(ReplayFailure.NotPossible, "no memory for temporary files");
        _next = _start + _used;
        _left = RegionBytes;
        _used += RegionBytes;
        _ = Advise(_next, (nuint)RegionBytes, AdviceHugePages);
    }

    private void WriteOldest()
    {
        byte* region = _start + _written;
        try
        {
            RandomAccess.Write(_file.SafeFileHandle, new ReadOnlySpan<byte>(region, (int)RegionBytes), _written);
        }
        catch (IOException e)
        {
            string directory = Path.GetDirectoryName(_file.Name)!;
            throw new ReplayException(ReplayFailure.NotPossible, $"{directory}: no room for temporary files, which TMPDIR may move elsewhere: {e.Message}");
        }
        if (Map(region, RegionBytes, ProtRead | ProtWrite, MapShared | MapFixed, Descriptor, _written) == Failed)
            throw new ReplayException(ReplayFailure.NotPossible, $"temporary files cannot be mapped: {Marshal.GetLastPInvokeErrorMessage()}");
        _written += RegionBytes;
    }

    private const int ProtNone = 0, ProtRead = 1, ProtWrite = 2;
    private const int MapShared = 1, MapPrivate = 2, MapFixed = 0x10, MapAnonymous = 0x20, MapNoReserve = 0x4000;
    private const int AdviceDontNeed = 4, AdviceHugePages = 14;
    private const int KeepSize = 1, PunchHole = 2;
    private static readonly byte* Failed = (byte*)-1;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial byte* Map(byte* address, long length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(byte* address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(byte* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "fallocate")]
    private static partial int Allocate(int fd, int mode, long offset, long length);
}
