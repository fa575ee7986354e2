using System.Runtime.InteropServices;
using AllocReplay.Formats.Files;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Recorder.Arena;

/// <summary>What a session names as its shared memory is another's, or none: the session is a copy of one that is still written, or forged.</summary>
internal sealed class ForeignArenaException(string message) : IOException(message);

/// <summary>
/// A session's shared memory, mapped. Its geometry is kept apart from the shared page, which recorded processes can write: what is read from
/// the arena is bounds-checked against that.
/// </summary>
/// <remarks>
/// A named file of /dev/shm, so that what was written outlives everybody; where that is missing or small, memory without a name, which
/// lives as long as the drain or a recorded process does. The link <c>arena</c> in the session's directory names it.
/// </remarks>
internal sealed unsafe class SharedArena : IDisposable
{
    /// <summary>In a session's directory: a link to the arena, which is read and not followed. On a full disk there is room for a link yet.</summary>
    public const string NameLink = "arena";

    private const string Shm = "/dev/shm/", FilePrefix = "allocreplay.";

    /// <summary>Small chunks for many quiet threads, large ones for few busy ones: 448 MiB of addresses, little of it backed by memory.</summary>
    private static readonly (uint Size, uint Count)[] Chunks = [(4096, 16384), (32768, 4096), (131072, 2048)];
    private const uint Images = 4096;
    private const ulong DefaultQuota = 64 << 20;
    private const uint DefaultWaitMs = 20;

    private readonly byte* _start, _images;
    private readonly ulong _size;
    private readonly ClassView[] _classes;

    /// <summary>One class of chunks.</summary>
    public readonly struct ClassView(byte* start, in ArenaClass c)
    {
        public readonly uint Size = c.Size;
        public readonly uint Count = c.Count;
        public readonly long FirstOffset = (long)c.First;
        public readonly ulong* Owners = (ulong*)(start + c.Owners);
        public readonly ulong* Free = (ulong*)(start + c.Free);
        public readonly ulong* Full = (ulong*)(start + c.Full);
        private readonly byte* _first = start + c.First;

        public byte* Chunk(uint index) => _first + (ulong)index * Size;
    }

    private SharedArena(int descriptor, string path, byte* start, ulong size, ClassView[] classes, uint imageCount, ulong imagesAt)
    {
        (Descriptor, Path, _size, _classes, ImageCount) = (descriptor, path, size, classes, imageCount);
        _start = start;
        _images = start + imagesAt;
    }

    public int Descriptor { get; }

    /// <summary>By which other processes open it.</summary>
    public string Path { get; }

    /// <summary>As a process's memory map shows it.</summary>
    public string MapName => Path.StartsWith(Shm, StringComparison.Ordinal) ? Path : "/memfd:allocreplay";

    public uint ImageCount { get; }

    public ArenaHeader* Header => (ArenaHeader*)_start;

    public ReadOnlySpan<ClassView> Classes => _classes;

    public ImageSlot* Image(uint index) => (ImageSlot*)(_images + (ulong)index * ArenaWire.Page);

    /// <summary>Creates the arena of a session, and names it in the session's directory.</summary>
    /// <exception cref="IOException">There is no memory for it, or the directory cannot be written.</exception>
    public static SharedArena Create(string session)
    {
        ulong at = ArenaWire.Page, images = at;
        at += Images * ArenaWire.Page;
        var classes = new ArenaClass[ArenaWire.Classes];
        for (int i = 0; i < classes.Length; i++)
        {
            (uint size, uint count) = Chunks[i];
            classes[i] = new ArenaClass { Size = size, Count = count, Owners = at, Free = at + count * 8ul, Full = at + count * 8ul + count / 8 };
            at = RoundUp(classes[i].Full + count / 8, ArenaWire.Page);
        }
        for (int i = 0; i < classes.Length; i++)
        {
            classes[i].First = at = RoundUp(at, 131072);
            at += (ulong)classes[i].Size * classes[i].Count;
        }
        (int descriptor, string path) = NewFile();
        // What stands before the chunks has memory behind it at once: who touches a page for which there is none is killed.
        if (Libc.Truncate(descriptor, (long)at) != 0 || Libc.Allocate(descriptor, 0, 0, (long)classes[0].First) != 0)
            throw new IOException($"no shared memory for the recording: {Marshal.GetLastPInvokeErrorMessage()}");
        SharedArena arena = Attach(descriptor, path, at, classes, Images, images);
        ArenaHeader* header = arena.Header;
        *header = new ArenaHeader
        {
            Version = ArenaWire.Version,
            ImageCount = Images,
            Size = at,
            Images = images,
            WaitMs = DefaultWaitMs,
            Quota = DefaultQuota,
        };
        for (int i = 0; i < classes.Length; i++)
            header->Table[i] = classes[i];
        _ = System.Text.Encoding.UTF8.TryGetBytes(session, ((Span<byte>)header->Session)[..^1], out _);
        using (var directory = new OpenDirectory(session))
            (header->SessionDevice, header->SessionInode) = (directory.Status.Device, directory.Status.Inode);
        File.CreateSymbolicLink(System.IO.Path.Combine(session, NameLink), path);
        Volatile.Write(ref header->Magic, ArenaWire.Magic);
        return arena;
    }

    /// <summary>
    /// The session of a process, by what it has mapped: it may have overwritten its environment. Whoever uses it has to see whether that
    /// session names this arena, as <see cref="Open"/> does.
    /// </summary>
    /// <param name="process">The process's directory in /proc, as <c>/proc/PID</c>.</param>
    /// <returns>Null when it has no arena mapped, or one without a name, or may not be looked at.</returns>
    public static string? SessionOf(string process)
    {
        string? line;
        try
        {
            line = File.ReadLines($"{process}/maps").FirstOrDefault(l => l.Contains(Shm + FilePrefix, StringComparison.Ordinal));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // it has ended, or is not ours to look at
        }
        int descriptor = line is null ? -1 : Libc.Open(line[line.IndexOf(Shm, StringComparison.Ordinal)..], Libc.NoFollow | Libc.CloseOnExec, 0);
        if (descriptor < 0)
            return null;
        using var file = new SafeFileHandle(descriptor, ownsHandle: true);
        return ReadSession(file);
    }

    /// <summary>Opens the arena that a session names; null when it names none, or that is gone.</summary>
    /// <exception cref="IOException">What it names is not this session's arena.</exception>
    public static SharedArena? Open(string session)
    {
        int descriptor = OpenFile(session, Libc.ReadWrite, out string path);
        if (descriptor < 0)
            return null;
        ArenaHeader header = ReadHeader(descriptor, session);
        if (header.Magic == 0)
        {
            _ = Libc.Close(descriptor);
            throw new ForeignArenaException($"{path}: is not the shared memory of {session}");
        }
        return Attach(descriptor, path, header.Size, header.Table[..], header.ImageCount, header.Images);
    }

    /// <summary>
    /// Opens the arena's file to be read and not mapped: who has it mapped is taken for a process that may record.
    /// </summary>
    /// <returns>Null when the session names none, that is gone, or is another's.</returns>
    public static SafeFileHandle? OpenToRead(string session, out ArenaHeader header)
    {
        header = default;
        int descriptor = OpenFile(session, 0, out _);
        if (descriptor < 0)
            return null;
        header = ReadHeader(descriptor, session);
        if (header.Magic != 0)
            return new SafeFileHandle(descriptor, ownsHandle: true);
        _ = Libc.Close(descriptor);
        return null;
    }

    /// <summary>Opens the file that a session names; less than 0 when there is none.</summary>
    /// <exception cref="IOException">What it names is no shared memory.</exception>
    private static int OpenFile(string session, int access, out string path)
    {
        string name = System.IO.Path.Combine(session, NameLink);
        path = new FileInfo(name).LinkTarget ?? "";
        if (path.Length == 0)
            return -1;
        bool isNamed = path.StartsWith(Shm, StringComparison.Ordinal);
        if (!isNamed && !path.StartsWith("/proc/", StringComparison.Ordinal))
            throw new IOException($"{name}: names no shared memory");
        return Libc.Open(path, access | Libc.CloseOnExec | (isNamed ? Libc.NoFollow : 0), 0);
    }

    /// <summary>The first page, if it is that of the session's arena; else zeros.</summary>
    private static ArenaHeader ReadHeader(int descriptor, string session)
    {
        Libc.FileStatus status = Libc.Status(descriptor);
        using var directory = new OpenDirectory(session);
        if (status.Error != 0 || (status.Mode & 0xf000) != 0x8000 || status.Owner != directory.Status.Owner)
            return default;
        ArenaHeader header = default;
        using var file = new SafeFileHandle(descriptor, ownsHandle: false);
        bool isOurs = RandomAccess.Read(file, MemoryMarshal.AsBytes(new Span<ArenaHeader>(ref header)), 0) == sizeof(ArenaHeader)
            && header.Magic == ArenaWire.Magic && header.Version == ArenaWire.Version && header.Size == (ulong)status.Size && IsSound(header)
            && (header.SessionDevice, header.SessionInode) == (directory.Status.Device, directory.Status.Inode);
        return isOurs ? header : default;
    }

    /// <summary>
    /// Takes away what nobody can ask for any more: arenas of this user whose drain is dead, whose session's directory has been deleted, and
    /// which no process has mapped. What a recording that is there has in memory stays: <c>DrainProcess.BringIn</c>.
    /// </summary>
    /// <param name="isMapped">Whether a process has a file mapped.</param>
    public static void RemoveAbandoned(Func<string, bool> isMapped)
    {
        if (!Directory.Exists(Shm))
            return;
        foreach (string path in Directory.EnumerateFiles(Shm, FilePrefix + "*"))
        {
            int descriptor = Libc.Open(path, Libc.ReadWrite | Libc.NoFollow | Libc.CloseOnExec, 0);
            if (descriptor < 0)
                continue; // another user's
            using var file = new SafeFileHandle(descriptor, ownsHandle: true);
            if (Libc.Status(descriptor) is not { Error: 0, Mode: var mode, Owner: var owner } || (mode & 0xf000) != 0x8000 || owner != Libc.EffectiveUser)
                continue;
            // The lock is the drain's: none is touched that a recording names, as its drain may be about to take it.
            bool isNamed = ReadSession(file) is not { } session || IsNamed(session, path);
            if (!isNamed && Libc.Lock(descriptor, Libc.LockExclusive | Libc.LockNoWait) == 0 && !isMapped(path))
                File.Delete(path);
        }
    }

    /// <summary>Sessions that have an arena with a name: those that are recorded, or being completed, or whose drain was killed.</summary>
    public static IEnumerable<string> Sessions()
    {
        foreach (string path in Directory.Exists(Shm) ? Directory.GetFiles(Shm, FilePrefix + "*") : [])
        {
            int descriptor = Libc.Open(path, Libc.NoFollow | Libc.CloseOnExec, 0);
            if (descriptor < 0)
                continue; // another user's, or gone
            using var file = new SafeFileHandle(descriptor, ownsHandle: true);
            if (ReadSession(file) is { } session && IsNamed(session, path))
                yield return session;
        }
    }

    /// <summary>Whether a session names an arena as its own.</summary>
    private static bool IsNamed(string session, string path) => new FileInfo(System.IO.Path.Combine(session, NameLink)).LinkTarget == path;

    /// <summary>The session that an arena says it is of; null when it says none.</summary>
    private static string? ReadSession(SafeFileHandle file)
    {
        ArenaHeader header = default;
        if (RandomAccess.Read(file, MemoryMarshal.AsBytes(new Span<ArenaHeader>(ref header)), 0) < sizeof(ArenaHeader) || header.Magic != ArenaWire.Magic)
            return null;
        ReadOnlySpan<byte> path = header.Session;
        return System.Text.Encoding.UTF8.GetString(path[..Math.Max(0, path.IndexOf((byte)0))]) is { Length: > 0 } session ? session : null;
    }

    /// <summary>Takes the drain's place, for as long as this is open; false while another has it.</summary>
    public bool TryOwn() => Libc.Lock(Descriptor, Libc.LockExclusive | Libc.LockNoWait) == 0;

    /// <summary>Gives it back.</summary>
    public void Disown() => _ = Libc.Lock(Descriptor, Libc.LockUnlock);

    /// <summary>
    /// Takes the arena's name away: nobody needs what is in it any more. By then another recording may have taken the directory's place (--force): its name
    /// stays.
    /// </summary>
    public void Remove(string session)
    {
        try
        {
            if (Path.StartsWith(Shm, StringComparison.Ordinal))
                File.Delete(Path);
            if (IsNamed(session, Path))
                File.Delete(System.IO.Path.Combine(session, NameLink));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The recording was taken away meanwhile.
        }
    }

    public void Dispose()
    {
        _ = Libc.Unmap(_start, (nuint)_size);
        _ = Libc.Close(Descriptor);
    }

    private static SharedArena Attach(int descriptor, string path, ulong size, ReadOnlySpan<ArenaClass> classes, uint imageCount, ulong images)
    {
        byte* start = Libc.Map(0, (nuint)size, 3 /* read, write */, 1 /* shared */, descriptor, 0);
        if ((nint)start == -1)
            throw new IOException($"cannot map the recording's shared memory: {Marshal.GetLastPInvokeErrorMessage()}");
        var views = new ClassView[classes.Length];
        for (int i = 0; i < views.Length; i++)
            views[i] = new ClassView(start, classes[i]);
        return new SharedArena(descriptor, path, start, size, views, imageCount, images);
    }

    private static bool IsSound(in ArenaHeader h)
    {
        ulong size = h.Size;
        bool Fits(ulong offset, ulong count, ulong each) => offset % 8 == 0 && offset <= size && each <= size && count * each <= size - offset;
        if (h.ImageCount > ArenaWire.ChunkImageMask || !Fits(h.Images, h.ImageCount, ArenaWire.Page))
            return false;
        foreach (ArenaClass c in (ReadOnlySpan<ArenaClass>)h.Table)
        {
            if (c.Count % 64 != 0 || c.Size < ArenaWire.Page || c.Size > 1 << 20 || !Fits(c.Owners, c.Count, 8) || !Fits(c.Free, c.Count / 64, 8)
                || !Fits(c.Full, c.Count / 64, 8) || !Fits(c.First, c.Count, c.Size))
            {
                return false;
            }
        }
        return true;
    }

    private static (int Descriptor, string Path) NewFile()
    {
        const long least = 48 << 20; // the image slots, and some chunks
        try
        {
            if (Directory.Exists(Shm) && new DriveInfo(Shm) is { DriveFormat: "tmpfs", AvailableFreeSpace: > least })
            {
                string path = $"{Shm}{FilePrefix}{Environment.ProcessId}.{KernelRandom.Name()}";
                int file = Libc.Open(path, Libc.ReadWrite | Libc.Create | Libc.Exclusive | Libc.NoFollow | Libc.CloseOnExec, 0x180 /* 0600 */);
                if (file >= 0)
                    return (file, path);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then without a name.
        }
        int memory = Libc.MemfdCreate("allocreplay", 1 /* MFD_CLOEXEC */);
        return memory >= 0
            ? (memory, $"/proc/{Environment.ProcessId}/fd/{memory}")
            : throw new IOException($"no shared memory for the recording: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private static ulong RoundUp(ulong n, ulong to) => (n + to - 1) / to * to;

    private readonly struct OpenDirectory : IDisposable
    {
        private readonly int _descriptor;
        public readonly Libc.FileStatus Status;

        public OpenDirectory(string path)
        {
            _descriptor = Libc.Open(path, Libc.DirectoryOnly | Libc.NoFollow | Libc.CloseOnExec, 0);
            if (_descriptor < 0)
                throw new IOException($"{path}: {Marshal.GetLastPInvokeErrorMessage()}");
            Status = Libc.Status(_descriptor);
        }

        public void Dispose() => _ = Libc.Close(_descriptor);
    }
}
