using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>A recording that is followed while it grows is what it is when it is read at its end.</summary>
public sealed class TraceFollowerTests : IDisposable
{
    private const int Seeds = 10;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Whatever_is_written_when_the_events_are_those_of_the_finished_recording_in_their_order()
    {
        for (int seed = 0; seed < Seeds; seed++)
        {
            var run = new SimulatedRun(_directory[$"{seed}"], seed, mayStall: false);
            List<TraceEvent> followed = run.Follow();

            Assert.Equal(Finished(run.Writer.Directory).Select(Fact), followed.Select(Fact));
            Assert.True(run.EventsBeforeEnd > followed.Count / 2, $"seed {seed}: {run.EventsBeforeEnd} of {followed.Count} events came before the end");
        }
    }

    /// <summary>A thread that is kept from running between stamp and publication: its event comes late, and each block keeps its owner.</summary>
    [Fact]
    public void Events_that_are_published_late_come_late_and_every_block_is_known_when_it_is_released()
    {
        int late = 0;
        for (int seed = 0; seed < Seeds; seed++)
        {
            var run = new SimulatedRun(_directory[$"{seed}"], seed, mayStall: true);
            List<TraceEvent> followed = run.Follow();

            Assert.Equal(ByThread(Finished(run.Writer.Directory)), ByThread(followed));
            Assert.Equal((0, 0, 0), (run.Merge.ForcedSteps, run.Merge.UnknownReleases, run.Merge.ImplicitReleases));
            late += followed.Zip(followed.Skip(1)).Count(pair => pair.Second.TimeNs < pair.First.TimeNs - 1000);
        }
        Assert.True(late > 0, "no event was late");
    }

    [Fact]
    public void A_drain_that_stores_the_page_without_having_copied_all_is_noticed() // the control
    {
        int differing = 0;
        for (int seed = 0; seed < Seeds; seed++)
        {
            var run = new SimulatedRun(_directory[$"{seed}"], seed, mayStall: false, cheats: true);
            List<TraceEvent> followed = run.Follow();
            differing += Finished(run.Writer.Directory).Select(Fact).SequenceEqual(followed.Select(Fact)) ? 0 : 1;
        }
        Assert.True(differing > Seeds / 2, $"{differing} of {Seeds} seeds show it");
    }

    [Fact]
    public void A_silent_thread_holds_nothing_up()
    {
        var writer = new GrowingWriter(_directory["r"]);
        using TraceFollower follower = TraceFollower.Open(writer.Directory);
        writer.Thread(0).Malloc(2000, 0x1000, 1);
        writer.Thread(1).Malloc(3000, 0x2000, 2).Malloc(900_000, 0x3000, 3);
        Round(writer, 1_000_000);
        follower.Look();
        Assert.Equal([], Read(follower));
        writer.Thread(1).Malloc(1_500_000, 0x4000, 4);
        Round(writer, 2_000_000);
        follower.Look();

        Assert.Equal([0x1000ul, 0x2000, 0x3000], Read(follower).Select(e => e.Address));
        Assert.Equal((true, 1), (follower.IsCaughtUp, follower.Threads.Count(t => t.OsTid == 101)));
        Assert.InRange(follower.HorizonNs, 999_980, 1_000_000);
        Round(writer, 3_000_000);
        follower.Look();
        Assert.Equal([0x4000ul], Read(follower).Select(e => e.Address));
    }

    /// <summary>A thread has given a chunk away, which is not in <c>events</c> yet, and has begun another, of which there is a copy already.</summary>
    [Theory]
    [InlineData(-1)]
    [InlineData(7)]
    public void Of_a_chunk_that_is_on_its_way_what_its_tail_has_is_read(int slotOfTheNext)
    {
        var writer = new GrowingWriter(_directory["r"]);
        using TraceFollower follower = TraceFollower.Open(writer.Directory);
        writer.Thread(0).Malloc(2000, 0x1000, 1);
        writer.Thread(1).Malloc(900_000, 0x9000, 1);
        Round(writer, 1_000_000);
        follower.Look();
        writer.Thread(0).Malloc(3000, 0x2000, 2);
        Round(writer, 2_000_000);
        writer.Thread(0).Flush().Malloc(2_500_000, 0x3000, 3);
        writer.Copy(0, slotOfTheNext);
        follower.Look();

        Assert.Equal([0x1000ul, 0x2000, 0x9000], Read(follower).Select(e => e.Address));
        writer.Collect(0);
        Round(writer, 3_000_000);
        follower.Look();
        Round(writer, 4_000_000);
        follower.Look();
        Assert.Equal([0x3000ul], Read(follower).Select(e => e.Address));
    }

    /// <summary>Without a drain, what a look has found is final at the next one.</summary>
    [Fact]
    public void Of_a_program_that_writes_its_own_files_what_one_look_found_the_next_one_tells()
    {
        var writer = new GrowingWriter(_directory["r"], isDrained: false);
        using TraceFollower follower = TraceFollower.Open(writer.Directory);
        writer.Thread(0).Malloc(2000, 0x1000, 1);
        writer.Copy(0);
        follower.Look();
        Assert.Equal([], Read(follower));
        writer.Thread(1).Malloc(1900, 0x2000, 1).Malloc(4000, 0x3000, 1);
        writer.Copy(1);
        follower.Look();

        Assert.Equal([0x2000ul, 0x1000], Read(follower).Select(e => e.Address));
        follower.Look();
        Assert.Equal([0x3000ul], Read(follower).Select(e => e.Address));
    }

    [Fact]
    public void A_chunk_that_is_being_written_is_waited_for_and_is_damage_when_nobody_writes_any_more()
    {
        var writer = new GrowingWriter(_directory["r"]);
        using TraceFollower follower = TraceFollower.Open(writer.Directory);
        writer.Thread(0).Malloc(2000, 0x1000, 1).Malloc(3000, 0x2000, 1).Flush();
        writer.Collect(0);
        byte[] whole = File.ReadAllBytes(writer[Wire.EventsFile]);
        foreach (int length in new[] { 10, 64, whole.Length - 1 })
        {
            File.WriteAllBytes(writer[Wire.EventsFile], whole[..length]);
            follower.Look();
            Assert.Null(follower.Damage);
        }
        using (TraceFollower other = TraceFollower.Open(writer.Directory))
        {
            other.Finish();
            Assert.Equal([], Read(other));
            Assert.Contains("truncated", other.Damage!.Message, StringComparison.Ordinal);
        }
        File.WriteAllBytes(writer[Wire.EventsFile], whole);
        follower.Finish();
        Assert.Equal([0x1000ul, 0x2000], Read(follower).Select(e => e.Address));
        Assert.Null(follower.Damage);
    }

    [Fact]
    public void Damage_is_told_and_what_comes_before_it_is_read()
    {
        var writer = new GrowingWriter(_directory["r"]);
        using TraceFollower follower = TraceFollower.Open(writer.Directory);
        writer.Thread(0).Malloc(2000, 0x1000, 1).Flush().Malloc(4000, 0x2000, 1).Flush(); // of equal length
        writer.Collect(0);
        byte[] bytes = File.ReadAllBytes(writer[Wire.EventsFile]);
        bytes[bytes.Length / 2] ^= 0xff; // the second chunk's magic
        File.WriteAllBytes(writer[Wire.EventsFile], bytes);
        follower.Look();
        follower.Finish();

        Assert.Equal([0x1000ul], Read(follower).Select(e => e.Address));
        Assert.Contains("expected a chunk (magic ARC1)", follower.Damage!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_chunk_that_never_came_is_damage_at_the_end()
    {
        var writer = new GrowingWriter(_directory["r"]);
        using TraceFollower follower = TraceFollower.Open(writer.Directory);
        writer.Thread(0).Malloc(2000, 0x1000, 1).Flush().Malloc(4000, 0x2000, 1).Flush().Malloc(6000, 0x3000, 1).Flush();
        writer.Collect(0);
        byte[] bytes = File.ReadAllBytes(writer[Wire.EventsFile]);
        int third = bytes.Length / 3;
        File.WriteAllBytes(writer[Wire.EventsFile], [.. bytes[..third], .. bytes[(2 * third)..]]);
        follower.Look();
        Assert.Null(follower.Damage);
        follower.Finish();

        Assert.Equal([0x1000ul], Read(follower).Select(e => e.Address));
        Assert.Contains("expected chunk 1 of thread 0, found chunk 2", follower.Damage!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tail_that_is_not_the_beginning_of_its_chunk_is_damage()
    {
        var writer = new GrowingWriter(_directory["r"]);
        using TraceFollower follower = TraceFollower.Open(writer.Directory);
        writer.Thread(0).Malloc(2000, 0x1000, 1);
        Round(writer, 1_000_000, 0);
        follower.Look();
        Round(writer, 2_000_000, 0);
        follower.Look();
        Assert.Single(Read(follower));
        File.WriteAllBytes(writer[Wire.TailsFile], []); // so that there is nothing to tell them apart by
        writer.Thread(0).Malloc(1_500_000, 0x2000, 1).Flush();
        writer.Collect(0);
        byte[] bytes = File.ReadAllBytes(writer[Wire.EventsFile]);
        bytes[ChunkWalk.HeaderSize + 1] ^= 1;
        File.WriteAllBytes(writer[Wire.EventsFile], bytes);
        follower.Finish();

        Assert.Equal([], Read(follower));
        Assert.Contains("had in its tail", follower.Damage!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Figures_so_far_are_those_of_what_was_read()
    {
        for (int seed = 0; seed < Seeds; seed++)
        {
            var statistics = new LiveStatistics();
            var brute = new BruteForce();
            var run = new SimulatedRun(_directory[$"{seed}"], seed, mayStall: true);
            run.Follow([statistics, brute], () => brute.AssertSame(statistics));
            Assert.True(brute.Calls > 100);
        }
    }

    private static void Round(GrowingWriter writer, long ns, params int[] threads)
    {
        foreach (int thread in threads.Length == 0 ? [0, 1] : threads)
            writer.Copy(thread);
        writer.SavePage(ns);
    }

    private static List<TraceEvent> Read(TraceFollower follower)
    {
        var events = new List<TraceEvent>();
        while (follower.Read(out TraceEvent e))
            events.Add(e);
        return events;
    }

    private static List<TraceEvent> Finished(string directory)
    {
        using TraceReader reader = TraceReader.Open(directory);
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e with { Thread = (int)reader.Threads[e.Thread].OsTid });
        Assert.Null(reader.Damage);
        return events;
    }

    private static string Fact(TraceEvent e) => $"{e.TimeNs} {e.Thread} {e.Kind} {e.Address:x} {e.Size} {e.Object} {e.DisplacedObject}";

    /// <summary>Each thread's calls, with what each released: which call of which thread had acquired it.</summary>
    private static List<string> ByThread(List<TraceEvent> events)
    {
        var of = new Dictionary<long, string>();
        var calls = new SortedDictionary<int, List<string>>();
        foreach (TraceEvent e in events)
        {
            List<string> thread = calls.TryGetValue(e.Thread, out List<string>? known) ? known : calls[e.Thread] = [];
            bool acquires = CallKinds.IsAcquisition(e.Kind);
            if (acquires)
                of[e.Object] = $"{e.Thread}.{thread.Count}";
            thread.Add($"{e.TimeNs} {e.Kind} {e.Address:x} {(acquires ? "" : of.GetValueOrDefault(e.Object, "?"))}");
        }
        return [.. calls.SelectMany(c => c.Value.Select(v => $"{c.Key}: {v}"))];
    }

    /// <summary>Totals, written down as slowly and as plainly as can be.</summary>
    private sealed class BruteForce : ITraceSink
    {
        private readonly Dictionary<long, (ulong Bytes, int Thread, int Stack)> _live = [];
        private readonly Dictionary<int, long> _callsOf = [];
        private ulong _peak;

        public long Calls { get; private set; }

        public void Begin(in TraceEvent begin)
        {
        }

        public void Add(in ThreadEvent e)
        {
        }

        public void Add(in TraceCall call)
        {
            Calls++;
            _callsOf[call.Thread] = _callsOf.GetValueOrDefault(call.Thread) + 1;
            _live.Remove(call.Released);
            _live.Remove(call.Displaced);
            if (call.Acquired >= 0)
                _live.Add(call.Acquired, (call.BytesRequested, call.Thread, call.Stack));
            _peak = Math.Max(_peak, _live.Values.Aggregate(0ul, (sum, b) => sum + b.Bytes));
        }

        public void AssertSame(LiveStatistics statistics)
        {
            Assert.Equal((Calls, _live.Count, Sum(_live.Values), _peak),
                (statistics.Total.Calls, statistics.Total.LiveBlocks, statistics.Total.LiveBytes, statistics.PeakBytes));
            foreach (LiveFigures thread in statistics.Threads)
                Assert.Equal((_callsOf.GetValueOrDefault(thread.Key), Sum(_live.Values.Where(b => b.Thread == thread.Key))), (thread.Calls, thread.LiveBytes));
            foreach (LiveFigures site in statistics.Sites)
            {
                (ulong Bytes, int Thread, int Stack)[] blocks = [.. _live.Values.Where(b => b.Stack == site.Key)];
                Assert.Equal((blocks.Length, Sum(blocks)), (site.LiveBlocks, site.LiveBytes));
            }
        }

        private static ulong Sum(IEnumerable<(ulong Bytes, int Thread, int Stack)> blocks) => blocks.Aggregate(0ul, (sum, b) => sum + b.Bytes);
    }

    /// <summary>Threads that pass blocks to one another, a drain that goes its rounds meanwhile, and a follower that looks whenever it likes.</summary>
    private sealed class SimulatedRun(string session, int seed, bool mayStall, bool cheats = false)
    {
        private const int Threads = 5, Steps = 1500, ChunkEvents = 25;

        private readonly Random _random = new(seed);
        private readonly List<ulong> _live = [];
        private readonly Stack<ulong> _free = new(Enumerable.Range(1, 300).Select(i => (ulong)i * 64));
        private readonly long[] _lastNs = new long[Threads];
        private readonly int[] _inChunk = new int[Threads];

        /// <summary>What a thread that is kept from running has stamped: when, the block, and whether it releases it.</summary>
        private readonly (long Ns, ulong Address, bool Releases)?[] _stalled = new (long, ulong, bool)?[Threads];

        private readonly Queue<int> _round = []; // tails that are to be copied yet
        private long _now = 2000;

        public GrowingWriter Writer { get; } = new(session);

        public MergeStatistics Merge { get; private set; }

        public int EventsBeforeEnd { get; private set; }

        public List<TraceEvent> Follow()
        {
            var events = new List<TraceEvent>();
            using TraceFollower follower = TraceFollower.Open(Writer.Directory);
            Run(follower, () =>
            {
                while (follower.Read(out TraceEvent e))
                    events.Add(e with { Thread = (int)follower.Threads[e.Thread].OsTid });
                return events.Count;
            });
            return events;
        }

        public void Follow(ITraceSink[] sinks, Action each)
        {
            using TraceFollower follower = TraceFollower.Open(Writer.Directory);
            Run(follower, () =>
            {
                Assert.True(follower.ForEach(sinks, () => true));
                each();
                return 0;
            });
        }

        private void Run(TraceFollower follower, Func<int> read)
        {
            int running = 1 + _random.Next(Threads);
            for (int step = 0; step < Steps; step++)
            {
                _now += 32 + _random.Next(200);
                if (_random.Next(100) == 0)
                    running = 1 + _random.Next(Threads); // others are silent, or begin
                int action = _random.Next(100);
                if (action < 85)
                    Call(_random.Next(running));
                else if (action < 97)
                    Drain();
                else
                    EventsBeforeEnd = LookAndRead(follower, read);
            }
            for (int thread = 0; thread < Threads; thread++)
                Publish(thread);
            Writer.End(Enumerable.Range(0, Threads), _now + 1000);
            follower.Finish();
            read();
            Merge = follower.Merge;
            Assert.Null(follower.Damage);
        }

        private static int LookAndRead(TraceFollower follower, Func<int> read)
        {
            follower.Look();
            Assert.Null(follower.Damage);
            return read();
        }

        /// <summary>Stamps and publishes; a release is published before others may have the block, an acquisition before others may release it.</summary>
        private void Call(int thread)
        {
            if (_stalled[thread] is not null)
            {
                if (_random.Next(30) == 0)
                    Publish(thread);
                return;
            }
            bool releases = _live.Count > 0 && (_free.Count == 0 || _random.Next(2) == 0);
            ulong address;
            if (releases)
            {
                int at = _random.Next(_live.Count);
                address = _live[at];
                _live.RemoveAt(at);
            }
            else
            {
                address = _free.Pop();
            }
            // Counters of different cores may differ by a little, and a core may read its own early.
            long ns = Math.Max(_lastNs[thread] + 8, _now - (_random.Next(4) == 0 ? 1 + _random.Next(12) : 0));
            _stalled[thread] = (_lastNs[thread] = ns, address, releases);
            if (!(mayStall && _random.Next(40) == 0))
                Publish(thread);
        }

        private void Publish(int thread)
        {
            if (_stalled[thread] is not { } call)
                return;
            _stalled[thread] = null;
            if (call.Releases)
            {
                Writer.Thread(thread).Free(call.Ns, call.Address);
                _free.Push(call.Address);
            }
            else
            {
                Writer.Thread(thread).Malloc(call.Ns, call.Address, 1 + call.Address % 100);
                _live.Add(call.Address);
            }
            if (++_inChunk[thread] < ChunkEvents)
                return;
            _inChunk[thread] = 0;
            Writer.Thread(thread).Flush();
            Writer.Collect(thread);
        }

        private void Drain()
        {
            if (_round.TryDequeue(out int thread))
            {
                Writer.Copy(thread);
                return;
            }
            Writer.SavePage(_now);
            foreach (int next in Enumerable.Range(0, Threads).OrderBy(_ => _random.Next()).Take(cheats ? 1 : Threads))
                _round.Enqueue(next);
        }
    }
}
