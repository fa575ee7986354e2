using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Recorder;
using AllocReplay.Recorder.Arena;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>control TARGET status</c>: the figures of the process that writes a recording, while it runs, is stopped, was killed, and has ended.</summary>
[StartsProcesses]
public sealed class StatusCommandTests : IDisposable
{
    private const int Kill = 9, Stop = 19, Continue = 18;

    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void What_is_recorded_and_live_is_told_as_of_now()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        program.Do("m 500 20000");
        foreach (string target in new[] { $"{program.Pid}", program.Recording, program.Image })
        {
            JsonElement image = Assert.Single(Status(target).GetProperty("images").EnumerateArray());
            Assert.Equal(($"p{program.Pid}.0", "recording", 1, 500, 500 * 20000, 0), (Text(image, "image"), Text(image, "state"), Number(image, "interval"),
                Number(image, "live_blocks"), Number(image, "live_bytes"), Number(image, "lost_events")));
            Assert.InRange(Number(image, "disk_bytes"), 1000, 1 << 20);
        }
        JsonElement drain = Status(program.Recording).GetProperty("drain");
        Assert.Equal(("running", 0), (Text(drain, "state"), Number(drain, "replaced")));
        Assert.InRange(Number(drain, "memory_bytes"), 1 << 20, 100 << 20);
        Assert.InRange(drain.GetProperty("cpu_seconds").GetDouble(), 0, drain.GetProperty("runs_seconds").GetDouble());
        Assert.Equal("allocreplay-dra\n", File.ReadAllText($"/proc/{Number(drain, "pid")}/comm"));
        Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void The_rate_is_that_of_the_last_second()
    {
        using SteppedProgram program = SteppedProgram.Counted(_directory["r.allocrec"]);
        Assert.True(SpinWait.SpinUntil(() => Status(program.Recording).GetProperty("bytes_per_second") is { ValueKind: JsonValueKind.Number } rate
            && rate.GetDouble() == 0, Long)); // its threads wait
        long before = EventBytes(program.Image);
        program.Do("200000");
        double rate = 0;
        Assert.True(SpinWait.SpinUntil(() => (rate = Status(program.Recording).GetProperty("bytes_per_second").GetDouble()) > 0, Long));
        double image = Status(program.Recording).GetProperty("images")[0].GetProperty("bytes_per_second").GetDouble();
        long written = EventBytes(program.Image) - before;
        // A round takes a second or somewhat more, and all of it may lie in one.
        Assert.InRange(rate, 1000, written * 1.1);
        Assert.InRange(image, 0, written * 1.1);
        Assert.InRange(Status(program.Recording).GetProperty("bytes_per_second_since_start").GetDouble(), 1, rate);
        Assert.True(SpinWait.SpinUntil(() => Status(program.Recording).GetProperty("bytes_per_second").GetDouble() == 0, Long));
        Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void The_page_fits_a_terminal_and_says_what_each_figure_is()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"], "--max-size", "1G");
        program.Do("m 500 20000");
        program.Do("k 20000");
        Assert.Equal(ExitCode.Ok, _runner.Run("control", program.Recording, "status"));
        string[] lines = _runner.Output.Split('\n');
        Assert.All(lines, l => Assert.InRange(l.Length, 0, 100));
        Assert.Equal(2, lines.Count(l => System.Text.RegularExpressions.Regex.IsMatch(l, @"^ *p\d+\.0 ")));
        Assert.Matches(@"p\d+\.0 +recording +1 +1 +9\.5 MiB +\S.* +0\n", _runner.Output);
        Assert.Matches(@"\nrecorder +pid \d+, [\d.]+ MiB of memory, [\d.]+ s of processor time \([\d.]+ %\)\n", _runner.Output);
        Assert.Matches(@"\nrate +.+/s since the start ", _runner.Output);
        Assert.Matches(@"\nlive +9\.5 MiB in 500 blocks, after 50\d events\n", _runner.Output);
        Assert.Matches(@"\ndisk +[\d.]+ KiB, events at most 1\.0 GiB of each process image; .+ free\n", _runner.Output);
        Assert.Matches(@"\nbacklog +\d+ B to be written, ", _runner.Output);
        Assert.Matches(@"\nwaits +0\nevents lost +0\n$", _runner.Output);
        Assert.Equal(0, program.Finish());

        Assert.Equal(ExitCode.Ok, _runner.Run("control", program.Recording, "status"));
        Assert.Matches(@"\nrecorder +has ended, and all is on disk: the figures are of the files\n", _runner.Output);
    }

    [Fact]
    public void What_is_kept_whole_is_told()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"], "--keep", "2M,15m");
        JsonElement status = Status(program.Recording);
        Assert.Equal((2 << 20, 15 * 60 * 1_000_000_000L), (Number(status, "keep_bytes"), Number(status, "keep_ns")));
        Assert.Equal(ExitCode.Ok, _runner.Run("control", program.Recording, "status"));
        Assert.Matches(@"\ndisk +[\d.]+ KiB, the latest part whole \(--keep 2\.0 MiB, 15 min", _runner.Output);
        Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void One_that_is_stopped_is_told_without_waiting_for_it_and_what_waits_is_the_backlog()
    {
        using SteppedProgram program = SteppedProgram.Counted(_directory["r.allocrec"]);
        int drain = DrainOf(program.Recording);
        StopAndAwait(drain);
        program.Do("100000"); // some hundred thousand bytes
        JsonElement status = Status(program.Recording);
        Assert.Equal(("stopped", drain), (Text(status.GetProperty("drain"), "state"), Number(status.GetProperty("drain"), "pid")));
        Assert.InRange(Number(status, "backlog_bytes"), 100_000, 64 << 20);
        JsonElement image = status.GetProperty("images")[0];
        Assert.Equal(Number(status, "backlog_bytes"), Number(image, "backlog_bytes"));
        Assert.InRange(Number(image, "held_bytes"), Number(image, "backlog_bytes"), 64 << 20);
        Assert.Equal(ExitCode.Ok, _runner.Run("control", program.Recording, "status"));
        Assert.Matches($@"\nrecorder +pid {drain} is stopped: kill -CONT {drain} lets it go on\.", _runner.Output);
        Signals.Send(drain, Continue);
        Assert.True(SpinWait.SpinUntil(() => Number(Status(program.Recording), "backlog_bytes") == 0, Long));
        Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void Successors_are_counted()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        for (uint n = 1; n <= 2; n++)
        {
            Signals.Send(DrainOf(program.Recording), Kill);
            Assert.True(SpinWait.SpinUntil(() => Status(program.Recording).GetProperty("drain") is var d && Text(d, "state") == "running"
                && Number(d, "replaced") == n, Long));
        }
        Assert.Equal(ExitCode.Ok, _runner.Run("control", program.Recording, "status"));
        Assert.Matches(@"the\s+3rd,\s+as\s+2\s+were\s+killed", _runner.Output);
        Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void One_that_was_killed_with_its_recorder_is_told_and_none_is_started_for_it()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        program.Do("m 10 20000");
        int drain = DrainOf(program.Recording);
        StopAndAwait(program.RecorderPid); // it would start another
        Signals.Send(drain, Kill);
        Assert.True(SpinWait.SpinUntil(() => RunningThreads.HasEnded(drain), Long)); // who finds it alive, asks it, and finds it dead, starts another
        Assert.True(SpinWait.SpinUntil(() => Text(Status(program.Recording).GetProperty("drain"), "state") == "dead", Long));
        JsonElement status = Status(program.Recording);
        Assert.Equal(("recording", 0), (Text(status.GetProperty("images")[0], "state"), Number(status.GetProperty("drain"), "replaced")));
        Assert.Equal(ExitCode.Ok, _runner.Run("control", program.Recording, "status"));
        Assert.Matches(@"\nrecorder +was killed, and none has taken over\.", _runner.Output);
        Signals.Send(program.RecorderPid, Continue);
        Assert.True(SpinWait.SpinUntil(() => Text(Status(program.Recording).GetProperty("drain"), "state") == "running", Long));
        Assert.Equal(0, program.Finish());
    }

    /// <summary>Who looks has opened the arena before, and asks whether the drain is there when it has ended in order.</summary>
    [Fact]
    public void One_that_ends_in_order_meanwhile_was_not_killed()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        using ArenaReading arena = ArenaReading.Open(program.Recording)!;
        using ImageWatch watch = ImageWatch.Open(program.Image);
        Assert.Equal((DrainState.Running, ImageLife.Running), (DrainStatus.Of(arena).State, watch.Life()));
        Assert.Equal(0, program.Finish());
        Assert.Equal((DrainState.Ended, ImageLife.Ended), (DrainStatus.Of(arena).State, watch.Life()));
    }

    [Fact]
    public void A_recording_that_is_being_completed_is_found_by_its_process_and_by_its_recorder()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        program.Do("m 10 20000");
        int drain = DrainOf(program.Recording);
        StopAndAwait(drain);
        bool isAsked = false;
        Assert.Equal(0, program.Finish(() =>
        {
            if (isAsked)
                return;
            isAsked = true;
            foreach (int pid in new[] { program.Pid, program.RecorderPid })
            {
                JsonElement status = Status($"{pid}");
                Assert.Equal(("stopped", $"p{program.Pid}.0"), (Text(status.GetProperty("drain"), "state"), Text(status.GetProperty("images")[0], "image")));
            }
            Signals.Send(drain, Continue);
        }));
        Assert.True(isAsked);
        Assert.Equal(ExitCode.NotPossible, _runner.Run("control", $"{program.Pid}", "status"));
    }

    /// <summary>A recorded program can write anything there.</summary>
    [Fact]
    public unsafe void What_stands_in_shared_memory_is_not_believed()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        program.Do("m 10 20000");
        int drain = DrainOf(program.Recording);
        StopAndAwait(drain);
        using (SharedArena arena = SharedArena.Open(program.Recording)!)
        {
            // What is scribbled on is put back: the program is idle and its drain stopped, and both go on with it.
            ArenaHeader header = *arena.Header;
            uint live = Enumerable.Range(0, (int)arena.ImageCount).Select(i => (uint)i).First(i => arena.Image(i)->State == ArenaWire.ImageLive);
            ImageSlot slot = *arena.Image(live);
            ulong[][] owners = new ulong[ArenaWire.Classes][];
            new Span<byte>(&arena.Header->Rounds, sizeof(ArenaRounds)).Fill(0xff);
            (arena.Header->Drains, arena.Header->Quota) = (0, ulong.MaxValue);
            (arena.Image(live)->Held, arena.Image(live)->Waits, arena.Image(live)->Process.LostEvents) = (ulong.MaxValue, ulong.MaxValue, ulong.MaxValue);
            for (int c = 0; c < owners.Length; c++)
            {
                var words = new Span<ulong>(arena.Classes[c].Owners, (int)arena.Classes[c].Count);
                owners[c] = words.ToArray();
                for (int i = 0; i < words.Length; i++)
                    words[i] |= i % 3 == 0 ? 0xfffffffffffffffe : 2; // full, of an image that there is or is not
            }
            JsonElement status = Status(program.Recording);
            Assert.Equal(0, Number(status.GetProperty("drain"), "replaced"));
            Assert.InRange(Number(status, "backlog_bytes"), 0, 512 << 20);
            Assert.Equal(ulong.MaxValue, status.GetProperty("images")[0].GetProperty("waits").GetUInt64());
            Assert.Equal(ExitCode.Ok, _runner.Run("control", program.Recording, "status"));
            for (int c = 0; c < owners.Length; c++)
                owners[c].CopyTo(new Span<ulong>(arena.Classes[c].Owners, owners[c].Length));
            *arena.Image(live) = slot;
            *arena.Header = header;
        }
        Signals.Send(drain, Continue);
        program.Do("m 1 20000");
        Assert.Equal(0, program.Finish());
    }

    /// <summary>The kernel stops a process some time after it was told to: a thread of it may still run.</summary>
    private static void StopAndAwait(int pid)
    {
        Signals.Send(pid, Stop);
        Assert.True(SpinWait.SpinUntil(() => RunningThreads.IsStopped(pid), Long));
    }

    /// <summary>Process id of a recording's drain.</summary>
    internal static int DrainOf(string recording) => (int)DrainStatus.Of(recording).Pid;

    private static long EventBytes(string image) => new FileInfo(Path.Combine(image, "events")).Length;

    private static long Number(JsonElement json, string name) => json.GetProperty(name).GetInt64();

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private JsonElement Status(string target)
    {
        Assert.True(_runner.Run("control", target, "status", "--json") == ExitCode.Ok, _runner.Error);
        using JsonDocument json = JsonDocument.Parse(_runner.Output);
        return json.RootElement.Clone();
    }
}
