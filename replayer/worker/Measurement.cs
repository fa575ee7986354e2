namespace AllocReplay.Worker;

/// <summary>What a replay cost, taken around it.</summary>
/// <param name="loops">Times that the plan is replayed.</param>
/// <param name="residueMs">Milliseconds after the last call at which memory is read once more, rising.</param>
internal sealed unsafe class Measurement(int loops, long[] residueMs)
{
    private long _fileBytes;
    private bool _hasHighWater, _hasBaseline;
    private Libc.Usage _usage;
    private int _collections;
    private long _allocated;

    public int Threads { get; init; }
    /// <summary>From the opening of the gate to the end of the last thread, of each loop.</summary>
    public long[] LoopNs { get; } = new long[loops];
    /// <summary>What came before the gate opened, where a plan has a prologue; of all loops. It is in no other figure.</summary>
    public long PrologueNs { get; set; }
    /// <summary>CPU time, of each loop.</summary>
    public long[] LoopCpuNs { get; } = new long[loops];
    public long ElapsedNs => LoopNs.Sum();
    /// <summary>Whether the replay's own tables and stacks were locked in memory.</summary>
    public bool IsLocked { get; set; }
    /// <summary>Anonymous memory present after the harness's own was mapped and before the first call, of the prologue where there is one.</summary>
    public long BaselineBytes { get; private set; }
    public long PeakBytes { get; private set; }
    /// <summary>The kernel's own high-water mark of it; 0 where there is none.</summary>
    public long HighWaterBytes { get; private set; }
    /// <summary>After the last thread ended.</summary>
    public long EndBytes { get; private set; }
    /// <summary>Milliseconds after that, and anonymous memory present then.</summary>
    public List<(long Ms, long Bytes)> Residue { get; } = new(residueMs.Length);
    public long CpuNs => LoopCpuNs.Sum();
    public long MinorFaults { get; private set; }
    public long MajorFaults { get; private set; }
    public long VoluntarySwitches { get; private set; }
    public long InvoluntarySwitches { get; private set; }
    /// <summary>Collections and bytes of the worker's own managed heap during the replay: 0, or the figures are not to be trusted.</summary>
    public int ManagedCollections { get; private set; }
    public long ManagedBytes { get; private set; }

    public void Before()
    {
        _collections = Collections();
        _allocated = GC.GetTotalAllocatedBytes(precise: true);
        _usage = Usage();
    }

    /// <summary>Closely around each replay of the plan: reading the baseline costs milliseconds where the plan is large. Figures add up.</summary>
    /// <param name="loop">Which one is over, from 0.</param>
    /// <param name="elapsedNs">What it took.</param>
    public void After(int loop, long elapsedNs)
    {
        Libc.Usage usage = Usage();
        ManagedBytes += GC.GetTotalAllocatedBytes(precise: true) - _allocated;
        ManagedCollections += Collections() - _collections;
        (LoopNs[loop], LoopCpuNs[loop]) = (elapsedNs, usage.CpuNs - _usage.CpuNs);
        MinorFaults += usage.MinorFaults - _usage.MinorFaults;
        MajorFaults += usage.MajorFaults - _usage.MajorFaults;
        VoluntarySwitches += usage.VoluntarySwitches - _usage.VoluntarySwitches;
        InvoluntarySwitches += usage.InvoluntarySwitches - _usage.InvoluntarySwitches;
    }

    /// <summary>The baseline, where the allocator is to have blocks before the window begins.</summary>
    /// <param name="watch">What looks at memory, or null.</param>
    public void TakeBaseline(MemoryWatch* watch) => (BaselineBytes, _hasBaseline) = (watch == null ? MemoryProbe.Anonymous() : watch->Resident(), true);

    /// <summary>The last thing before the gate: the baseline, where that has not been taken before a prologue.</summary>
    /// <inheritdoc cref="TakeBaseline"/>
    public void BeginMemory(MemoryWatch* watch)
    {
        if (watch == null)
        {
            if (!_hasBaseline)
                TakeBaseline(watch);
            return;
        }
        _hasHighWater = MemoryProbe.ResetHighWater();
        _fileBytes = MemoryProbe.Counters().FileBytes;
        watch->Begin();
        if (!_hasBaseline)
            BaselineBytes = watch->Readings[0].ResidentBytes;
    }

    /// <summary>The first thing after the last thread: peak and residue.</summary>
    /// <inheritdoc cref="TakeBaseline"/>
    public void EndMemory(MemoryWatch* watch)
    {
        long end = Libc.Now();
        EndBytes = watch == null ? MemoryProbe.Anonymous() : watch->End();
        PeakBytes = Math.Max(BaselineBytes, watch == null ? EndBytes : watch->PeakResidentBytes);
        if (watch == null || watch->IsComputed)
            return;
        if (_hasHighWater)
            TakeHighWater();
        foreach (long ms in residueMs)
        {
            Libc.SleepUntil(end + ms * 1_000_000);
            Residue.Add((ms, watch->Resident()));
        }
    }

    /// <summary>
    /// The mark is of all resident memory. Pages of files that came in since it was started count as there before the peak, so it says too little
    /// rather than too much. It is the peak where it exceeds what was read by more than the kernel's counters may be off.
    /// </summary>
    private void TakeHighWater()
    {
        ResidentCounters counters = MemoryProbe.Counters();
        HighWaterBytes = counters.HighWaterBytes - Math.Max(_fileBytes, counters.FileBytes);
        if (HighWaterBytes > PeakBytes + MemoryProbe.HighWaterErrorBytes)
            PeakBytes = HighWaterBytes;
    }

    private static int Collections() => GC.CollectionCount(0) + GC.CollectionCount(1) + GC.CollectionCount(2);

    private static Libc.Usage Usage()
    {
        Libc.Usage usage;
        _ = Libc.getrusage(0, &usage);
        return usage;
    }
}
