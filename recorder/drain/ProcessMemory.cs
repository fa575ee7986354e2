using System.Buffers.Text;
using AllocReplay.Formats;
using AllocReplay.Recorder.Arena;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Drain;

/// <summary>How much memory a process has, as /proc tells it.</summary>
/// <remarks>
/// <para>The counters of <c>status</c> cost some 30 us, and may be off by some 100 KiB for each thread or processor, as kernels before 6.16 do not add up what
/// these have not told yet. <c>smaps_rollup</c> counts page by page: exact, but it takes some 20 ms for each GiB. Where it may not be opened, or a kernel
/// has none (before 4.14), the counters have to do.</para>
/// <para>What has <c>smaps_rollup</c> open keeps to the memory that the process had then: after an exec nothing is read there, and not another image's.</para>
/// </remarks>
internal sealed class ProcessMemory : IDisposable
{
    private const int TextMax = 4096; // status is shorter up to what is read there, smaps_rollup as a whole

    private readonly SafeFileHandle _status;
    private readonly SafeFileHandle? _pages;
    private readonly byte[] _text = new byte[TextMax];

    private ProcessMemory(SafeFileHandle status, SafeFileHandle? pages) => (_status, _pages) = (status, pages);

    /// <returns>Null when it is no more, or may not be looked at.</returns>
    public static ProcessMemory? Open(RecordedProcess process)
    {
        if (Open(process.Pid, "status") is not { } status)
            return null;
        var memory = new ProcessMemory(status, Open(process.Pid, "smaps_rollup"));
        if (!process.HasEnded)
            return memory;
        memory.Dispose(); // of another process of that id, perhaps
        return null;
    }

    /// <summary>Reads the counters, at CLOCK_MONOTONIC <see cref="MemoryEntry.MonoNs"/>.</summary>
    /// <returns>False when the process has ended.</returns>
    public bool TryRead(out MemoryEntry entry)
    {
        entry = new MemoryEntry { MonoNs = SessionClock.MonotonicNs };
        ReadOnlySpan<byte> text = Text(_status);
        if (Bytes(text, "\nVmRSS:"u8) is not { } resident)
            return false;
        entry.Resident = resident;
        entry.Anonymous = Bytes(text, "\nRssAnon:"u8) ?? 0;
        entry.Swapped = Bytes(text, "\nVmSwap:"u8) ?? 0;
        entry.PeakResident = Math.Max(Bytes(text, "\nVmHWM:"u8) ?? 0, resident);
        return true;
    }

    /// <summary>Counts the pages, after the counters were read: those were the image's own where it still has pages.</summary>
    /// <returns>False when the process has ended, or runs another program. True where pages cannot be counted.</returns>
    public bool TryCount(ref MemoryEntry entry)
    {
        if (_pages is null)
            return true;
        ReadOnlySpan<byte> text = Text(_pages);
        if (Bytes(text, "\nRss:"u8) is not { } resident)
            return false;
        entry.Resident = resident;
        entry.Anonymous = Bytes(text, "\nAnonymous:"u8) ?? 0;
        entry.Swapped = Bytes(text, "\nSwap:"u8) ?? 0;
        entry.PeakResident = Math.Max(entry.PeakResident, resident);
        return true;
    }

    public void Dispose()
    {
        _status.Dispose();
        _pages?.Dispose();
    }

    private ReadOnlySpan<byte> Text(SafeFileHandle file)
    {
        try
        {
            return _text.AsSpan(0, RandomAccess.Read(file, _text, 0));
        }
        catch (IOException)
        {
            return []; // there is no such process any more
        }
    }

    /// <summary>What a line <c>NAME:  N kB</c> says.</summary>
    private static ulong? Bytes(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name)
    {
        int at = text.IndexOf(name);
        return at >= 0 && Utf8Parser.TryParse(text[(at + name.Length)..].TrimStart(" \t"u8), out ulong kib, out _) ? kib << 10 : null;
    }

    private static SafeFileHandle? Open(int pid, string name)
    {
        int descriptor = Libc.Open($"/proc/{pid}/{name}", Libc.CloseOnExec, 0);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }
}
