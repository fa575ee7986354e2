using System.Diagnostics;
using System.Text.RegularExpressions;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Recorder;
using AllocReplay.Recorder.Arena;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Start, stop and mark, and the guarantee of stop.</summary>
[StartsProcesses]
public sealed class ControlTests : IDisposable
{
    private const int Cycles = 10_000;

    /// <summary>Each cycle leaves half as many images again as it has forks, and all that is recorded is read: ten thousand are less each.</summary>
    private static readonly int StormCycles = Effort.OfLong(10_000, usual: 12);
    private static readonly int StormForks = Effort.OfLong(6, usual: 10);

    /// <summary>Steps between two calls: without, gigabytes are recorded between a start and a stop, the more the slower the machine.</summary>
    private const int StormWork = 5000;

    /// <summary>Between the clock that the test reads and the one that events are stamped by.</summary>
    private static readonly TimeSpan ClockError = TimeSpan.FromMilliseconds(0.2);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void When_stop_returns_no_thread_writes_and_every_call_of_the_interval_is_there()
    {
        using var witness = new Witness(_directory["r"], HookBuild.Default);
        using ControlledProcess control = witness.Open();

        int late = CountLateWrites(control, witness.Image, Cycles, TimeSpan.FromMicroseconds(20));
        control.Start();
        Assert.Equal(0, witness.Finish());

        Assert.Equal(0, late);
        using TraceReader reader = TraceReader.Open(witness.Image);
        Assert.Equal(Cycles + 1, reader.Intervals.Count);
        AssertIntervalsAreWhole(reader);
    }

    /// <summary>While four threads fork and exec without pause: no image of the session has an event between a stop and the next start.</summary>
    [Fact]
    public void After_a_stop_no_image_records_whatever_forks_and_execs_meanwhile()
    {
        string session = _directory["r"];
        RecordSession recording = RecordSession.Begin(new RecordOptions { Command = ["storm"], Output = session, StartPaused = true });
        var start = new ProcessStartInfo(Targets.Build("exec_storm.c"), [$"{StormWork}", $"{StormForks}"]) { RedirectStandardInput = true };
        start.Environment["LD_PRELOAD"] = recording.HookPath;
        foreach (string variable in recording.Environment)
            start.Environment[variable[..variable.IndexOf('=', StringComparison.Ordinal)]] = variable[(variable.IndexOf('=', StringComparison.Ordinal) + 1)..];
        var quiet = new List<(DateTime Stopped, DateTime Started)>();
        using (Process storm = Process.Start(start)!)
        {
            recording.Started(storm.Id);
            AwaitImages(session, 1, () => { });
            for (int i = 0; i < StormCycles; i++)
            {
                Control(session, "start");
                Control(session, "stop");
                DateTime stopped = DateTime.UtcNow;
                AwaitImages(session, 2, () =>
                {
                    storm.StandardInput.Write('.');
                    storm.StandardInput.Flush();
                });
                quiet.Add((stopped, DateTime.UtcNow));
            }
            storm.StandardInput.Close();
            storm.WaitForExit();
            Assert.Equal(0, storm.ExitCode);
            recording.Close(storm.Id, storm.ExitCode);
        }

        long events = 0;
        DateTime[] starts = [.. quiet.Select(q => q.Started)];
        foreach (string image in SessionSwitch.Images(session))
        {
            using TraceReader reader = TraceReader.Open(image);
            Assert.Null(reader.Damage);
            while (reader.Read(out TraceEvent e))
            {
                events++;
                DateTime at = reader.Process.Started.UtcDateTime.AddTicks(e.TimeNs / TimeSpan.NanosecondsPerTick);
                int next = Array.BinarySearch(starts, at);
                next = next < 0 ? ~next : next;
                Assert.True(next == starts.Length || at - quiet[next].Stopped < ClockError, $"{image}: an event {at - quiet[next].Stopped} after stop {next}");
            }
        }
        Assert.True(events > StormCycles, $"{events} events in {StormCycles} intervals");
    }

    private static void Control(string session, string request)
    {
        using var runner = new CommandRunner();
        Assert.True(runner.Run("control", session, request) == 0, runner.Error);
    }

    /// <summary>Waits until so many more images have begun than before something was done; the first of all counts too.</summary>
    private static unsafe void AwaitImages(string session, uint more, Action begin)
    {
        using SharedArena arena = SharedArena.Open(session)!;
        uint before = more == 1 ? 0 : Volatile.Read(ref arena.Header->ImageNumbers);
        begin();
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref arena.Header->ImageNumbers) - before >= more, TimeSpan.FromMinutes(1)));
    }

    /// <summary>The litmus build widens both windows; with every step in place there is still no late write.</summary>
    [Fact]
    public void The_litmus_build_shows_no_late_write_when_no_step_is_left_out() =>
        Assert.Equal(0, LateWritesOfLitmusBuild(ControlledProcess.Omission.Nothing, Cycles));

    [Fact]
    public void A_stop_without_the_wait_is_caught() => // the control
        Assert.NotEqual(0, LateWritesOfLitmusBuild(ControlledProcess.Omission.Wait, Cycles));

    /// <summary>Caught within some hundred cycles: docs/decisions/0002-control-without-fences.md.</summary>
    [Fact]
    public void A_stop_without_the_membarrier_is_caught() => // the control
        Assert.NotEqual(0, LateWritesOfLitmusBuild(ControlledProcess.Omission.Membarrier, Cycles));

    /// <summary>Who starts a recorder in the background knows no other process id.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)] // as redis and postgres do
    public void The_recorder_s_process_id_leads_to_the_command_that_it_records(bool overwritesItsEnvironment)
    {
        string session = _directory["r.allocrec"];
        using Process recorder = StartPaused(session, overwritesItsEnvironment ? Targets.Build("no_environment.c") : "cat");
        try
        {
            string note = recorder.StandardError.ReadLine() ?? "";
            Assert.Matches($"^allocreplay: paused; 'allocreplay control [0-9]+ start' begins to record, into {Regex.Escape(session)}$", note);
            string image = WaitForImage(session), pid = note.Split(' ')[4];
            Assert.Equal(pid, Path.GetFileName(image)[1..^2]);

            AssertControl($"p{pid}.0: recording, interval 1\n", recorder.Id, "start");
            AssertControl($"p{pid}.0: stopped, interval 1 is complete\n", recorder.Id, "stop");
            Assert.Equal([image], ControlTarget.Find(pid));
        }
        finally
        {
            recorder.StandardInput.Close(); // cat ends, and the recorder with it
            recorder.StandardError.ReadToEnd();
            recorder.WaitForExit();
        }
        Assert.Equal(0, recorder.ExitCode);
    }

    [Fact]
    public void A_mark_without_a_name_points_to_help_that_exists()
    {
        ProgramResult mark = Programs.AllocReplay("control", "1", "mark");
        Assert.Equal(2, mark.ExitCode);
        string[] help = mark.Error.TrimEnd().Split('\n')[^1].Split('\'')[1].Split(' ');
        Assert.Equal("allocreplay", help[0]);
        Assert.Contains("Leave a named mark", Programs.AllocReplay(help[1..]).Output, StringComparison.Ordinal);
    }

    private static Process StartPaused(string session, string program) =>
        Process.Start(new ProcessStartInfo(Programs.AllocReplayCommand, ["record", "--start-paused", "-o", session, "--", program])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        })!;

    /// <summary>The image of a session that has one, once it can be controlled.</summary>
    private static string WaitForImage(string session)
    {
        string? image = null;
        bool Begun() => (image = Directory.GetDirectories(session).SingleOrDefault()) is not null && IsReady(image);
        Assert.True(SpinWait.SpinUntil(Begun, TimeSpan.FromSeconds(20)));
        return image!;

        static bool IsReady(string image)
        {
            try
            {
                using ControlledProcess _ = ControlledProcess.Open(image);
                return true;
            }
            catch (ControlException)
            {
                return false;
            }
        }
    }

    private static void AssertControl(string expected, int pid, string request)
    {
        ProgramResult control = Programs.AllocReplay("control", $"{pid}", request);
        Assert.Equal((0, expected), (control.ExitCode, control.Error));
    }

    private int LateWritesOfLitmusBuild(ControlledProcess.Omission omission, int cycles)
    {
        string litmus = HookBuild.With(_directory["litmus.so"], "-include", Path.Combine(Targets.SourceDirectory, "litmus.h"));
        // One thread: on two cores, others would be caught with their flags up while they wait for a processor.
        using var witness = new Witness(_directory["r"], litmus, threads: 1);
        using ControlledProcess control = witness.Open(omission);
        int enough = omission == ControlledProcess.Omission.Nothing ? int.MaxValue : 1;
        return CountLateWrites(control, witness.Image, cycles, TimeSpan.FromMicroseconds(400), enough);
    }

    /// <summary>Stops after which a thread still wrote.</summary>
    internal static int CountLateWrites(ControlledProcess control, string image, int cycles, TimeSpan look, int enough = int.MaxValue)
    {
        var longest = TimeSpan.FromMicroseconds(Math.Min(50, look.TotalMicroseconds)); // several events, also of the litmus build
        using var tails = TailFlags.Of(image);
        int late = 0;
        for (int i = 0; i < cycles && late < enough; i++)
        {
            control.Start();
            SpinFor(longest * (i % 101 / 100.0)); // so that stops fall on every moment of an event
            control.Stop();
            // A late writer publishes bytes in a tail that stop has emptied. Look for as long as a dawdling one may take.
            bool seen = false;
            SpinFor(look, () => seen = tails.Holds());
            late += seen ? 1 : 0;
        }
        return late;
    }

    private static void SpinFor(TimeSpan time, Func<bool>? until = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time && until?.Invoke() != true)
        {
        }
    }

    /// <summary>Per thread and interval, the sizes count up without a gap, and every block but the last is freed at once.</summary>
    internal static void AssertIntervalsAreWhole(TraceReader reader)
    {
        var last = new Dictionary<int, (uint Interval, ulong Size)>();
        long checkedPairs = 0;
        while (reader.Read(out TraceEvent e))
        {
            if (e.Kind != CallKind.Malloc || e.Thread == 0)
                continue;
            if (last.TryGetValue(e.Thread, out var before) && before.Interval == e.Interval)
            {
                Assert.Equal(before.Size % 60000 + 1, e.Size);
                checkedPairs++;
            }
            last[e.Thread] = (e.Interval, e.Size);
        }
        Assert.Null(reader.Damage);
        Assert.Equal(0UL, reader.Process.LostEvents);
        Assert.True(checkedPairs > Cycles);
    }
}
