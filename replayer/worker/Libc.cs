using System.Runtime.InteropServices;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Worker;

/// <summary>The few functions of the C library that the worker needs. All arguments are blittable: a call marshals nothing.</summary>
internal static unsafe partial class Libc
{
    /// <summary>Of x86-64, and of aarch64 as nearly every distribution builds its kernel.</summary>
    public const int PageSize = 4096;
    public const int ProtNone = 0, ProtRead = 1, ProtWrite = 2, ProtExec = 4;
    public const int MapShared = 1, MapPrivate = 2, MapAnonymous = 0x20, MapNoReserve = 0x4000, MapPopulate = 0x8000;
    public const int ReadOnly = 0, WriteOnly = 1, ReadWrite = 2, Create = 0x40, Truncate = 0x200, CloseOnExec = 0x80000;
    public const int SeekEnd = 2;
    private const int FutexWait = 0 | 128, FutexWake = 1 | 128, FutexWaitBitset = 9 | 128, FutexWakeBitset = 10 | 128; // private to the process
    private const int ClockMonotonic = 1, TimerAbsolute = 1;
    private const int ProcessorsOnline = 84;
    private const int SetParentDeathSignal = 1, SetTimerSlack = 29;
    private const int Hangup = 1, Interrupt = 2, Kill = 9, Stop = 19;
    public const int LoadLazily = 1, OnlyIfLoaded = 4;
    public const int AskLinkMap = 2;

    public struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    /// <summary>struct rusage</summary>
    public struct Usage
    {
        public long UserSeconds, UserMicroseconds, SystemSeconds, SystemMicroseconds;
        public long MaxRss, SharedRss, DataRss, StackRss;
        public long MinorFaults, MajorFaults, Swaps, BlocksIn, BlocksOut, MessagesSent, MessagesReceived, Signals;
        public long VoluntarySwitches, InvoluntarySwitches;

        public readonly long CpuNs => ((UserSeconds + SystemSeconds) * 1_000_000 + UserMicroseconds + SystemMicroseconds) * 1000;
    }

    /// <summary>The start of link_map</summary>
    public readonly struct LinkMap(nuint loadAddress, byte* name, void* dynamic, LinkMap* next)
    {
        public readonly nuint Base = loadAddress;
        public readonly byte* Name = name;
        public readonly void* Dynamic = dynamic;
        public readonly LinkMap* Next = next;
    }

    /// <summary>Dl_info</summary>
    public struct SymbolInfo
    {
        public byte* ObjectName;
        public void* ObjectBase;
        public byte* SymbolName;
        public void* SymbolAddress;
    }

    [LibraryImport("libc")] public static partial void* mmap(void* address, nuint length, int protection, int flags, int fd, long offset);
    [LibraryImport("libc")] public static partial int munmap(void* address, nuint length);
    [LibraryImport("libc")] public static partial int mprotect(void* address, nuint length, int protection);
    [LibraryImport("libc")] public static partial int open(byte* path, int flags, int mode);
    [LibraryImport("libc")] public static partial int close(int fd);
    [LibraryImport("libc")] public static partial long lseek(int fd, long offset, int whence);
    [LibraryImport("libc")] public static partial nint pread(int fd, byte* buffer, nuint length, long offset);
    [LibraryImport("libc")] public static partial nint read(int fd, byte* buffer, nuint length);
    [LibraryImport("libc")] public static partial nint write(int fd, byte* buffer, nuint length);
    [LibraryImport("libc")] public static partial void* dlsym(void* handle, byte* name);
    [LibraryImport("libc")] public static partial void* dlopen(byte* path, int flags);
    [LibraryImport("libc")] public static partial int dlinfo(void* handle, int request, LinkMap** map);
    [LibraryImport("libc")] public static partial int dladdr(void* address, SymbolInfo* info);
    [LibraryImport("libc")] public static partial int getrusage(int who, Usage* usage);
    [LibraryImport("libc")] public static partial void _exit(int code);
    [LibraryImport("libc")] public static partial int nanosleep(Timespec* request, Timespec* remaining);
    [LibraryImport("libc")] public static partial int pthread_attr_init(void* attributes);
    [LibraryImport("libc")] public static partial int pthread_attr_setstack(void* attributes, void* address, nuint size);
    [LibraryImport("libc")]
    public static partial int pthread_create(
        nuint* handle, void* attributes, delegate* unmanaged<void*, void*> entry, void* argument);
    [LibraryImport("libc")] public static partial int pthread_join(nuint handle, void** result);
    [LibraryImport("libc")] public static partial int mlock(void* address, nuint length);
    [LibraryImport("libc")] private static partial nint syscall(nint number, void* a, nint b, nint c, void* d, void* e, nint f);
    [LibraryImport("libc")] private static partial int clock_nanosleep(int clock, int flags, Timespec* request, Timespec* remaining);
    [LibraryImport("libc")] private static partial int prctl(int option, nint value, nint a, nint b, nint c);
    [LibraryImport("libc")] private static partial nint signal(int number, nint handler);
    [LibraryImport("libc")] private static partial int raise(int signal);
    [LibraryImport("libc")] private static partial int getppid();
    [LibraryImport("libc")] private static partial int sched_setaffinity(int pid, nuint size, ulong* mask);
    [LibraryImport("libc")] private static partial nint sysconf(int name);
    [LibraryImport("libc")] private static partial int clock_gettime(int clock, Timespec* time);

    /// <summary>Processors that the kernel runs on, whether or not this process may.</summary>
    public static long OnlineProcessors => Math.Max(1, sysconf(ProcessorsOnline));

    /// <summary>CLOCK_MONOTONIC in nanoseconds.</summary>
    public static long Now()
    {
        Timespec time;
        _ = clock_gettime(ClockMonotonic, &time);
        return time.Seconds * 1_000_000_000 + time.Nanoseconds;
    }

    /// <summary>Sleeps until a moment of CLOCK_MONOTONIC, or a little longer.</summary>
    public static void SleepUntil(long ns)
    {
        var time = new Timespec { Seconds = ns / 1_000_000_000, Nanoseconds = ns % 1_000_000_000 };
        _ = clock_nanosleep(ClockMonotonic, TimerAbsolute, &time, null);
    }

    /// <summary>The calling thread, and those that it makes, run on these processors alone. False where they may not.</summary>
    public static bool KeepOn(long[] processors)
    {
        const int words = 128; // 8192 processors
        ulong* mask = stackalloc ulong[words];
        new Span<ulong>(mask, words).Clear();
        foreach (long processor in processors)
            mask[processor / 64] |= 1UL << (int)(processor % 64);
        return sched_setaffinity(0, words * sizeof(ulong), mask) == 0;
    }

    /// <summary>All threads stand still until another process has this one continue.</summary>
    public static void Pause() => _ = raise(Stop);

    /// <summary>The kernel may then no longer put off this thread's timers by 50 µs.</summary>
    public static void WakePromptly() => _ = prctl(SetTimerSlack, 1, 0, 0, 0);

    /// <summary>
    /// This process ends when the one that started it does, and not before: what a terminal sends to both is the other's to answer, which also clears up.
    /// </summary>
    /// <param name="parent">That one's process id; 0: whoever it is.</param>
    /// <returns>False: it has ended already.</returns>
    public static bool FollowParent(int parent)
    {
        const int ignore = 1;
        _ = prctl(SetParentDeathSignal, Kill, 0, 0, 0);
        _ = signal(Interrupt, ignore);
        _ = signal(Hangup, ignore);
        return parent == 0 || getppid() == parent;
    }

    /// <summary>Sleeps while the word holds the value; returns early without a reason at times, as futexes do.</summary>
    public static void Wait(uint* word, uint whileEqual) => syscall(FutexNumber, word, FutexWait, (nint)whileEqual, null, null, 0);

    /// <summary>Wakes at most this many threads that sleep on the word.</summary>
    public static void Wake(uint* word, int count) => syscall(FutexNumber, word, FutexWake, count, null, null, 0);

    /// <summary>As <see cref="Wait"/>, woken only by a wake that has one of these bits.</summary>
    public static void WaitFor(uint* word, uint whileEqual, uint bits) =>
        syscall(FutexNumber, word, FutexWaitBitset, (nint)whileEqual, null, null, (nint)bits);

    /// <summary>Wakes all that sleep on the word for one of these bits.</summary>
    public static void WakeFor(uint* word, uint bits) => syscall(FutexNumber, word, FutexWakeBitset, int.MaxValue, null, null, (nint)bits);

    /// <summary>A counter of the calling thread, on whatever processor, and as its attributes say. Negative where there is none.</summary>
    public static int OpenCounter(void* attributes)
    {
        const nint closeOnExec = 8;
        return (int)syscall(OpenCounterNumber, attributes, 0, -1, (void*)-1, (void*)closeOnExec, 0);
    }

    /// <summary>Fresh anonymous memory, zeroed and present. Ends the worker when there is none.</summary>
    public static void* Map(nuint length)
    {
        void* memory = mmap(null, Math.Max(length, 1), ProtRead | ProtWrite, MapPrivate | MapAnonymous | MapPopulate, -1, 0);
        if (memory == (void*)-1)
            Worker.Fail("cannot map "u8, (long)length, " bytes for the replay's own tables"u8, WorkerExit.NoMemory);
        return memory;
    }

    /// <summary>Keeps memory from being paged out during the replay. False where a limit forbids it.</summary>
    public static bool Lock(void* memory, nuint length) => mlock(memory, length) == 0;

    private static nint OpenCounterNumber => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 241 : 298;

    private static nint FutexNumber => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 98 : 202;
}
