using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Worker;

/// <summary>
/// The clock that single calls are timed by: the processor's counter on x86-64 where it runs evenly and through sleep, else CLOCK_MONOTONIC.
/// </summary>
/// <remarks>
/// The counter is read by a function of its own, as no intrinsic does. Before a call: lfence, rdtsc, lfence, so that what came before is over and the call
/// has not begun. After it: rdtscp, which waits for all instructions before it, and lfence, so that nothing after it has begun.
/// </remarks>
internal static unsafe class LatencyTimer
{
    /// <summary>Long enough for the clock's own 50 ns at either end to be one in 100,000.</summary>
    private const long CalibrationNs = 10_000_000;
    private const int Trials = 10_001;
    private const int FractionBits = 32;

    private static delegate* unmanaged[SuppressGCTransition]<ulong> s_before;
    private static delegate* unmanaged[SuppressGCTransition]<ulong> s_after;
    private static ulong s_cost, s_step;
    private static ulong s_unitsPerTick;

    public static bool IsCounter => s_before != null;

    /// <summary>What timing nothing takes, in nanoseconds: subtracted from every time.</summary>
    public static double CostNs => Ns(s_cost);

    /// <summary>By how much times differ that differ at all, in nanoseconds: some processors' counters go in steps of many ticks.</summary>
    public static double StepNs => Ns(s_step);

    /// <summary>Ticks, before a call.</summary>
    public static ulong Before() => s_before != null ? s_before() : (ulong)Libc.Now();

    /// <summary>Ticks, after a call.</summary>
    public static ulong After() => s_after != null ? s_after() : (ulong)Libc.Now();

    /// <summary>The time between two readings in units of the grid, less what reading takes.</summary>
    public static ulong Units(ulong before, ulong after)
    {
        // The counters of two processors may disagree by a little: no call ends before it begins.
        long ticks = (long)(after - before - s_cost);
        if (ticks <= 0)
            return 0;
        ulong high = Math.BigMul((ulong)ticks, s_unitsPerTick, out ulong low);
        return high << (64 - FractionBits) | low >> FractionBits;
    }

    /// <summary>Finds out how fast it runs and what it costs: some 10 ms.</summary>
    public static void Start()
    {
        byte* nothing = (byte*)Libc.Map(Libc.PageSize);
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64)
            WriteX64(nothing);
        else
            *(uint*)nothing = 0xd65f03c0; // ret
        if (Libc.mprotect(nothing, Libc.PageSize, Libc.ProtRead | Libc.ProtExec) != 0)
            Worker.Fail("cannot make memory executable to read the clock"u8);
        s_unitsPerTick = (ulong)LatencyGrid.UnitsPerNs << FractionBits;
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64 && IsEven())
        {
            s_before = (delegate* unmanaged[SuppressGCTransition]<ulong>)(nothing + 64);
            s_after = (delegate* unmanaged[SuppressGCTransition]<ulong>)(nothing + 128);
            Calibrate();
        }
        Observe((delegate* unmanaged[SuppressGCTransition]<void>)nothing);
    }

    private static void WriteX64(byte* page)
    {
        *page = 0xc3; // ret
        // lfence; rdtsc; lfence; shl rdx, 32; or rax, rdx; ret
        ReadOnlySpan<byte> before = [0x0f, 0xae, 0xe8, 0x0f, 0x31, 0x0f, 0xae, 0xe8, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0xc3];
        // rdtscp; lfence; shl rdx, 32; or rax, rdx; ret
        ReadOnlySpan<byte> after = [0x0f, 0x01, 0xf9, 0x0f, 0xae, 0xe8, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0xc3];
        before.CopyTo(new Span<byte>(page + 64, before.Length));
        after.CopyTo(new Span<byte>(page + 128, after.Length));
    }

    /// <summary>Whether the processor has rdtscp and a counter whose rate does not change.</summary>
    private static bool IsEven()
    {
        const int extended = unchecked((int)0x8000_0000);
        if (!X86Base.IsSupported || (uint)X86Base.CpuId(extended, 0).Eax < 0x8000_0007)
            return false;
        bool hasRdtscp = (X86Base.CpuId(extended + 1, 0).Edx & 1 << 27) != 0;
        return hasRdtscp && (X86Base.CpuId(extended + 7, 0).Edx & 1 << 8) != 0;
    }

    private static void Calibrate()
    {
        (long startNs, ulong startTicks) = (Libc.Now(), s_after());
        long ns;
        do
            ns = Libc.Now() - startNs;
        while (ns < CalibrationNs);
        ulong ticks = s_after() - startTicks;
        s_unitsPerTick = (ulong)((UInt128)((ulong)ns * LatencyGrid.UnitsPerNs) << FractionBits) / ticks;
    }

    /// <summary>Times calls of a function that does nothing. Their median is the cost: one that was interrupted does not count.</summary>
    private static void Observe(delegate* unmanaged[SuppressGCTransition]<void> nothing)
    {
        ulong[] costs = new ulong[Trials];
        for (int i = 0; i < Trials; i++)
        {
            ulong before = Before();
            nothing();
            costs[i] = After() - before;
        }
        Array.Sort(costs);
        (s_cost, s_step) = (costs[Trials / 2], ulong.MaxValue);
        for (int i = 1; i < Trials; i++)
            if (costs[i] != costs[i - 1])
                s_step = Math.Min(s_step, costs[i] - costs[i - 1]);
        s_step = s_step == ulong.MaxValue ? 1 : s_step;
    }

    private static double Ns(ulong ticks) => ticks * (double)s_unitsPerTick / (1UL << FractionBits) / LatencyGrid.UnitsPerNs;
}
