using System.Runtime.InteropServices;

namespace AllocReplay.Worker;

/// <summary>
/// What the processor counts of this process in user space, of threads that begin later too: instructions, and loads and stores that missed the last cache.
/// </summary>
/// <remarks>
/// The kernel is left out, so that a machine whose <c>perf_event_paranoid</c> is 2 allows it; many virtual machines have no counters. Where there are more
/// users than counters, the kernel takes turns and a figure is extrapolated from the time that it was counted.
/// </remarks>
internal sealed unsafe class Counters
{
    private const uint HardwareEvents = 0, SoftwareEvents = 1;
    private const ulong Instructions = 1, CacheMisses = 3; // of the hardware
    private const ulong TaskClock = 1, PageFaults = 2; // of the kernel
    private const int Unavailable = -1;

    private readonly int _instructions, _cacheMisses;
    private Reading _instructionsBefore, _cacheMissesBefore;

    /// <summary>Opens them; what this machine has not is null in the end.</summary>
    /// <param name="standIn">Two things that the kernel counts on every machine, in their place: for tests.</param>
    public Counters(bool standIn)
    {
        _instructions = Open(standIn ? SoftwareEvents : HardwareEvents, standIn ? TaskClock : Instructions);
        _cacheMisses = Open(standIn ? SoftwareEvents : HardwareEvents, standIn ? PageFaults : CacheMisses);
    }

    /// <summary>Sums over all replays of the plan; null where not counted.</summary>
    public double? InstructionCount { get; private set; }
    /// <inheritdoc cref="InstructionCount"/>
    public double? CacheMissCount { get; private set; }

    public void Before() => (_instructionsBefore, _cacheMissesBefore) = (Read(_instructions), Read(_cacheMisses));

    public void After()
    {
        InstructionCount = Add(InstructionCount, _instructionsBefore, Read(_instructions));
        CacheMissCount = Add(CacheMissCount, _cacheMissesBefore, Read(_cacheMisses));
    }

    private static double? Add(double? sum, in Reading before, in Reading after)
    {
        ulong enabled = after.EnabledNs - before.EnabledNs, running = after.RunningNs - before.RunningNs;
        return running == 0 ? sum : (sum ?? 0) + (after.Value - before.Value) * ((double)enabled / running);
    }

    private static int Open(uint type, ulong config)
    {
        var attributes = new Attributes
        {
            Type = type,
            Size = (uint)sizeof(Attributes),
            Config = config,
            ReadFormat = Attributes.TotalTimeEnabled | Attributes.TotalTimeRunning,
            Flags = Attributes.Inherit | Attributes.ExcludeKernel | Attributes.ExcludeHypervisor,
        };
        return Libc.OpenCounter(&attributes);
    }

    /// <summary>Threads that have ended are in it, and those that run.</summary>
    private static Reading Read(int counter)
    {
        Reading reading = default;
        return counter != Unavailable && Libc.read(counter, (byte*)&reading, (nuint)sizeof(Reading)) == sizeof(Reading) ? reading : default;
    }

    private struct Reading
    {
        public ulong Value, EnabledNs, RunningNs;
    }

    /// <summary>struct perf_event_attr, as of its first version.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Attributes
    {
        public const ulong TotalTimeEnabled = 1, TotalTimeRunning = 2;
        public const ulong Inherit = 1 << 1, ExcludeKernel = 1 << 5, ExcludeHypervisor = 1 << 6;

        public uint Type, Size;
        public ulong Config, SamplePeriod, SampleType, ReadFormat, Flags;
    }
}
