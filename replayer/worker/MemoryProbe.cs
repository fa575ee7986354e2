using System.Runtime.InteropServices;

namespace AllocReplay.Worker;

/// <summary>Reads this process's anonymous resident memory without allocating any.</summary>
internal static unsafe class MemoryProbe
{
    /// <summary>Below this, the exact figure costs little; above it, the cheap one's error (some hundred KiB) does not show.</summary>
    private const long ExactBelow = 64 << 20;
    private const int BufferSize = 4096;

    private static int s_exact;
    private static int s_cheap;
    private static uint s_stop;
    private static long s_peak;
    private static long s_samples;
    private static long s_intervalNs;
    private static nuint* s_thread;

    public static long Peak => Volatile.Read(ref s_peak);
    public static long Samples => Volatile.Read(ref s_samples);

    public static void Open()
    {
        s_thread = (nuint*)Libc.Map((nuint)sizeof(nuint));
        fixed (byte* path = "/proc/self/smaps_rollup"u8)
            s_exact = Libc.open(path, Libc.ReadOnly | Libc.CloseOnExec, 0);
        fixed (byte* path = "/proc/self/status"u8)
            s_cheap = Libc.open(path, Libc.ReadOnly | Libc.CloseOnExec, 0);
        if (s_exact < 0 || s_cheap < 0)
            Worker.Fail("cannot read /proc/self/smaps_rollup"u8);
    }

    /// <summary>Bytes of anonymous memory present: walks the page tables, so it is exact.</summary>
    public static long Exact() => Read(s_exact, "Anonymous:"u8);

    /// <summary>Starts sampling the peak on a thread of the harness.</summary>
    public static void Start(long intervalNs)
    {
        s_intervalNs = intervalNs;
        int error = Libc.pthread_create(s_thread, null, &Sample, null);
        if (error != 0)
            Worker.Fail("cannot create the memory sampler: error "u8, error, ""u8);
        // It has run once when this returns: its own stack is in the baseline.
        while (Samples == 0)
            Pause(100_000);
        Volatile.Write(ref s_peak, 0);
    }

    public static void Stop()
    {
        Volatile.Write(ref s_stop, 1);
        _ = Libc.pthread_join(*s_thread, null);
    }

    [UnmanagedCallersOnly]
    private static void* Sample(void* argument)
    {
        long last = 0;
        while (Volatile.Read(ref s_stop) == 0)
        {
            last = last < ExactBelow ? Exact() : Read(s_cheap, "RssAnon:"u8);
            if (last > s_peak)
                Volatile.Write(ref s_peak, last);
            Volatile.Write(ref s_samples, s_samples + 1);
            Pause(s_intervalNs);
        }
        return null;
    }

    private static void Pause(long ns)
    {
        var time = new Libc.Timespec { Nanoseconds = ns };
        _ = Libc.nanosleep(&time, null);
    }

    /// <summary>The value of a line <c>Label:   123 kB</c>, in bytes.</summary>
    private static long Read(int fd, ReadOnlySpan<byte> label)
    {
        // On the stack: the sampler and the main thread may both be reading.
        byte* buffer = stackalloc byte[BufferSize];
        nint length = Libc.pread(fd, buffer, BufferSize, 0);
        ReadOnlySpan<byte> text = new(buffer, (int)Math.Max(0, length));
        int at = text.IndexOf(label);
        if (at < 0)
            Worker.Fail("cannot read this process's memory from /proc"u8);
        long value = 0;
        foreach (byte c in text[(at + label.Length)..])
        {
            if (c is >= (byte)'0' and <= (byte)'9')
                value = value * 10 + (c - '0');
            else if (value != 0 || c == 'k')
                break;
        }
        return value * 1024;
    }
}
