using System.Globalization;

namespace AllocReplay.Worker;

/// <summary>Reads this process's resident memory from the kernel, without allocating any.</summary>
/// <remarks>
/// The kernel keeps a process's counters in parts, one for each processor, and carries a part over once it has grown to a batch of pages. Since Linux 6.17
/// <c>status</c> adds the parts up, so what it says is exact; before, a batch a processor may be missing. Which of the two holds is tried out, as
/// distributions take such changes back to older kernels. <c>smaps_rollup</c> walks the page tables: always exact, and some 60 µs a MiB.
/// The high-water mark is kept by the kernel from the counters as they are, in every release: see <see cref="HighWaterErrorBytes"/>.
/// </remarks>
internal static unsafe class MemoryProbe
{
    /// <summary>Where counters are not exact: up to here a walk costs little, above it their error does not show.</summary>
    private const long WalkBelow = 64 << 20;
    private const int BufferSize = 4096;
    private const int KiB = 1024;
    private const int TriedPages = 8;
    /// <summary>Pages that the kernel counts apart on each processor before it carries them over: so many at least, or two for each processor.</summary>
    private const int BatchMin = 32;

    private static int s_walk, s_status, s_clear;
    private static bool s_isExact;
    private static long s_last;

    /// <summary>What a high-water mark may be off by: a batch on every processor.</summary>
    public static long HighWaterErrorBytes { get; private set; }

    public static void Open()
    {
        fixed (byte* path = "/proc/self/smaps_rollup"u8)
            s_walk = Libc.open(path, Libc.ReadOnly | Libc.CloseOnExec, 0);
        fixed (byte* path = "/proc/self/status"u8)
            s_status = Libc.open(path, Libc.ReadOnly | Libc.CloseOnExec, 0);
        fixed (byte* path = "/proc/self/clear_refs"u8)
            s_clear = Libc.open(path, Libc.WriteOnly | Libc.CloseOnExec, 0);
        if (s_walk < 0 || s_status < 0)
            Worker.Fail("cannot read /proc/self/smaps_rollup and /proc/self/status"u8);
        s_isExact = AreCountersExact();
        long processors = Libc.OnlineProcessors;
        HighWaterErrorBytes = Math.Max(BatchMin, 2 * processors) * processors * Libc.PageSize;
    }

    /// <summary>Bytes of anonymous memory present.</summary>
    public static long Anonymous() => s_last = s_isExact || s_last > WalkBelow ? Counters().AnonymousBytes : Walk();

    /// <summary>Starts the kernel's high-water mark anew. False where the kernel has none to start.</summary>
    public static bool ResetHighWater()
    {
        const byte resetPeak = (byte)'5';
        byte command = resetPeak;
        return s_clear >= 0 && Libc.write(s_clear, &command, 1) == 1;
    }

    /// <summary>The kernel's counters, in bytes.</summary>
    public static ResidentCounters Counters()
    {
        // On the stack: several threads may read.
        byte* buffer = stackalloc byte[BufferSize];
        ReadOnlySpan<byte> text = Read(s_status, buffer);
        return new ResidentCounters(
            ValueOf(text, "\nRssAnon:"u8), ValueOf(text, "\nRssFile:"u8) + ValueOf(text, "\nRssShmem:"u8), ValueOf(text, "\nVmHWM:"u8));
    }

    private static long Walk()
    {
        byte* buffer = stackalloc byte[BufferSize];
        return ValueOf(Read(s_walk, buffer), "\nAnonymous:"u8);
    }

    /// <summary>Whether each page shows at once. Counters that are carried over in batches cannot show eight pages one by one.</summary>
    private static bool AreCountersExact()
    {
        const nuint length = TriedPages * Libc.PageSize;
        byte* pages = (byte*)Libc.mmap(null, length, Libc.ProtRead | Libc.ProtWrite, Libc.MapPrivate | Libc.MapAnonymous, -1, 0);
        if (pages == (byte*)-1)
            return false;
        long before = Counters().AnonymousBytes;
        bool isExact = true;
        for (int i = 0; i < TriedPages; i++)
        {
            pages[i * Libc.PageSize] = 1;
            long after = Counters().AnonymousBytes;
            isExact &= after - before == Libc.PageSize;
            before = after;
        }
        _ = Libc.munmap(pages, length);
        return isExact;
    }

    private static ReadOnlySpan<byte> Read(int fd, byte* buffer)
    {
        nint length = Libc.pread(fd, buffer, BufferSize, 0);
        return new ReadOnlySpan<byte>(buffer, (int)Math.Max(0, length));
    }

    /// <summary>The value of a line <c>Label:   123 kB</c>, in bytes.</summary>
    private static long ValueOf(ReadOnlySpan<byte> text, ReadOnlySpan<byte> label)
    {
        int at = text.IndexOf(label);
        ReadOnlySpan<byte> figure = at < 0 ? default : text[(at + label.Length)..].TrimStart(" \t"u8);
        if (!long.TryParse(figure[..Math.Max(0, figure.IndexOf((byte)' '))], NumberStyles.None, CultureInfo.InvariantCulture, out long value))
            Worker.Fail("cannot read this process's memory from /proc"u8);
        return value * KiB;
    }
}

/// <summary>What the kernel counts of a process, in bytes.</summary>
/// <param name="AnonymousBytes">Resident, of no file.</param>
/// <param name="FileBytes">Resident, of files and shared memory: the plan, libraries.</param>
/// <param name="HighWaterBytes">Both together at their highest since the mark was started anew.</param>
internal readonly record struct ResidentCounters(long AnonymousBytes, long FileBytes, long HighWaterBytes);
