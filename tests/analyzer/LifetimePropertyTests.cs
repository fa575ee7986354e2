using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Analyzer;

/// <summary>
/// Random traces, matched by the analyzer and by a model that is too simple to be wrong: it holds all events in memory, knows
/// blocks by object id alone, and searches.
/// </summary>
public sealed class LifetimePropertyTests
{
    private const string Seed = "0002sKtq1Lx6";
    private static readonly int Traces = Effort.Of(400, small: 100);

    private enum Act { Malloc, Aligned, FailedMalloc, Free, FreeNull, Realloc, FailedRealloc, ReallocToNull, ReallocNull, CutRealloc, Exit }

    private static readonly Gen<(int Thread, Act Act, int Slot, int Size)[]> Acts = Gen.Select(
        Gen.Int[0, 2], Gen.Enum<Act>(), Gen.Int[1, 6], Gen.Int[0, 1000]).Array[0, 60];

    [Fact]
    public void Random_traces_match_as_a_naive_model_says() =>
        Acts.Sample(acts => Agree(acts, plant: false), seed: Seed, iter: Traces);

    [Fact]
    public void A_planted_error_in_one_row_is_noticed()
    {
        CsCheckException failure = Assert.Throws<CsCheckException>(() => Acts.Sample(acts => Agree(acts, plant: true), seed: Seed, iter: Traces));
        Assert.Contains("Set seed", failure.Message, StringComparison.Ordinal);
    }

    private static bool Agree((int Thread, Act Act, int Slot, int Size)[] acts, bool plant)
    {
        using var directory = new TemporaryDirectory();
        var writer = new RecordingWriter(directory.Path);
        long ns = 0;
        foreach ((int thread, Act act, int slot, int size) in acts)
            Write(writer.Thread(thread), ref ns, act, 0x1000UL * (ulong)slot, (ulong)size);
        writer.Save();

        List<AllocationRow> actual = Rows.Of(directory.Path);
        if (plant && actual.Count > 0)
            actual[^1] = actual[^1] with { LifetimeAllocations = actual[^1].LifetimeAllocations + 1 };
        using TraceReader reader = TraceReader.Open(directory.Path);
        return actual.SequenceEqual(Model(reader));
    }

    /// <summary>Any address at any time: blocks are displaced, freed twice, and freed before they were seen.</summary>
    private static void Write(RecordingWriter.ThreadWriter thread, ref long ns, Act act, ulong address, ulong size)
    {
        ns += 80;
        switch (act)
        {
            case Act.Malloc: thread.Malloc(ns, address, size); break;
            case Act.Aligned: thread.Event(ns, CallKind.PosixMemalign, address, size, alignment: 64); break;
            case Act.FailedMalloc: thread.Malloc(ns, 0, size); break;
            case Act.Free: thread.Free(ns, address); break;
            case Act.FreeNull: thread.Free(ns, 0); break;
            case Act.Realloc: thread.Realloc(ns, ns += 80, address, 0x1000 * (size % 6 + 1), size); break;
            case Act.FailedRealloc: thread.Realloc(ns, ns += 80, address, 0, size + 1); break;
            case Act.ReallocToNull: thread.Realloc(ns, ns += 80, address, 0, 0); break;
            case Act.ReallocNull: thread.Realloc(ns, ns += 80, 0, address, size); break;
            case Act.CutRealloc: thread.Event(ns, CallKind.ReallocBegin, address, size).Free(ns += 80, 0); break;
            default: thread.Event(ns, CallKind.ThreadExit); break;
        }
    }

    private static List<AllocationRow> Model(TraceReader reader)
    {
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        long traceEnd = events.Select(e => e.TimeNs).DefaultIfEmpty().Max();
        var rows = new List<AllocationRow>();
        for (int i = 0; i < events.Count; i++)
        {
            TraceEvent e = events[i];
            if (!e.Acquires)
                continue;
            (int at, long ns, EndKind kind, int thread) = FindEnd(events, i, traceEnd);
            TraceEvent[] between = events[(i + 1)..Math.Max(i + 1, at)].Where(b => b.Acquires).ToArray();
            int predecessor = CallKinds.IsReallocEnd(e.Kind) && e.PreviousObject >= 0 ? rows.FindIndex(r => r.Object == e.PreviousObject) : -1;
            rows.Add(new AllocationRow
            {
                Object = e.Object,
                Address = (long)e.Address,
                Size = (long)e.BytesRequested,
                Kind = e.Kind,
                Alignment = (long)e.Alignment,
                AllocNs = e.TimeNs,
                EndNs = ns,
                EndKind = kind,
                LifetimeNs = Math.Max(0, ns - e.TimeNs),
                LifetimeBytes = between.Sum(b => (long)b.BytesRequested),
                LifetimeAllocations = between.Length,
                AllocThread = e.Thread,
                FreeThread = thread,
                Chain = predecessor < 0 ? e.Object : rows[predecessor].Chain,
                ChainPosition = predecessor < 0 ? 0 : rows[predecessor].ChainPosition + 1,
                AllocCallNs = AllocationRow.NotRecorded,
                FreeCallNs = AllocationRow.NotRecorded,
                IsTemporary = thread == e.Thread && !between.Any(b => b.Thread == thread),
                Weight = 1,
            });
        }
        return rows;
    }

    /// <summary>The event before which a block's life ended, searching from its acquisition on.</summary>
    private static (int At, long Ns, EndKind Kind, int Thread) FindEnd(List<TraceEvent> events, int acquired, long traceEnd)
    {
        long id = events[acquired].Object;
        for (int i = acquired + 1; i < events.Count; i++)
        {
            TraceEvent e = events[i];
            if (e.Acquires && e.Address == events[acquired].Address)
                return (i, e.TimeNs, EndKind.LostFree, -1);
            if (e.Object != id || e.Acquires || CallKinds.IsReallocEnd(e.Kind))
                continue;
            if (CallKinds.IsDeallocation(e.Kind))
                return (i, e.TimeNs, EndKind.Freed, e.Thread);
            int end = events.FindIndex(i + 1, b => b.Thread == e.Thread && (CallKinds.IsReallocEnd(b.Kind) || CallKinds.IsReallocBegin(b.Kind)));
            if (end < 0)
                return (events.Count, traceEnd, EndKind.AliveAtEnd, -1);
            TraceEvent outcome = events[end];
            if (CallKinds.IsReallocBegin(outcome.Kind))
                return (i, e.TimeNs, EndKind.LostFree, -1);
            if (outcome.Acquires)
                return (i, e.TimeNs, EndKind.Reallocated, e.Thread);
            if (outcome.Object != id)
                return outcome.BytesRequested == 0 ? (i, e.TimeNs, EndKind.Freed, e.Thread) : (i, e.TimeNs, EndKind.LostFree, -1);
            i = end; // it failed: the block goes on, and no one else had its address meanwhile
        }
        return (events.Count, traceEnd, EndKind.AliveAtEnd, -1);
    }
}
