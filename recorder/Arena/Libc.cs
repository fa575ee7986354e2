using System.Runtime.InteropServices;

namespace AllocReplay.Recorder.Arena;

/// <summary>The calls that shared memory needs and .NET does not give.</summary>
internal static unsafe partial class Libc
{
    public const int ReadWrite = 2, Create = 0x40, Exclusive = 0x80, CloseOnExec = 0x80000, PathOnly = 0x200000;
    public static readonly int NoFollow = IsArm ? 0x8000 : 0x20000;
    public static readonly int DirectoryOnly = IsArm ? 0x4000 : 0x10000;
    public const int NoSpace = 28, Again = 11;
    public const int LockShared = 1, LockExclusive = 2, LockNoWait = 4, LockUnlock = 8;

    [StructLayout(LayoutKind.Sequential)]
    public struct FileStatus
    {
        public ulong Device, Inode;
        public uint Mode, Owner, Links;
        public long Size;
        public long Blocks; // of 512 bytes
        public int Error; // errno, or 0
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int Truncate(int descriptor, long length);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    public static partial int Allocate(int descriptor, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial byte* Map(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    public static partial int Unmap(byte* address, nuint length);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    public static partial int Lock(int descriptor, int operation);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Syscall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Link(string existing, string path);

    [LibraryImport("libc", EntryPoint = "getppid")]
    public static partial int ParentProcess();

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();

    public static uint EffectiveUser => GetEffectiveUser();

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, long* time);

    /// <summary>CLOCK_BOOTTIME in ns: from boot, the time asleep included.</summary>
    public static double BootTimeNs
    {
        get
        {
            long* time = stackalloc long[2];
            _ = ClockGetTime(7, time);
            return time[0] * 1e9 + time[1];
        }
    }

    /// <summary>What the calling thread has taken of processors, in ns.</summary>
    public static ulong ThreadTimeNs
    {
        get
        {
            long* time = stackalloc long[2];
            _ = ClockGetTime(3 /* CLOCK_THREAD_CPUTIME_ID */, time);
            return (ulong)time[0] * 1_000_000_000 + (ulong)time[1];
        }
    }

    private static bool IsArm => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>Wakes who waits for the word, in any process.</summary>
    public static void Wake(uint* word) => _ = Syscall(IsArm ? 98 : 202, (nint)word, 1 /* FUTEX_WAKE */, int.MaxValue, 0, 0, 0);

    /// <summary>Waits while the word holds a value, at most so long.</summary>
    public static void Wait(uint* word, uint value, TimeSpan timeout)
    {
        long* time = stackalloc long[2] { (long)timeout.TotalSeconds, timeout.Ticks % TimeSpan.TicksPerSecond * 100 };
        _ = Syscall(IsArm ? 98 : 202, (nint)word, 0 /* FUTEX_WAIT */, (nint)value, (nint)time, 0, 0);
    }

    /// <summary>membarrier: 1 global, 2 of those that registered.</summary>
    public static bool Membarrier(int command) => MembarrierCommands(command) == 0;

    /// <summary>What a membarrier command answers; of 0, the bits of those that are there. Negative: none is.</summary>
    public static int MembarrierCommands(int command) => (int)Syscall(IsArm ? 283 : 324, command, 0, 0, 0, 0, 0);

    /// <summary>Device, inode, type and owner of an open file, by statx: its layout is the same everywhere.</summary>
    public static FileStatus Status(int descriptor)
    {
        byte* buffer = stackalloc byte[256];
        byte empty = 0;
        if (Syscall(IsArm ? 291 : 332, descriptor, (nint)(&empty), 0x1000 /* AT_EMPTY_PATH */, 0x7ff, (nint)buffer, 0) != 0)
            return new FileStatus { Error = Marshal.GetLastPInvokeError() };
        return new FileStatus
        {
            Links = *(uint*)(buffer + 16),
            Owner = *(uint*)(buffer + 20),
            Mode = *(ushort*)(buffer + 28),
            Inode = *(ulong*)(buffer + 32),
            Size = *(long*)(buffer + 40),
            Blocks = *(long*)(buffer + 48),
            Device = (ulong)*(uint*)(buffer + 136) << 32 | *(uint*)(buffer + 140),
        };
    }
}
