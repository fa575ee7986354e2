using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Run;
using AllocReplay.Replayer.Verify;
using AllocReplay.Tests.Formats;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>Replays of real programs are the recorded execution, in every order, under every allocator.</summary>
[StartsProcesses]
public sealed class ReplayProofTests : IDisposable
{
    /// <summary>Recordings that are made once and replayed in every order under every allocator.</summary>
    private static readonly TemporaryDirectory Recordings = new();
    private static readonly ConcurrentDictionary<string, Lazy<string>> Recorded = new();

    private readonly TemporaryDirectory _directory = new();

    static ReplayProofTests() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Recordings.Dispose();

    private string Trace => _directory["trace.allocrec"];

    public void Dispose() => _directory.Dispose();

    public static TheoryData<ReplayOrder, string> Runs
    {
        get
        {
            var runs = new TheoryData<ReplayOrder, string>();
            foreach (ReplayOrder order in Enum.GetValues<ReplayOrder>())
                foreach (string allocator in (string[])["glibc", "jemalloc", "mimalloc", "tcmalloc"])
                    runs.Add(order, allocator);
            return runs;
        }
    }

    [Theory, MemberData(nameof(Runs))]
    public void Four_threads_that_make_every_call(ReplayOrder order, string allocator)
    {
        Check(Once("known_calls", [Targets.Build("known_calls.c")]), order, allocator);
    }

    [Theory, MemberData(nameof(Runs))]
    public void Four_threads_of_a_program_in_cpp(ReplayOrder order, string allocator)
    {
        Check(Once("operators", [Targets.Build("operators.cpp")]), order, allocator);
    }

    [Theory, MemberData(nameof(Runs))]
    public void Blocks_that_are_all_freed_by_another_thread(ReplayOrder order, string allocator)
    {
        Check(Once("producer_consumer", [Targets.Build("producer_consumer.c"), "5000"]), order, allocator, minCrossThread: 10_000);
    }

    [Theory, MemberData(nameof(Runs))]
    public void Two_thousand_short_lived_threads(ReplayOrder order, string allocator)
    {
        Assert.Equal(2001, Check(Once("short_threads", [Targets.Build("short_threads.c"), "2000"]), order, allocator).Threads);
    }

    [Theory, MemberData(nameof(Runs))]
    public void Sort_on_two_threads(ReplayOrder order, string allocator)
    {
        string trace = Once("sort", () =>
        {
            var random = new Random(1);
            File.WriteAllLines(_directory["lines"], Enumerable.Range(0, 200_000).Select(_ => random.Next().ToString(CultureInfo.InvariantCulture)));
            return ["sort", "--parallel=2", "-S", "50M", "-o", _directory["sorted"], _directory["lines"]];
        });
        Assert.Equal(2, Check(trace, order, allocator).Threads);
    }

    [Theory, MemberData(nameof(Runs))]
    public void Threads_of_python(ReplayOrder order, string allocator)
    {
        Assert.SkipUnless(Programs.Exists("python3"), "python3 is not installed");
        string trace = Once("python", ["env", "PYTHONMALLOC=malloc", "python3", Path.Combine(Targets.SourceDirectory, "threads.py")]);
        Assert.Equal(5, Check(trace, order, allocator).Threads);
    }

    [Theory, MemberData(nameof(Runs))]
    public void Random_calls_of_threads_that_overlap(ReplayOrder order, string allocator)
    {
        TraceGenerator.Write(Trace, seed: 5, threads: 9, calls: 5000, latency: true);
        Check(Trace, order, allocator);
    }

    [Fact]
    public async Task Redis_with_threads_of_its_own_under_load()
    {
        string redis = Programs.RedisServer(_directory.Path);
        const string port = "17842";
        string[] to = ["-h", "127.0.0.1", "-p", port];
        Task server = Task.Run(() => Record([redis, "--port", port, "--bind", "127.0.0.1", "--io-threads", "2", "--save", "", "--dir", _directory.Path,
            "--logfile", _directory["log"]]), TestContext.Current.CancellationToken);
        var patience = Stopwatch.StartNew();
        while (Programs.Run("redis-cli", [.. to, "ping"]).Output.Trim() != "PONG")
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(30) && !server.IsCompleted, "redis-server does not answer");
        Assert.Equal(0, Programs.Run("redis-benchmark", [.. to, "-q", "-n", "3000", "-r", "2000", "-c", "20", "-t", "set,get,lpush,lpop"]).ExitCode);
        Programs.Run("redis-cli", [.. to, "shutdown", "nosave"]);
        await server;
        CheckAll(Trace);
    }

    [Fact]
    public void A_real_android_trace_of_393_threads()
    {
        string trace = _directory["android.alloctrace"];
        ProgramResult import = Programs.AllocReplay("import", "--from", "android", AndroidImportTests.RealTrace(), "-o", trace);
        Assert.True(import.ExitCode == 0, import.Error);
        CheckAll(trace);
    }

    [Fact]
    public void A_replay_in_a_weaker_order_does_not_pass_for_one_in_a_stronger()
    {
        Record([Targets.Build("producer_consumer.c"), "5000"]);
        ReplayInfo info = RecordedReplay.Run(Trace, _directory["out.allocrec"], ReplayOrder.Deps, ReplayTests.Installed("glibc"));

        ProofReport report = RecordedReplay.Verify(Trace, _directory["out.allocrec"], ReplayOrder.Total, info);

        Assert.False(report.Holds);
        EdgeCheck violated = Assert.Single(report.Edges, e => e.IsViolated);
        Assert.Equal("T", violated.Name);
        Assert.Matches(
            "^call .* of thread .* comes before call .*; in the replay the one is over at .* s, the other begins at .* s$", violated.FirstViolation!);
    }

    [Fact]
    public void A_recording_of_another_program_does_not_pass()
    {
        Record([Targets.Build("known_calls.c")]);
        RecordedCommand.Run(new RecordOptions { Command = [Targets.Build("short_threads.c"), "8"], Output = _directory["other.allocrec"], Latency = true });

        ProofReport report = RecordedReplay.Verify(Trace, _directory["other.allocrec"], ReplayOrder.Exact, new ReplayInfo());

        Assert.Equal(["P", "L", "R"], report.Edges.Where(e => e.IsViolated && e.Name is not ("O" or "S")).Select(e => e.Name));
        Assert.All(report.Edges, e => Assert.Equal(e.IsViolated, e.FirstViolation is not null));
    }

    [Fact]
    public void A_recording_without_latency_is_refused()
    {
        RecordedCommand.Run(new RecordOptions { Command = [Targets.Build("short_threads.c"), "8"], Output = Trace });
        var e = Assert.Throws<TraceFormatException>(() => RecordedReplay.Verify(Trace, Trace, ReplayOrder.Exact, new ReplayInfo()));
        Assert.Contains("without latency", e.Message);
    }

    /// <summary>A replay's recording, replayed: the same calls, objects and order again.</summary>
    [Theory]
    [InlineData("known_calls.c")]
    [InlineData("producer_consumer.c")]
    public void A_replay_of_a_replay_is_a_fixed_point(string target)
    {
        Record([Targets.Build(target)]);
        Configuration glibc = ReplayTests.Installed("glibc");
        string first = _directory["first.allocrec"], second = _directory["second.allocrec"];
        ReplayInfo info = RecordedReplay.Run(Trace, first, ReplayOrder.Exact, glibc);
        RecordedReplay.AssertHolds(RecordedReplay.Verify(Trace, first, ReplayOrder.Exact, info));
        ReplayInfo again = RecordedReplay.Run(first, second, ReplayOrder.Exact, glibc);

        Assert.Empty(again.Substituted);
        RecordedReplay.AssertHolds(RecordedReplay.Verify(first, second, ReplayOrder.Exact, again));
        // And both ways: nothing is in the second that the first has not.
        ProofReport back = RecordedReplay.Verify(second, first, ReplayOrder.Deps, again);
        RecordedReplay.AssertHolds(back);
        Assert.Equal(0, back.SucceededNow + back.Substituted + back.SkippedReleases);
    }

    /// <summary>Live bytes after each call, by the recordings of replays.</summary>
    [Fact]
    public void In_total_order_live_bytes_go_the_same_way_under_every_allocator()
    {
        Record([Targets.Build("producer_consumer.c"), "5000"]);
        List<long> recorded = LiveBytes(Trace);
        foreach (string name in (string[])["glibc", "jemalloc", "mimalloc", "tcmalloc"])
        {
            string replay = _directory[name + ".allocrec"];
            RecordedReplay.Run(Trace, replay, ReplayOrder.Total, ReplayTests.Installed(name));
            Assert.Equal(recorded, LiveBytes(replay));
        }
        // The control: in an order that leaves threads free, they go another way.
        RecordedReplay.Run(Trace, _directory["deps.allocrec"], ReplayOrder.Deps, ReplayTests.Installed("glibc"));
        Assert.NotEqual(recorded, LiveBytes(_directory["deps.allocrec"]));
    }

    [Fact]
    public void A_recorded_pace_is_kept()
    {
        Directory.CreateDirectory(Trace);
        var writer = new RecordingWriter(Trace);
        for (int i = 0; i < 200; i++)
            writer.Thread(i % 2).Malloc(i * 500_000L, 0x1000UL * (ulong)(i + 1), 64);
        writer.Save();
        // On a busy machine threads are late: one of five replays is not. As fast as it goes, gaps of 1 ms would be off by 2 ms in each: that they are
        // kept at all, not how well, which is measured elsewhere.
        Assert.Contains(Enumerable.Range(0, 5), i => MedianErrorAtHalfSpeed(_directory[$"out{i}.allocrec"]) <= 1_000_000);
    }

    /// <returns>Nanoseconds.</returns>
    private long MedianErrorAtHalfSpeed(string replay)
    {
        long start = Stopwatch.GetTimestamp();
        ReplayInfo info = RecordedReplay.Run(Trace, replay, ReplayOrder.Exact, ReplayTests.Installed("glibc"), Pace.OfTimeScale(2));
        Assert.True(Stopwatch.GetElapsedTime(start).TotalSeconds > 0.19, "200 calls in 0.1 s, at half the speed");
        TimingError timing = RecordedReplay.Verify(Trace, replay, ReplayOrder.Exact, info).Timing!;
        Assert.Equal(198, timing.Gaps);
        return timing.Median;
    }

    private void Record(string[] command) => Record(command, Trace);

    private static void Record(string[] command, string trace) =>
        Assert.Equal(0, RecordedCommand.Run(new RecordOptions { Command = command, Output = trace, Latency = true, Via = RecordVia.Preload }).ExitCode);

    /// <returns>The recording of a command, by the name that it was recorded under first.</returns>
    private static string Once(string name, string[] command) => Once(name, () => command);

    private static string Once(string name, Func<string[]> command) => Recorded.GetOrAdd(name, _ => new Lazy<string>(() =>
    {
        string trace = Recordings[name + ".allocrec"];
        Record(command(), trace);
        return trace;
    })).Value;

    private void CheckAll(string trace)
    {
        List<long> recorded = LiveBytes(trace);
        foreach ((ReplayOrder order, string allocator) in Runs.Select(r => r.Data))
        {
            Check(trace, order, allocator);
            if (order == ReplayOrder.Total)
                Assert.Equal(recorded, LiveBytes(_directory["out.allocrec"]));
        }
    }

    private ProofReport Check(string trace, ReplayOrder order, string allocator, long minCrossThread = 0)
    {
        string replay = _directory["out.allocrec"];
        ReplayInfo info = RecordedReplay.Run(trace, replay, order, ReplayTests.Installed(allocator));
        ProofReport report = RecordedReplay.Verify(trace, replay, order, info);
        RecordedReplay.AssertHolds(report);
        using TraceReader reader = TraceReader.Open(replay);
        Assert.InRange(TraceStatistics.Of(reader).CrossThreadReleases, minCrossThread, long.MaxValue);
        return report;
    }

    private static List<long> LiveBytes(string path)
    {
        var live = new List<long>();
        var blocks = new Dictionary<long, long>();
        long bytes = 0;
        using TraceReader reader = TraceReader.Open(path);
        while (reader.Read(out TraceEvent e))
        {
            if (CallKinds.IsThreadEvent(e.Kind) || CallKinds.IsReallocBegin(e.Kind))
                continue;
            if (e.ReleasedObject >= 0 && blocks.Remove(e.ReleasedObject, out long given))
                bytes -= given;
            if (e.Acquires)
                bytes += blocks[e.Object] = (long)e.BytesRequested;
            live.Add(bytes);
        }
        return live;
    }
}
