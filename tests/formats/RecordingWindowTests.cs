using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Formats;

/// <summary>
/// A recording that lets go of what is old, at every possible cut, against what is reckoned from the whole one: what is carried, what is in the window,
/// which block each call is about.
/// </summary>
public sealed class RecordingWindowTests : IDisposable
{
    private const string Seed = "0001bKe9xQ52";
    private static readonly int Iterations = Effort.Of(Effort.OfLong(1000, 60), small: 15);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    /// <summary>What an event says, without the numbers that a reader gives to objects.</summary>
    private sealed record Fact(int OsTid, CallKind Kind, long Ns, ulong Address, bool IsNull, ulong Size, ulong Count, ulong Alignment, int Stack,
        uint Interval, long DurationNs, string Of)
    {
        public bool IsAbout(CallKind kind, long ns) => Kind == kind && Ns == ns;
    }

    [Fact]
    public void At_every_cut_what_is_carried_and_what_is_in_the_window_are_what_the_whole_recording_says() => RandomKept.Traces.Sample(
        steps =>
        {
            RandomKept trace = RandomKept.Write(steps);
            string whole = _directory[$"w{Guid.NewGuid():N}"];
            trace.Save(whole);
            List<TraceEvent> events = Read(whole, out IReadOnlyList<ThreadInfo> threads);
            for (int cut = 0; cut <= events.Count; cut++)
            {
                string kept = _directory[$"k{Guid.NewGuid():N}"];
                trace.Save(kept);
                bool isCut = Cut(kept, cut);
                if (isCut)
                    Check(kept, events, threads, cut);
                // Once more, by another that goes on from there.
                if (isCut && cut % 3 == 0)
                {
                    int further = cut + (events.Count - cut) / 2;
                    if (Cut(kept, further - cut))
                        Check(kept, events, threads, further);
                }
                Directory.Delete(kept, recursive: true);
            }
            Directory.Delete(whole, recursive: true);
        },
        seed: Seed, iter: Iterations, threads: 1);

    [Fact]
    public void A_block_too_many_or_too_few_is_found()
    {
        RandomKept trace = RandomKept.Write(RandomKept.Fixed(9));
        string whole = _directory["whole"], kept = _directory["kept"];
        trace.Save(whole);
        trace.Save(kept);
        List<TraceEvent> events = Read(whole, out IReadOnlyList<ThreadInfo> threads);
        int cut = events.Count / 2;
        Cut(kept, cut);
        Check(kept, events, threads, cut);
        // A planted fault: the window of another cut with what this one carried.
        Assert.ThrowsAny<Exception>(() => Check(kept, events, threads, cut + 1));
        Assert.ThrowsAny<Exception>(() => Check(kept, events, threads, cut - 1));
    }

    [Fact]
    public void Segments_before_the_cut_are_removed_and_the_last_one_stays()
    {
        RandomKept trace = RandomKept.Write(RandomKept.Fixed(4));
        string kept = _directory["kept"];
        trace.Save(kept);
        int segments = Directory.GetFiles(kept, "events*").Length;
        Assert.True(segments > 2);
        using (RecordingWindow window = RecordingWindow.Open(kept))
        {
            window.Look(isLast: true);
            Assert.True(window.PassSegment(0));
            window.Save();
            Assert.False(File.Exists(Path.Combine(kept, "events")));
            for (int segment = 1; segment < segments; segment++)
                Assert.True(window.PassSegment(segment));
            window.Save();
        }
        Assert.Equal($"events.{segments - 1}", Path.GetFileName(Assert.Single(Directory.GetFiles(kept, "events*"))));
    }

    [Fact]
    public void Who_reads_too_slowly_is_told_that_events_were_let_go_of()
    {
        RandomKept trace = RandomKept.Write(RandomKept.Fixed(4));
        string kept = _directory["kept"], later = _directory["later"];
        trace.Save(kept);
        Directory.CreateDirectory(later);
        foreach (string segment in Directory.GetFiles(kept, "events.*"))
            File.Move(segment, Path.Combine(later, Path.GetFileName(segment)));
        using TraceFollower follower = TraceFollower.Open(kept);
        follower.Look();
        Assert.False(follower.IsOvertaken);
        foreach (string segment in Directory.GetFiles(later))
            File.Move(segment, Path.Combine(kept, Path.GetFileName(segment)));
        using (RecordingWindow window = RecordingWindow.Open(kept))
        {
            window.Look(isLast: true);
            Assert.True(window.PassSegment(0) && window.PassSegment(1));
            window.Save();
        }

        follower.Look();

        Assert.True(follower.IsOvertaken);
    }

    [Fact]
    public void What_is_carried_is_damage_where_it_is_cut_or_makes_no_sense()
    {
        RandomKept trace = RandomKept.Write(RandomKept.Fixed(4));
        string kept = _directory["kept"], carried = Path.Combine(kept, "carried");
        trace.Save(kept);
        Cut(kept, 20);
        byte[] bytes = File.ReadAllBytes(carried);
        for (int length = 0; length < bytes.Length; length += 7)
        {
            File.WriteAllBytes(carried, bytes[..length]);
            Assert.Throws<TraceFormatException>(() => Read(kept, out _));
        }
        for (int at = 0; at < bytes.Length; at++)
        {
            byte[] changed = [.. bytes];
            changed[at] ^= 0x55;
            File.WriteAllBytes(carried, changed);
            try
            {
                _ = Read(kept, out _);
            }
            catch (TraceFormatException e)
            {
                Assert.Contains("expected", e.Message, StringComparison.Ordinal);
            }
        }
    }

    /// <returns>Whether there can be a cut.</returns>
    private static bool Cut(string directory, int events)
    {
        using RecordingWindow window = RecordingWindow.Open(directory);
        window.Look(isLast: true);
        Assert.Equal(events, window.PassEvents(events));
        if (window.IsCut)
            window.Save();
        return window.IsCut;
    }

    private static List<TraceEvent> Read(string directory, out IReadOnlyList<ThreadInfo> threads)
    {
        using TraceReader reader = TraceReader.Open(directory);
        threads = reader.Threads;
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        return events;
    }

    private static void Check(string directory, List<TraceEvent> whole, IReadOnlyList<ThreadInfo> threads, int cut)
    {
        List<TraceEvent> events = Read(directory, out IReadOnlyList<ThreadInfo> there);
        List<Fact> all = FactsOf(whole, threads), kept = FactsOf(events, there);
        int carried = events.TakeWhile(e => e.IsCarried).Count();
        Assert.DoesNotContain(events.Skip(carried), e => e.IsCarried);
        Assert.Equal<IEnumerable<Fact>>(all.Skip(cut), kept.Skip(carried));
        Assert.Equal<IEnumerable<string>>(LiveAt(whole, threads, cut), AcquisitionsOf(kept.Take(carried)).Order());
        CheckThreads(all.Take(cut), kept.Take(carried));
        using TraceReader reader = TraceReader.Open(directory);
        Assert.Null(reader.Damage);
        Assert.Equal(cut - carried, reader.Carried!.EventsGone);
        Assert.Equal(Certainty(whole), Certainty(events));
        using TraceReader pack = PackFrames.Open(PackFrames.Pack(reader));
        var packed = new List<TraceEvent>();
        while (pack.Read(out TraceEvent e))
            packed.Add(e);
        Assert.Equal(kept, FactsOf(packed, pack.Threads));
        Assert.Equal(reader.Carried, pack.Carried);
        CheckFollower(directory, kept);
    }

    private static void CheckFollower(string directory, List<Fact> expected)
    {
        using TraceFollower follower = TraceFollower.Open(directory);
        follower.Look();
        follower.Finish();
        var events = new List<TraceEvent>();
        while (follower.Read(out TraceEvent e))
            events.Add(e);
        Assert.Equal(expected, FactsOf(events, follower.Threads));
    }

    /// <summary>Threads that had not ended are told of as they began; so is the latest loss of calls.</summary>
    private static void CheckThreads(IEnumerable<Fact> before, IEnumerable<Fact> carried)
    {
        Fact[] ended = [.. before.Where(f => f.Kind == CallKind.ThreadExit)], there = [.. carried];
        foreach (Fact start in before.Where(f => f.Kind == CallKind.ThreadStart && ended.All(e => e.OsTid != f.OsTid)))
            Assert.Contains(there, f => Text(f) == Text(start));
        long[] gaps = [.. before.Where(f => f.Kind == CallKind.Gap).Select(f => f.Ns)];
        if (gaps.Length > 0)
            Assert.Contains(there, f => f.IsAbout(CallKind.Gap, gaps.Max()));
        Assert.DoesNotContain(there, f => CallKinds.IsDeallocation(f.Kind));
    }

    /// <summary>The latest moment before which a block that is outstanding may have gone unseen, and of how many calls that is told.</summary>
    private static (long, ulong) Certainty(List<TraceEvent> events)
    {
        TraceEvent[] gaps = [.. events.Where(e => e.Kind == CallKind.Gap)];
        return (gaps.Select(e => e.TimeNs).DefaultIfEmpty(-1).Max(), gaps.Aggregate(0ul, (sum, e) => sum + e.Count));
    }

    private static List<Fact> FactsOf(List<TraceEvent> events, IReadOnlyList<ThreadInfo> threads)
    {
        var acquired = new Dictionary<long, string>();
        var facts = new List<Fact>();
        foreach (TraceEvent e in events)
        {
            uint tid = threads[e.Thread].OsTid;
            if (e.Acquires)
                acquired[e.Object] = $"{tid} at {e.TimeNs} {e.Address:x}";
            string Of(long o) => o < 0 ? "none" : acquired[o];
            // What a carried reallocation was of is gone.
            string previous = e.IsCarried ? "" : Of(e.PreviousObject);
            facts.Add(new Fact((int)tid, e.Kind, e.TimeNs, e.Address, e.IsNull, e.Size, e.Count, e.Alignment, e.Stack, e.Interval, e.DurationNs,
                $"{Of(e.Object)}, {previous}, {Of(e.DisplacedObject)}"));
        }
        return facts;
    }

    private static IEnumerable<string> AcquisitionsOf(IEnumerable<Fact> carried) =>
        carried.Where(f => !f.IsNull && CallKinds.IsAcquisition(f.Kind)).Select(Text);

    /// <summary>Blocks that were acquired before the cut and not given back, reckoned by their addresses alone.</summary>
    private static string[] LiveAt(List<TraceEvent> whole, IReadOnlyList<ThreadInfo> threads, int cut)
    {
        List<Fact> facts = FactsOf(whole, threads);
        var live = new Dictionary<ulong, Fact>();
        var begun = new Dictionary<int, Fact?>();
        for (int i = 0; i < cut; i++)
        {
            Fact f = facts[i];
            if (CallKinds.IsReallocBegin(f.Kind))
            {
                begun[f.OsTid] = !f.IsNull && live.Remove(f.Address, out Fact? old) ? old : null;
                continue;
            }
            if (CallKinds.IsReallocEnd(f.Kind) && begun.Remove(f.OsTid, out Fact? given) && given is not null && f.IsNull && f.Size != 0)
                live.TryAdd(given.Address, given);
            if (!f.IsNull && CallKinds.IsAcquisition(f.Kind))
                live[f.Address] = f;
            else if (CallKinds.IsDeallocation(f.Kind) && !f.IsNull)
                live.Remove(f.Address);
        }
        return [.. live.Values.Concat(begun.Values.OfType<Fact>()).Select(Text).Order()];
    }

    private static string Text(Fact f) => (f with { Of = "" }).ToString();
}
