using System.Globalization;
using System.Text.Json;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Worker;

/// <summary>Writes the results as JSON; the replayer reads them as <c>WorkerResult</c>.</summary>
internal static unsafe class ResultWriter
{
    public static void Write(string path, Replay* replay, Measurement m, Counters? counters, string allocator)
    {
        using FileStream file = File.Create(path);
        using var json = new Utf8JsonWriter(file);
        json.WriteStartObject();
        json.WriteString("allocator_path", allocator);
        json.WriteNumber("order", (int)replay->Order);
        json.WriteNumber("elapsed_ns", m.ElapsedNs);
        WriteLoops(json, "loop_ns", m.LoopNs);
        WriteLoops(json, "loop_cpu_ns", m.LoopCpuNs);
        json.WriteNumber("prologue_ns", m.PrologueNs);
        json.WriteBoolean("locked", m.IsLocked);
        json.WriteNumber("cpu_ns", m.CpuNs);
        json.WriteNumber("baseline_bytes", m.BaselineBytes);
        json.WriteNumber("peak_bytes", m.PeakBytes);
        json.WriteNumber("end_bytes", m.EndBytes);
        json.WriteNumber("high_water_bytes", m.HighWaterBytes);
        WriteMemory(json, replay->Memory, m);
        json.WriteNumber("minor_faults", m.MinorFaults);
        json.WriteNumber("major_faults", m.MajorFaults);
        json.WriteNumber("voluntary_switches", m.VoluntarySwitches);
        json.WriteNumber("involuntary_switches", m.InvoluntarySwitches);
        json.WriteNumber("managed_collections", m.ManagedCollections);
        json.WriteNumber("managed_bytes", m.ManagedBytes);
        if (counters?.InstructionCount is { } instructions)
            json.WriteNumber("instructions", instructions);
        if (counters?.CacheMissCount is { } misses)
            json.WriteNumber("cache_misses", misses);
        if (replay->Instrument == Instrument.Latency)
            LatencyTables.Write(json, replay);
        else if (replay->Instrument == Instrument.Blocks)
            BlockTables.Write(json, replay);
        WriteSubstitutions(json, replay);
        json.WriteStartArray("threads");
        for (int i = 0; i < replay->ThreadCount; i++)
        {
            ReplayThread* thread = replay->Threads + i;
            json.WriteStartObject();
            json.WriteNumber("calls", thread->Calls - thread->CarriedCalls);
            json.WriteNumber("bytes_requested", thread->Bytes - thread->CarriedBytes);
            json.WriteNumber("carried_calls", thread->CarriedCalls);
            json.WriteNumber("carried_bytes", thread->CarriedBytes);
            json.WriteNumber("failed_now", thread->FailedNow);
            json.WriteNumber("divergences", thread->Divergences);
            json.WriteNumber("waits", thread->Waits);
            json.WriteNumber("sleeps", thread->Sleeps);
            json.WriteNumber("active_ns", thread->ActiveNs);
            json.WriteNumber("wait_ns", thread->WaitNs);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteMemory(Utf8JsonWriter json, MemoryWatch* watch, Measurement m)
    {
        json.WriteStartArray("residue");
        foreach ((long ms, long bytes) in m.Residue)
        {
            json.WriteStartObject();
            json.WriteNumber("after_ms", ms);
            json.WriteNumber("bytes", bytes - m.BaselineBytes);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteNumber("memory_samples", watch == null ? 0 : watch->Taken);
        json.WriteNumber("peak_live_bytes", watch == null ? 0 : watch->PeakLiveBytes);
        json.WriteNumber("peak_touched_bytes", watch == null ? 0 : watch->PeakTouchedBytes);
        json.WriteStartArray("memory_curve");
        foreach (MemoryReading reading in watch == null ? [] : watch->Readings)
        {
            json.WriteStartObject();
            json.WriteNumber("calls", reading.Calls);
            json.WriteNumber("resident_bytes", reading.ResidentBytes - m.BaselineBytes);
            json.WriteNumber("live_bytes", reading.LiveBytes);
            json.WriteNumber("touched_bytes", reading.TouchedBytes);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteLoops(Utf8JsonWriter json, string name, long[] values)
    {
        json.WriteStartArray(name);
        foreach (long value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }

    /// <summary>Kinds of call that the plan holds and the allocator has no function for, with those whose functions were called.</summary>
    private static void WriteSubstitutions(Utf8JsonWriter json, Replay* replay)
    {
        bool* used = stackalloc bool[256];
        for (long i = 0; i < replay->OpCount; i++)
            used[replay->Ops[i].Code] = true;
        json.WriteStartObject("substituted");
        for (int kind = 0; kind < CallTable.Kinds; kind++)
            if (used[kind] && replay->Calls.Entries[kind].Substituted)
                json.WriteNumber(kind.ToString(CultureInfo.InvariantCulture), replay->Calls.Entries[kind].Called);
        json.WriteEndObject();
    }
}
