using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Plan;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Replayer;

/// <summary>How many blocks a plan says that its trace carries, and how many of them are not certain.</summary>
public sealed class CarriedTallyTests : IDisposable
{
    private const string Seed = "0001bKe9xQ52";
    private static readonly int Iterations = Effort.Of(400, small: 60);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Random_windows_carry_what_was_live_and_say_what_may_not_have_been() => Gen.Select(RandomKept.Traces, Gen.Int[0, 100]).Sample(
        (steps, share) =>
        {
            string trace = _directory[$"t{Guid.NewGuid():N}"];
            RandomKept.Write(steps).Save(trace);
            List<TraceEvent> events = CutTrace.Read(trace);
            int cut = events.Count * share / 100;
            CutTrace.After(trace, cut);
            using ReplayPlan plan = PlanFile.Compile(trace);
            Assert.Equal(Expected(trace, CutTrace.Read(trace)), plan.Carried);
            _ = PlanFile.Read(plan.Path);
            Directory.Delete(trace, recursive: true);
        },
        seed: Seed, iter: Iterations, threads: 1);

    [Fact]
    public void A_whole_trace_carries_nothing()
    {
        TraceGenerator.Write(_directory["t"], seed: 3, threads: 3, calls: 100);
        using ReplayPlan plan = PlanFile.Compile(_directory["t"]);
        Assert.Null(plan.Carried);
        Assert.Equal(0, plan.Counts.CarriedCalls);
        Assert.All(PlanFile.Read(plan.Path).Threads, t => Assert.Equal(0, t.PrologueOps));
    }

    [Theory]
    [InlineData(false, false, 0, 0UL)]
    [InlineData(true, false, 1, 100UL)]
    [InlineData(false, true, 2, 300UL)]
    public void A_block_before_a_gap_or_of_an_earlier_interval_is_uncertain_unless_the_window_gives_it_back(bool gap, bool stop, int blocks, ulong bytes)
    {
        var writer = new RecordingWriter(_directory["t"]);
        writer.Mark(MarkEntry.Start, 1, 0);
        RecordingWriter.ThreadWriter thread = writer.Thread(0).Malloc(800, 0x1000, 100).Malloc(1600, 0x2000, 1000);
        if (gap)
            thread.Event(2400, CallKind.Gap, count: 3);
        thread.Malloc(3200, 0x3000, 200);
        if (stop)
        {
            writer.Mark(MarkEntry.Stop, 1, 3600).Mark(MarkEntry.Start, 2, 3800);
            thread.Interval(2);
        }
        thread.Malloc(4000, 0x4000, 400).Free(4800, 0x2000).Malloc(5600, 0x5000, 800);
        writer.Save();
        CutTrace.After(_directory["t"], gap ? 5 : 4);

        using ReplayPlan plan = PlanFile.Compile(_directory["t"]);

        Assert.Equal(new CarriedBlocks(4, 1700, blocks, bytes), plan.Carried);
    }

    /// <summary>By times and intervals, as the specification has it.</summary>
    private static CarriedBlocks? Expected(string trace, List<TraceEvent> events)
    {
        if (!events.Any(e => e.IsCarried))
            return null;
        using TraceReader reader = TraceReader.Open(trace);
        TraceEvent[] carried = [.. events.Where(e => e.IsCarried)], window = [.. events.Where(e => !e.IsCarried)];
        TraceEvent[] blocks = [.. carried.Where(e => e.Acquires)];
        long gap = carried.Where(e => e.Kind == CallKind.Gap).Select(e => e.TimeNs).DefaultIfEmpty(-1).Max();
        uint latest = reader.Intervals.Where(i => i.StartNs <= reader.Carried!.UntilNs).Select(i => i.Number).Concat(carried.Select(e => e.Interval)).Max();
        var given = window.Where(e => CallKinds.IsDeallocation(e.Kind)).Select(e => e.Object)
            .Concat(window.Where(e => CallKinds.IsReallocEnd(e.Kind)).Select(e => e.PreviousObject)).ToHashSet();
        TraceEvent[] uncertain = [.. blocks.Where(b => (b.TimeNs <= gap || b.Interval < latest) && !given.Contains(b.Object))];
        return new CarriedBlocks(blocks.Length, Sum(blocks), uncertain.Length, Sum(uncertain));
    }

    private static ulong Sum(TraceEvent[] blocks) => blocks.Aggregate(0UL, (sum, b) => sum + b.BytesRequested);
}
