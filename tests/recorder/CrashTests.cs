using System.Diagnostics;
using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Recorder.Arena;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>A process that dies at any moment leaves everything that was published before.</summary>
[StartsProcesses]
public sealed class CrashTests(ITestOutputHelper output) : IDisposable
{
    private static readonly int Kills = Effort.OfLong(500, usual: 150);

    private const int Threads = 4;
    private const int Sizes = 60000;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void After_kills_at_random_moments_no_published_event_is_missing()
    {
        var random = new Random(20240607);
        double[] lives = Enumerable.Range(0, Kills).Select(_ => random.NextDouble() * 14).ToArray();
        var totals = new Totals();

        // Two at a time: on a machine of few cores a thread is then often preempted in mid-call, or in mid-write.
        Parallel.For(0, Kills, new ParallelOptions { MaxDegreeOfParallelism = 2 }, i => KillOne(i, TimeSpan.FromMilliseconds(lives[i]), totals, Victim.Writer));

        output.WriteLine($"{Kills} kills, {totals.Before} before the first call: {totals.Completed} calls completed, {totals.Missing} missing, " +
            $"{totals.Flushed} runs flushed, {totals.ShortWrites} were cut short in mid-write");
        Assert.Equal(0, totals.Missing);
        Assert.True(totals.Flushed > Kills / 4, $"only {totals.Flushed} runs lived long enough to flush a tail");
    }

    /// <summary>The program: its chunks are still there. The drain: the next who reads starts a successor. Both: the shared memory has a name.</summary>
    [Theory]
    [InlineData(Victim.Program, 500, 150)]
    [InlineData(Victim.DrainFirst, 200, 60)]
    [InlineData(Victim.Both, 200, 60)]
    public void After_kills_of_a_drained_program_of_its_drain_and_of_both_no_published_event_is_missing(Victim victim, int all, int usual)
    {
        int kills = Effort.OfLong(all, usual);
        var random = new Random(20261126);
        var totals = new Totals();
        for (int i = 0; i < kills; i++)
            KillOne(i, TimeSpan.FromMilliseconds(random.NextDouble() * 14), totals, victim);

        output.WriteLine($"{kills} kills of {victim}, {totals.Before} before the first call: {totals.Completed} calls completed, {totals.Missing} missing");
        Assert.Equal(0, totals.Missing);
        Assert.True(totals.Completed > 1000L * kills / 2, "too little was recorded to be lost");
    }

    /// <summary>Who is killed.</summary>
    public enum Victim
    {
        /// <summary>A program that writes its own files.</summary>
        Writer,
        /// <summary>A program that is drained.</summary>
        Program,
        /// <summary>The drain, and after it the program.</summary>
        DrainFirst,
        /// <summary>Both, the program first.</summary>
        Both,
    }

    [Theory]
    [InlineData("abort", 128 + 6)]
    [InlineData("_exit", 7)]
    [InlineData("exit", 8)]
    [InlineData("exec", 0)]
    public void A_process_that_ends_while_its_threads_allocate_leaves_all_they_did(string end, int exitCode)
    {
        string recording = _directory["r"];
        Assert.Equal(exitCode, RecordedCommand.Run(new RecordOptions { Command = [Targets.Build("sudden_end.c"), end], Output = recording }).ExitCode);

        using TraceReader reader = TraceReader.Open(recording);
        Assert.EndsWith(".0", reader.Image, StringComparison.Ordinal);
        Dictionary<int, long> calls = CountContiguous(reader);
        Assert.Equal(0UL, reader.Process.LostEvents);
        Assert.Equal(4, calls.Count(c => c.Key != 0 && c.Value >= 20000));
        Assert.Equal(end == "exit" ? RecordingState.Exited : RecordingState.Recording, reader.Process.State);
        Assert.Equal(end == "exec" ? 2 : 1, reader.Images.Count);
    }

    /// <summary>A drain that is killed leaves what it had in memory: to its recording while that is there, and then to nobody.</summary>
    [Fact]
    public void Shared_memory_of_a_recording_that_was_deleted_is_taken_away_by_the_next_one()
    {
        string arena = LeaveArena(_directory["dead"]), other = LeaveArena(_directory["other"]);
        Assert.SkipUnless(arena.StartsWith("/dev/shm/", StringComparison.Ordinal), "/dev/shm is missing or full here");
        Directory.Delete(_directory["dead"], recursive: true);

        Directory.CreateDirectory(_directory["next"]);
        using (DrainProcess.Start(_directory["next"], new RecordOptions { Command = [], Output = _directory["next"] }))
            Assert.Equal((false, true), (File.Exists(arena), File.Exists(other)));

        SessionSwitch.BringIn(Path.GetRelativePath(Directory.GetCurrentDirectory(), _directory["other"]));
        Assert.True(SpinWait.SpinUntil(() => !File.Exists(other), TimeSpan.FromMinutes(1)));
    }

    /// <summary>The machine went down before the drain had written more of an image than its page: what is on disk is read, with its times.</summary>
    [Fact]
    public void What_is_on_disk_is_read_when_the_shared_memory_is_gone()
    {
        string session = _directory["r"];
        Directory.CreateDirectory(session);
        var start = new ProcessStartInfo(Targets.Build("crash_witness.c"), [_directory["c"], $"{Threads}"]);
        start.Environment["LD_PRELOAD"] = HookBuild.Default;
        start.Environment["ALLOCREPLAY_DIR"] = session;
        using (DrainProcess drain = DrainProcess.Start(session, new RecordOptions { Command = [], Output = session }))
        {
            start.Environment["ALLOCREPLAY_ARENA"] = drain.Arena;
            using Process process = Process.Start(start)!;
            Assert.True(SpinWait.SpinUntil(() => Directory.GetFiles(session, "process", SearchOption.AllDirectories) is [var page]
                && new FileInfo(page).Length > 0, TimeSpan.FromSeconds(10)));
            drain.Kill();
            process.Kill();
            process.WaitForExit();
            Assert.SkipUnless(drain.Arena.StartsWith("/dev/shm/", StringComparison.Ordinal), "/dev/shm is missing or full here");
            File.Delete(drain.Arena);
        }
        SessionSwitch.BringIn(session);
        using TraceReader reader = TraceReader.Open(session);
        Assert.Equal(RecordingState.Recording, reader.Process.State);
        Assert.InRange(reader.ResolutionNs, 1, 100);
    }

    /// <summary>A copy is what it was when it was made, whatever the original's memory has; who asks a drain that is stopped is told.</summary>
    [Fact]
    public unsafe void A_copy_of_a_running_recording_is_read_and_a_stopped_drain_is_named()
    {
        string session = _directory["r"], copy = _directory["copy"];
        Directory.CreateDirectory(session);
        using DrainProcess drain = DrainProcess.Start(session, new RecordOptions { Command = [], Output = session });
        using SharedArena arena = SharedArena.Open(session)!;
        Directory.CreateDirectory(copy);
        File.CreateSymbolicLink(Path.Combine(copy, SharedArena.NameLink), drain.Arena);
        SessionSwitch.BringIn(copy);
        Assert.Throws<ForeignArenaException>(() => SharedArena.Open(copy)); // the control: nothing else refuses it

        const int stop = 19, go = 18;
        int pid = (int)arena.Header->DrainPid;
        Signals.Send(pid, stop);
        string said = Assert.Throws<ControlException>(() => SessionSwitch.BringIn(session)).Message;
        Signals.Send(pid, go);
        Assert.Contains($"kill -CONT {pid}", said, StringComparison.Ordinal);
        SessionSwitch.BringIn(session);
    }

    /// <summary>A drain that is stopped leaves the program with what room it has.</summary>
    [Theory]
    [InlineData(WhenFull.Wait, true)]
    [InlineData(WhenFull.Drop, false)]
    public unsafe void A_thread_that_finds_no_room_waits_only_if_it_may_and_what_it_could_not_record_is_counted(WhenFull whenFull, bool waits)
    {
        const long calls = 8_000_000;
        string session = _directory["r"];
        Directory.CreateDirectory(session);
        using (DrainProcess drain = DrainProcess.Start(session, new RecordOptions { Command = [], Output = session, WhenFull = whenFull }))
        using (SharedArena arena = SharedArena.Open(session)!)
        {
            var start = new ProcessStartInfo(Targets.Build("steady.c"), ["1", $"{calls}"]);
            start.Environment["LD_PRELOAD"] = HookBuild.Default;
            start.Environment["ALLOCREPLAY_DIR"] = session;
            start.Environment["ALLOCREPLAY_ARENA"] = drain.Arena;
            const int stop = 19, go = 18;
            Signals.Send((int)arena.Header->DrainPid, stop);
            using (Process process = Process.Start(start)!)
                process.WaitForExit();
            ulong waited = 0;
            for (uint i = 0; i < arena.ImageCount; i++)
                waited += arena.Image(i)->Waits;
            Signals.Send((int)arena.Header->DrainPid, go);
            Assert.Equal(waits, waited > 0);
            Assert.True(drain.Seal());
        }
        using TraceReader reader = TraceReader.Open(session);
        Assert.Null(reader.Damage);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.InRange((long)reader.Process.LostEvents, 1, calls);
        Assert.InRange(statistics.Calls + (long)reader.Process.LostEvents, calls, calls + 100);
    }

    private static string LeaveArena(string session)
    {
        Directory.CreateDirectory(session);
        using DrainProcess drain = DrainProcess.Start(session, new RecordOptions { Command = [], Output = session });
        drain.Kill();
        return drain.Arena;
    }

    private void KillOne(int run, TimeSpan life, Totals totals, Victim victim)
    {
        string session = _directory[$"r{run}"], counters = _directory[$"c{run}"];
        Directory.CreateDirectory(session);
        var start = new ProcessStartInfo(Targets.Build("crash_witness.c"), [counters, $"{Threads}"]);
        start.Environment["LD_PRELOAD"] = HookBuild.Default;
        start.Environment["ALLOCREPLAY_DIR"] = session;
        using DrainProcess? drain = victim == Victim.Writer ? null : DrainProcess.Start(session, new RecordOptions { Command = [], Output = session });
        if (drain is not null)
            start.Environment["ALLOCREPLAY_ARENA"] = drain.Arena;
        using (Process process = Process.Start(start)!)
        {
            // Most live from their first call on, some die while they are loaded.
            if (run % 8 != 0)
                SpinWait.SpinUntil(() => new FileInfo(counters) is { Exists: true, Length: > 0 }, TimeSpan.FromSeconds(5));
            Live(victim == Victim.DrainFirst ? life / 2 : life);
            if (victim == Victim.DrainFirst)
            {
                drain!.Kill();
                Live(life / 2);
            }
            process.Kill();
            if (victim == Victim.Both)
                drain!.Kill();
            process.WaitForExit();
        }
        SessionSwitch.BringIn(session);
        Check(session, counters, totals, mayLose: victim == Victim.DrainFirst);
        Directory.Delete(session, recursive: true);
        File.Delete(counters);
    }

    private static void Live(TimeSpan life)
    {
        long begun = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begun) < life)
            Thread.Yield();
    }

    private static void Check(string session, string counters, Totals totals, bool mayLose)
    {
        byte[] page = File.Exists(counters) ? File.ReadAllBytes(counters) : [];
        Counter[] counted = MemoryMarshal.Cast<byte, Counter>(page)[..Math.Min(Threads, page.Length / 64)].ToArray();
        if (counted.All(c => c.Begun == 0))
        {
            Interlocked.Increment(ref totals.Before);
            return;
        }
        using TraceReader reader = TraceReader.Open(session);
        Dictionary<int, long> calls = CountContiguous(reader);
        Assert.True(mayLose || reader.Process.LostEvents == 0);
        foreach (Counter counter in counted.Where(c => c.Begun > 0))
        {
            ThreadInfo? thread = reader.Threads.SingleOrDefault(t => t.OsTid == counter.Tid);
            long found = thread is null ? 0 : calls.GetValueOrDefault(thread.Index);
            Interlocked.Add(ref totals.Completed, (long)counter.Completed);
            // A program whose drain is dead may run out of room: then it says how many calls it did not record.
            Interlocked.Add(ref totals.Missing, Math.Max(0, (long)counter.Completed - found - (long)reader.Process.LostEvents));
            Assert.InRange(found, 0, (long)counter.Begun);
        }
        var index = new ChunkIndex(0, 0);
        string image = Path.Combine(session, reader.Image);
        var files = ByteFolder.OfDirectory(image);
        using ByteSource? tails = files.Open("tails");
        using EventFiles events = EventFiles.Open(files);
        if (tails is not null)
            index.ReadTails(tails);
        index.ReadEvents(events);
        Interlocked.Add(ref totals.Flushed, events.End > 0 && events.LengthOf(0) > 0 ? 1 : 0);
        Interlocked.Add(ref totals.ShortWrites, index.ShortChunks > 0 ? 1 : 0);
    }

    /// <summary>Each thread's calls by its index, after asserting that they count up from 1 without a gap.</summary>
    private static Dictionary<int, long> CountContiguous(TraceReader reader)
    {
        var calls = new Dictionary<int, long>();
        while (reader.Read(out TraceEvent e))
        {
            if (e.Kind != CallKind.Malloc)
                continue;
            long n = calls.GetValueOrDefault(e.Thread) + 1;
            if (reader.Process.LostEvents == 0)
                Assert.Equal(1 + (ulong)(n % Sizes), e.Size);
            calls[e.Thread] = n;
        }
        Assert.Null(reader.Damage);
        return calls;
    }

    private sealed class Totals
    {
        public int Before;
        public int Flushed;
        public int ShortWrites;
        public long Completed;
        public long Missing;
    }

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private readonly struct Counter
    {
        public readonly ulong Tid;
        public readonly ulong Begun;
        public readonly ulong Completed;
    }
}
