using System.Diagnostics;
using System.Runtime.InteropServices;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Drain;

/// <summary>The counter that recorded threads stamp events by, beside the system's clocks: read here, so that no recorded program has to.</summary>
internal sealed unsafe partial class SessionClock
{
    private readonly delegate* unmanaged[SuppressGCTransition]<ulong> _read;
    private readonly (ulong Ticks, ulong Ns) _first;

    public SessionClock()
    {
        byte* page = Libc.Map(0, ArenaWire.Page, 3 /* read, write */, 0x22 /* private, anonymous */, -1, 0);
        if ((nint)page == -1)
            throw new IOException("cannot read the processor's counter");
        ReadOnlySpan<byte> x64 = [0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0xc3]; // rdtsc; shl rdx, 32; or rax, rdx; ret
        ReadOnlySpan<byte> arm64 = [0x40, 0xe0, 0x3b, 0xd5, 0xc0, 0x03, 0x5f, 0xd6]; // mrs x0, cntvct_el0; ret
        ReadOnlySpan<byte> code = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? arm64 : x64;
        code.CopyTo(new Span<byte>(page, ArenaWire.Page));
        if (Protect(page, ArenaWire.Page, 5 /* read, execute */) != 0)
            throw new IOException("cannot read the processor's counter");
        _read = (delegate* unmanaged[SuppressGCTransition]<ulong>)page;
        _first = Read();
        // Long enough that the rate is known to some parts in a million; later readings make it better.
        while (MonotonicNs - _first.Ns < 5_000_000)
            Thread.SpinWait(100);
        Latest = Read();
    }

    /// <summary>The latest reading.</summary>
    public (ulong Ticks, ulong Ns) Latest { get; private set; }

    /// <summary>CLOCK_MONOTONIC in ns: on Linux, what Stopwatch reads.</summary>
    public static ulong MonotonicNs => (ulong)Stopwatch.GetTimestamp() * (1_000_000_000ul / (ulong)Stopwatch.Frequency);

    private double NsPerTick => (double)(Latest.Ns - _first.Ns) / (Latest.Ticks - _first.Ticks);

    /// <summary>CLOCK_MONOTONIC of a time that an event carries, in ns.</summary>
    public double NsOf(ulong ticks) => Latest.Ns + (double)(long)(ticks - Latest.Ticks) * NsPerTick;

    /// <summary>Events are kept in units of 4 to 8 ns: finer would only store the counter's own noise, and would cost a byte an event.</summary>
    public uint TickShift
    {
        get
        {
            uint shift = 0;
            while (shift < 8 && (2u << (int)shift) * NsPerTick <= 8)
                shift++;
            return shift;
        }
    }

    /// <summary>
    /// Reads the clocks, and tells the recorded processes: in the place that they do not read, so that none waits while this is not running.
    /// </summary>
    public void Publish(ArenaHeader* header)
    {
        Latest = Read();
        uint next = header->ClockVersion + 1;
        header->Clocks[(int)(next % 2)] = new ArenaClock
        {
            Ticks = Latest.Ticks,
            MonoNs = Latest.Ns,
            RealtimeNs = (ulong)(DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100 - (MonotonicNs - Latest.Ns),
            Scale = (ulong)(NsPerTick * 4294967296.0),
        };
        Volatile.Write(ref header->ClockVersion, next);
        Interlocked.MemoryBarrier(); // before the next one is written over this one's predecessor
    }

    /// <summary>The counter and CLOCK_MONOTONIC at one moment: as good as the two readings are close, so the closest of a few.</summary>
    public (ulong Ticks, ulong Ns) Read()
    {
        (ulong Ticks, ulong Ns) pair = default;
        ulong best = ulong.MaxValue;
        for (int i = 0; i < 5; i++)
        {
            ulong before = _read(), ns = MonotonicNs, after = _read();
            if (after - before < best)
            {
                best = after - before;
                pair = (before + best / 2, ns);
            }
        }
        return pair;
    }

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(byte* address, nuint length, int protection);
}
