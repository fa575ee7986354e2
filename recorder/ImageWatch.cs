using System.Diagnostics;
using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Recorder;

/// <summary>Whether a process image's directory is still written.</summary>
public enum ImageLife
{
    /// <summary>Events may come.</summary>
    Running,
    /// <summary>All that was recorded is in its files.</summary>
    Ended,
    /// <summary>The process that wrote them was killed, and no other has taken over: events may be in shared memory.</summary>
    Abandoned,
}

/// <summary>
/// Looks from outside whether a process image is still recorded: reads of files alone. Nothing is mapped, as the drain takes who has its shared memory
/// mapped for a process that may record, nothing is locked, and nobody is asked.
/// </summary>
public sealed unsafe class ImageWatch : IDisposable
{
    private const double StartErrorNs = 20e6; // the kernel tells it to 10 ms

    private static readonly long StateOffset = Marshal.OffsetOf<ImageSlot>(nameof(ImageSlot.State));

    private readonly SafeFileHandle _process;
    private readonly ProcessHeader _header;
    private readonly SafeFileHandle? _arena;
    private readonly long _slot; // offset of the image's page in the arena; -1: it has none

    private ImageWatch(SafeFileHandle process, in ProcessHeader header, SafeFileHandle? arena, long slot) =>
        (_process, _header, _arena, _slot) = (process, header, arena, slot);

    /// <summary>Opens a process image's directory.</summary>
    /// <exception cref="ControlException">It is none, or cannot be read.</exception>
    public static ImageWatch Open(string directory)
    {
        string path = Path.Combine(directory, Wire.ProcessFile);
        SafeFileHandle? process = null;
        try
        {
            // Not by the runtime's own: that takes a lock, which a controller of the recording would wait for.
            process = FileKind.Open(path, followsLinks: false);
            ProcessHeader header = PageOf(process);
            if (header.Magic != Wire.ProcessMagic)
                throw new ControlException($"{path}: expected the header of a recorded process");
            if ((header.Flags & Wire.FlagDrained) == 0)
                return new ImageWatch(process, header, null, -1);
            SafeFileHandle? arena = SharedArena.OpenToRead(Path.GetDirectoryName(Path.GetFullPath(directory.TrimEnd('/')))!, out ArenaHeader shared);
            return new ImageWatch(process, header, arena, arena is null ? -1 : SlotOf(arena, shared, header));
        }
        catch (TraceFormatException e)
        {
            throw new ControlException(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            process?.Dispose();
            throw new ControlException($"{path}: {e.Message}");
        }
        catch
        {
            process?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Whether it is still written. What is in the files after it was found to have ended is all: of a drained image the slot is given back when all of it
    /// is on disk.
    /// </summary>
    public ImageLife Life()
    {
        if ((_header.Flags & Wire.FlagDrained) == 0)
            return (RecordingState)PageOf(_process).State != RecordingState.Recording || !IsProcessThere() ? ImageLife.Ended : ImageLife.Running;
        if (_arena is null || _slot < 0)
            return ImageLife.Ended;
        uint state = 0;
        if (!TryRead(_arena, _slot + StateOffset, ref state) || state != ArenaWire.ImageLive)
            return ImageLife.Ended;
        ProcessHeader page = default;
        ArenaHeader arena = default;
        if (!TryRead(_arena, _slot, ref page) || page.StartTicks != _header.StartTicks || !TryRead(_arena, 0, ref arena))
            return ImageLife.Ended;
        bool isThere = Signals.Reach((int)arena.DrainPid);
        // Read behind that: one that ends in order says so before it is gone.
        if (!TryRead(_arena, 0, ref arena) || arena.DrainState == ArenaWire.DrainEnded)
            return ImageLife.Ended;
        return isThere ? ImageLife.Running : ImageLife.Abandoned;
    }

    /// <summary>Whether its calls are recorded now; not, while it is stopped, and when it has ended.</summary>
    public bool IsRecording
    {
        get
        {
            ProcessHeader page = default;
            return _arena is null || _slot < 0 ? PageOf(_process).Control != 0 : TryRead(_arena, _slot, ref page) && page.Control != 0;
        }
    }

    /// <summary>A moment as the times of its events are: nanoseconds since the start of the recording.</summary>
    /// <param name="timestamp">As <see cref="Stopwatch.GetTimestamp"/> gives it.</param>
    public long NsOf(long timestamp) => (long)(timestamp * (1e9 / Stopwatch.Frequency)) - (long)_header.StartMonoNs;

    /// <summary>Closes what is open.</summary>
    public void Dispose()
    {
        _process.Dispose();
        _arena?.Dispose();
    }

    /// <summary>Process ids of the images that have a place in a session's shared memory, as the processes know themselves.</summary>
    internal static IEnumerable<uint> Recording(SafeFileHandle arena, ArenaHeader shared) => LiveSlots(arena, shared).Select(s => s.Page.Pid);

    private static long SlotOf(SafeFileHandle arena, in ArenaHeader shared, ProcessHeader header) =>
        LiveSlots(arena, shared).Where(s => s.Page.Pid == header.Pid && s.Page.StartTicks == header.StartTicks)
            .Select(s => s.Offset).DefaultIfEmpty(-1).First();

    private static IEnumerable<(long Offset, ProcessHeader Page)> LiveSlots(SafeFileHandle arena, ArenaHeader shared)
    {
        for (uint i = 0; i < shared.ImageCount; i++)
        {
            long at = (long)shared.Images + i * (long)ArenaWire.Page;
            uint state = 0;
            ProcessHeader page = default;
            if (TryRead(arena, at + StateOffset, ref state) && state == ArenaWire.ImageLive && TryRead(arena, at, ref page))
                yield return (at, page);
        }
    }

    /// <summary>Whether the process runs; another that has its id by now began later than the recording.</summary>
    private bool IsProcessThere()
    {
        int pid = (int)_header.Pid;
        double bootOffsetNs = Libc.BootTimeNs - Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency);
        return ProcessStat.Of($"/proc/{pid}") is { } stat && stat.Began.TotalNanoseconds <= _header.StartMonoNs + bootOffsetNs + StartErrorNs
            && !RunningThreads.HasEnded(pid);
    }

    private static ProcessHeader PageOf(SafeFileHandle process)
    {
        ProcessHeader header = default;
        _ = TryRead(process, 0, ref header);
        return header;
    }

    private static bool TryRead<T>(SafeFileHandle file, long offset, ref T value)
        where T : unmanaged => RandomAccess.Read(file, MemoryMarshal.AsBytes(new Span<T>(ref value)), offset) == sizeof(T);
}
