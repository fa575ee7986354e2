using System.Diagnostics;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Snapshots of a program that goes on: each is a whole trace up to one cut, and the beginning of what the recording has in the end.</summary>
[StartsProcesses]
public sealed class SnapshotTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>Of each of how many programs; how many of those that are killed.</summary>
    private static readonly int ProgramsRun = Effort.OfLong(40, 1), Kills = Effort.OfLong(200, 10);

    private const int Snapshots = 25;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    /// <summary>One thread's events, as many as a snapshot has.</summary>
    private sealed record Beginning(string File, Dictionary<uint, List<(CallKind, long, ulong, ulong)>> Threads);

    [Fact]
    public async Task Each_is_the_beginning_of_the_whole_and_the_program_does_not_notice()
    {
        int snapshots = 0;
        for (int program = 0; program < ProgramsRun; program++)
            snapshots += await TakeOfOne(_directory[$"r{program}.allocrec"]);
        output.WriteLine($"{snapshots} snapshots of {ProgramsRun} programs");
    }

    private async Task<int> TakeOfOne(string recording)
    {
        using Process recorder = StartServer(recording);
        List<Beginning> taken = [];
        string image = await FirstImage(recording);
        while (!recorder.HasExited && taken.Count < Snapshots)
        {
            string file = _directory[$"s{taken.Count}.alloctrace"];
            RecordingSnapshot.Take([image], file);
            taken.Add(Read(file));
            File.Delete(file);
        }
        await Task.Run(recorder.WaitForExit, TestContext.Current.CancellationToken);
        Assert.Equal(0, recorder.ExitCode);

        using TraceReader whole = TraceReader.Open(recording);
        Assert.Equal(0ul, whole.Process.LostEvents);
        Dictionary<uint, List<(CallKind, long, ulong, ulong)>> all = EventsOf(whole);
        Assert.True(taken.Count > 1);
        foreach (Beginning snapshot in taken)
            foreach ((uint thread, var events) in snapshot.Threads)
                Assert.Equal(all[thread].Take(events.Count).Select(NoTime), events.Select(NoTime));
        // The control: a thread that is further than the cut.
        uint any = taken[^1].Threads.Keys.First();
        Assert.NotEqual(all[any].Skip(1).Take(taken[^1].Threads[any].Count).Select(NoTime), taken[^1].Threads[any].Select(NoTime));
        return taken.Count;
    }

    [Fact]
    public async Task One_that_is_killed_leaves_nothing_under_its_name_and_the_recording_as_it_was()
    {
        string recording = _directory["r.allocrec"];
        using Process recorder = StartServer(recording);
        string image = await FirstImage(recording);
        var random = new Random(7);
        int whole = 0;
        for (int i = 0; i < Kills && !recorder.HasExited; i++)
        {
            string file = _directory[$"s{i}.alloctrace"];
            using Process snapshot = Process.Start(new ProcessStartInfo(Programs.AllocReplayCommand, ["control", image, "snapshot", "-o", file])
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            })!;
            // From before its first step to after its last.
            if (!snapshot.WaitForExit(random.Next(900)))
                snapshot.Kill();
            snapshot.WaitForExit();
            if (!File.Exists(file))
                continue;
            whole++;
            Assert.NotEmpty(Read(file).Threads);
        }
        await Task.Run(recorder.WaitForExit, TestContext.Current.CancellationToken);
        Assert.Equal(0, recorder.ExitCode);
        using TraceReader reader = TraceReader.Open(recording);
        Assert.NotEmpty(EventsOf(reader));
        Assert.Equal((0L, 0L, 0ul), (reader.Merge.UnknownReleases, reader.Merge.ForcedSteps, reader.Process.LostEvents));
        output.WriteLine($"{Kills} snapshots, {whole} of them whole");
    }

    [Fact]
    public void A_recording_takes_them_by_itself_when_its_program_crashes_and_when_much_is_live()
    {
        string recording = _directory["r.allocrec"];
        using (var program = new SteppedProgram(recording, "--snapshot-on", "crash,live>1M"))
        {
            program.Do("m 100 1000");
            Assert.False(File.Exists(_directory["r.live.alloctrace"]));
            program.Do("m 2000 1000");
            Assert.True(SpinWait.SpinUntil(() => File.Exists(_directory["r.live.alloctrace"]), TimeSpan.FromMinutes(1)));
            program.Kill();
        }
        foreach (string name in new[] { "live", "crash" })
        {
            using TraceReader reader = TraceReader.Open(_directory[$"r.{name}.alloctrace"]);
            int blocks = 0;
            while (reader.Read(out TraceEvent e))
                blocks += e.Acquires && e.Size == 1000 ? 1 : 0;
            Assert.Equal(2100, blocks);
            Assert.Null(reader.Damage);
        }
    }

    /// <summary>Looks are behind by a second or two, and the program may be over before: there is one more at its end.</summary>
    [Fact]
    public void One_for_what_is_live_is_taken_of_a_program_that_is_soon_over_and_where_it_is_not_that_is_said()
    {
        string recording = _directory["r.allocrec"];
        using (var program = new SteppedProgram(recording, "--snapshot-on", "live>1M"))
        {
            program.Do("m 2000 1000");
            program.Do("f 2000");
            Assert.Equal(0, program.Finish());
        }
        using (TraceReader reader = TraceReader.Open(_directory["r.live.alloctrace"]))
            Assert.Null(reader.Damage);
        ProgramResult never = Programs.AllocReplay("record", "--snapshot-on", "live>1G", "-o", _directory["x.allocrec"], "--", "true");
        Assert.Equal(0, never.ExitCode);
        Assert.Contains("allocreplay: no snapshot was taken (live): no process had more than 1.0 GiB live\n", never.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_recording_whose_program_ends_in_order_is_no_crash_and_an_occasion_that_is_none_is_refused()
    {
        string recording = _directory["r.allocrec"];
        using (var program = new SteppedProgram(recording, "--snapshot-on", "crash", "--snapshot-on", "exit"))
        {
            program.Do("m 3 500");
            Assert.Equal(0, program.Finish());
        }
        Assert.False(File.Exists(_directory["r.crash.alloctrace"]));
        using (TraceReader reader = TraceReader.Open(_directory["r.exit.alloctrace"]))
            Assert.Null(reader.Damage);
        ProgramResult refused = Programs.AllocReplay("record", "--snapshot-on", "never", "-o", _directory["x.allocrec"], "--", "true");
        Assert.Equal((2, true), (refused.ExitCode, refused.Error.Contains("--snapshot-on never: expected exit, crash or live>", StringComparison.Ordinal)));
    }

    private static Process StartServer(string recording) => Process.Start(new ProcessStartInfo(Programs.AllocReplayCommand,
        ["record", "-q", "-o", recording, "--", Targets.Build("keep_server.c"), "300000", "50", "paced"])
    {
        RedirectStandardOutput = true,
    })!;

    private static async Task<string> FirstImage(string recording)
    {
        string[] images = [];
        bool isThere = await Task.Run(() => SpinWait.SpinUntil(() =>
        {
            images = Directory.Exists(recording) ? [.. Directory.GetDirectories(recording).Where(d => File.Exists(Path.Combine(d, "process")))] : [];
            return images.Length > 0;
        }, TimeSpan.FromMinutes(1)), TestContext.Current.CancellationToken);
        Assert.True(isThere);
        return images[0];
    }

    private static Beginning Read(string file)
    {
        using TraceReader reader = TraceReader.Open(file);
        var events = EventsOf(reader);
        Assert.Null(reader.Damage);
        // One cut: what a call gives back was acquired before it.
        Assert.Equal((0L, 0L), (reader.Merge.UnknownReleases, reader.Merge.ForcedSteps));
        return new Beginning(file, events);
    }

    private static Dictionary<uint, List<(CallKind, long, ulong, ulong)>> EventsOf(TraceReader reader)
    {
        var threads = new Dictionary<uint, List<(CallKind, long, ulong, ulong)>>();
        while (reader.Read(out TraceEvent e))
        {
            uint tid = reader.Threads[e.Thread].OsTid;
            if (!threads.TryGetValue(tid, out var events))
                threads.Add(tid, events = []);
            events.Add((e.Kind, e.TimeNs, e.Address, e.Size));
        }
        return threads;
    }

    /// <summary>Times are told by the rate that was known then.</summary>
    private static (CallKind, ulong, ulong) NoTime((CallKind Kind, long, ulong Address, ulong Size) e) => (e.Kind, e.Address, e.Size);
}
