using System.Text.Json;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Worker;

/// <summary>The times of one kind of call for one class of sizes, on one thread.</summary>
internal unsafe struct LatencySeries
{
    /// <summary>By <see cref="LatencyGrid"/>; null where no call of the thread can be one of these.</summary>
    public ulong* Buckets;
    /// <summary>The longest, in units of the grid.</summary>
    public ulong Max;
}

/// <summary>What a thread notes of its calls' times. Lives outside any heap; present before the replay begins, so that noting faults nothing in.</summary>
internal unsafe struct LatencyTables
{
    /// <summary>By slot, of all threads: the size of the block there.</summary>
    public nuint* Sizes;
    /// <summary>The size of the block that the call under way has given up.</summary>
    public nuint Held;
    /// <summary>By kind of call and <see cref="SizeClass"/>.</summary>
    public LatencySeries* Series;

    private const int SeriesCount = CallTable.Kinds * SizeClass.Count;

    /// <summary>Makes the tables of all threads.</summary>
    public static void Prepare(Replay* replay)
    {
        LatencyTimer.Start();
        nuint* sizes = (nuint*)Libc.Map((nuint)replay->SlotCount * (nuint)sizeof(nuint));
        bool[] classes = ClassesOf(replay);
        for (int i = 0; i < replay->ThreadCount; i++)
        {
            ReplayThread* thread = replay->Threads + i;
            LatencyTables* tables = (LatencyTables*)Libc.Map((nuint)sizeof(LatencyTables));
            *tables = new LatencyTables { Sizes = sizes, Series = (LatencySeries*)Libc.Map((nuint)(SeriesCount * sizeof(LatencySeries))) };
            thread->Instrument = tables;
            MapBuckets(tables->Series, UsesOf(thread, classes));
        }
    }

    /// <summary>Classes of the blocks that there may be; a release gives up one of these, or null.</summary>
    private static bool[] ClassesOf(Replay* replay)
    {
        bool[] classes = new bool[SizeClass.Count];
        classes[0] = true;
        for (PlanOp* op = replay->Ops; op != replay->Ops + replay->OpCount; op++)
            if (CallTable.IsCall(op->Code) && !CallTable.IsRelease(op->Code))
                classes[SizeClass.Of(RequestedBy(op))] = true;
        return classes;
    }

    /// <summary>Which series the calls of a thread can fall into.</summary>
    private static bool[] UsesOf(ReplayThread* thread, bool[] classes)
    {
        bool[] uses = new bool[SeriesCount];
        for (PlanOp* op = thread->First; op != thread->End; op++)
        {
            if (!CallTable.IsCall(op->Code))
                continue;
            Span<bool> ofKind = uses.AsSpan(op->Code * SizeClass.Count, SizeClass.Count);
            if (CallTable.IsRelease(op->Code))
                classes.CopyTo(ofKind);
            else
                ofKind[SizeClass.Of(RequestedBy(op))] = true;
        }
        return uses;
    }

    /// <summary>Bytes that a call other than a release asks for, as the replay loop reckons them.</summary>
    private static nuint RequestedBy(PlanOp* op) =>
        (CallKind)op->Code is CallKind.Calloc or CallKind.ReallocArrayEnd ? (nuint)ReplayCall.Product((nuint)op->Size, (nuint)op[-1].Size) : (nuint)op->Size;

    private static void MapBuckets(LatencySeries* series, bool[] uses)
    {
        ulong* buckets = (ulong*)Libc.Map((nuint)uses.Count(u => u) * LatencyGrid.Count * sizeof(ulong));
        for (int i = 0; i < SeriesCount; i++)
        {
            if (!uses[i])
                continue;
            series[i].Buckets = buckets;
            buckets += LatencyGrid.Count;
        }
    }

    /// <summary>Writes the times of all threads together.</summary>
    public static void Write(Utf8JsonWriter json, Replay* replay)
    {
        json.WriteStartObject("latency_timer");
        json.WriteString("source", LatencyTimer.IsCounter ? "tsc" : "clock_gettime");
        json.WriteNumber("cost_ns", LatencyTimer.CostNs);
        json.WriteNumber("step_ns", LatencyTimer.StepNs);
        json.WriteEndObject();
        json.WriteStartArray("latency");
        ulong[] sums = new ulong[LatencyGrid.Count];
        for (int i = 0; i < SeriesCount; i++)
        {
            ulong max = Sum(replay, i, sums);
            if (sums.AsSpan().ContainsAnyExcept(0UL))
                Write(json, i / SizeClass.Count, i % SizeClass.Count, max, sums);
        }
        json.WriteEndArray();
    }

    private static ulong Sum(Replay* replay, int index, ulong[] sums)
    {
        ulong max = 0;
        Array.Clear(sums);
        for (int thread = 0; thread < replay->ThreadCount; thread++)
        {
            LatencySeries series = ((LatencyTables*)replay->Threads[thread].Instrument)->Series[index];
            max = Math.Max(max, series.Max);
            for (int bucket = 0; series.Buckets != null && bucket < LatencyGrid.Count; bucket++)
                sums[bucket] += series.Buckets[bucket];
        }
        return max;
    }

    private static void Write(Utf8JsonWriter json, int kind, int sizeClass, ulong max, ulong[] sums)
    {
        json.WriteStartObject();
        json.WriteNumber("kind", kind);
        json.WriteNumber("size_low", SizeClass.Low(sizeClass));
        json.WriteNumber("size_high", SizeClass.High(sizeClass));
        json.WriteStartObject("times");
        json.WriteNumber("max", max / (double)LatencyGrid.UnitsPerNs);
        json.WriteStartArray("buckets");
        for (int bucket = 0; bucket < LatencyGrid.Count; bucket++)
        {
            if (sums[bucket] == 0)
                continue;
            json.WriteStartObject();
            json.WriteNumber("ns", LatencyGrid.MiddleNs(bucket));
            json.WriteNumber("count", sums[bucket]);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
