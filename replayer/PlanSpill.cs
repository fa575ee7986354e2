using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AllocReplay.Replayer;

/// <summary>
/// Ops of all threads as they are compiled, in a mapped file that has no name: they can be changed in place however long ago
/// they were written, and the system keeps in memory what it has room for.
/// </summary>
internal sealed unsafe partial class PlanSpill : IDisposable
{
    private const int RegionOps = 1 << 20; // 24 MiB of file at a time

    private readonly FileStream _file;
    private readonly List<(MemoryMappedFile Map, MemoryMappedViewAccessor View)> _regions = [];
    private PlanOp* _next;
    private int _left;

    /// <param name="directory">Where the plan will be: what fits there twice over fits there.</param>
    public PlanSpill(string directory)
    {
        string path = Path.Combine(directory, $".allocreplay-{Guid.NewGuid():N}");
        _file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite);
        File.Delete(path);
    }

    /// <summary>Room for ops in a row, zeroed.</summary>
    public PlanOp* Allocate(int count)
    {
        if (_left < count)
            AddRegion();
        PlanOp* ops = _next;
        _next += count;
        _left -= count;
        return ops;
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
        long size = (long)RegionOps * Unsafe.SizeOf<PlanOp>();
        // Written through a mapping, a full disk would be a signal and not an error: reserve the blocks first.
        if (ReserveBlocks((int)_file.SafeFileHandle.DangerousGetHandle(), offset, size) is not 0 and var error)
            throw new IOException($"no room for the replay plan in {Path.GetDirectoryName(_file.Name)}: {Marshal.GetPInvokeErrorMessage(error)}");
        MemoryMappedFile map = MemoryMappedFile.CreateFromFile(
            _file, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        MemoryMappedViewAccessor view = map.CreateViewAccessor(offset, size);
        _regions.Add((map, view));
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _next = (PlanOp*)(start + view.PointerOffset);
        _left = RegionOps;
    }

    [LibraryImport("libc", EntryPoint = "posix_fallocate")]
    private static partial int ReserveBlocks(int fd, long offset, long length);
}
