using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder;
using AllocReplay.Recorder.Arena;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>
/// <c>record --keep</c>: in bounded space, what a program has not given back is there with its true time, thread and size, however long ago it was
/// taken. The program says itself what that is.
/// </summary>
[StartsProcesses]
public sealed class KeepTests(ITestOutputHelper output) : IDisposable
{
    private const int Planted = 300; // of each of two threads
    private const int Stop = 19, Continue = 18; // signals

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    /// <summary>A block that the program kept, as it says.</summary>
    private sealed record Kept(ulong Address, ulong Size, ulong BeforeNs, ulong AfterNs);

    [Theory]
    [InlineData("2M", false)]
    [InlineData("1M", true)]
    public async Task What_was_not_given_back_is_there_and_the_directory_stays_small(string keep, bool forks)
    {
        string recording = _directory["r.allocrec"];
        using Process recorder = Start(recording, 300_000, ["--keep", keep], forks ? ["fork", "paced"] : ["paced"]);
        Task<string> told = recorder.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        long largest = 0;
        while (!recorder.WaitForExit(5))
            largest = Math.Max(largest, BytesOf(recording));
        Assert.Equal(0, recorder.ExitCode);

        long bound = long.Parse(keep[..^1], CultureInfo.InvariantCulture) << 20;
        output.WriteLine($"--keep {keep}: at most {largest} bytes, {largest / (double)bound:0.00} of it");
        Check(recording, Parse(await told));
        Assert.InRange(BytesOf(recording), 1, bound + bound / 2);
    }

    /// <summary>
    /// The process that writes is stopped while the program fills shared memory with several times of what is kept, and then has to bring in all of it: as
    /// the program has ended, or as a snapshot of it asks for that. The control: where only a time is kept, the directory has all at once.
    /// </summary>
    [Theory]
    [InlineData("2M", true)]
    [InlineData("2M", false)]
    [InlineData("1h", true)]
    public async Task What_waits_in_shared_memory_is_written_as_what_is_old_is_let_go_of(string keep, bool ends)
    {
        // A tenth, a chunk that is begun below that, copies of two chunks of two threads, and small files.
        const long bound = 2 << 20, chunk = 128 << 10, slack = bound / 10 + chunk + 4 * chunk + chunk / 2, planted = 3 * bound;
        using SteppedProgram program = SteppedProgram.Counted(_directory["r.allocrec"], "--keep", keep);
        int drain = (int)DrainStatus.Of(program.Recording).Pid;
        Signals.Send(drain, Stop);
        Assert.True(SpinWait.SpinUntil(() => RunningThreads.IsStopped(drain), TimeSpan.FromMinutes(1)));
        program.Do("350000");
        Assert.InRange(RecordingStatus.Of(program.Recording, []).BacklogBytes, planted, long.MaxValue);

        long largest = 0;
        void Watch() => largest = Math.Max(largest, BytesOf(program.Recording));
        if (!ends)
        {
            Signals.Send(drain, Continue);
            Task<PackResult> taken = Task.Run(() => RecordingSnapshot.Take([program.Image], _directory["s.alloctrace"]), TestContext.Current.CancellationToken);
            while (!taken.IsCompleted)
                Watch();
            Assert.Null((await taken).Damage);
        }
        Assert.Equal(0, program.Finish(() =>
        {
            Signals.Send(drain, Continue);
            Watch();
        }));

        output.WriteLine($"--keep {keep}: at most {largest} bytes, {largest / (double)bound:0.00} of {bound}");
        if (keep == "2M")
            Assert.InRange(largest, bound / 2, bound + slack);
        else
            Assert.InRange(largest, planted, long.MaxValue);
        using TraceReader reader = TraceReader.Open(program.Recording);
        reader.ForEach([]);
        Assert.Equal((null, 0ul, keep == "2M"), (reader.Damage, reader.Process.LostEvents, reader.Carried is not null));
    }

    [Fact]
    public async Task A_drain_that_is_killed_leaves_a_recording_with_which_another_goes_on()
    {
        string recording = _directory["r.allocrec"];
        using Process recorder = Start(recording, 400_000, ["--keep", "1M"], ["paced"]);
        Task<string> told = recorder.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        for (int kill = 0; kill < 3; kill++)
        {
            // Once more has been let go of than when the last one was killed.
            long gone = Gone(recording);
            Assert.True(SpinWait.SpinUntil(() => recorder.HasExited || Gone(recording) > gone, TimeSpan.FromMinutes(1)));
            if (!recorder.HasExited)
                KillDrain(recording);
        }
        recorder.WaitForExit();

        Check(recording, Parse(await told));
    }

    [Fact]
    public async Task What_cannot_be_read_is_said_once_and_the_rest_goes_on()
    {
        string recording = _directory["r.allocrec"];
        using Process recorder = Start(recording, 200_000, ["--keep", "1M"], ["paced"], isErrorRead: true);
        Task<string> error = recorder.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> told = recorder.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.True(SpinWait.SpinUntil(() => Gone(recording) > 0, TimeSpan.FromMinutes(1)));
        int drain = (int)DrainStatus.Of(recording).Pid;
        Signals.Send(drain, Stop);
        Assert.True(SpinWait.SpinUntil(() => RunningThreads.IsStopped(drain), TimeSpan.FromMinutes(1)));
        // The events of the last chunk but one of a segment that is closed: their headers were read, they were not.
        string[] segments = [.. Directory.GetFiles(Directory.GetDirectories(recording).Single(), "events*")
            .OrderBy(f => int.TryParse(Path.GetExtension(f).TrimStart('.'), CultureInfo.InvariantCulture, out int n) ? n : 0)];
        using (FileStream file = File.OpenWrite(segments[^2]))
        {
            file.Position = 64;
            file.Write(Enumerable.Repeat((byte)0xff, 100).ToArray());
        }
        Signals.Send(drain, Continue);
        await Task.Run(recorder.WaitForExit, TestContext.Current.CancellationToken);
        Assert.Equal(0, recorder.ExitCode);
        Assert.NotEmpty(await told);
        string said = await error;
        Assert.True(said.Split('\n').Count(l => l.Contains(" is damaged: what cannot be read is let go of", StringComparison.Ordinal)) == 1, said);
    }

    [Fact]
    public void Marks_and_intervals_that_are_older_than_the_window_stay()
    {
        string recording = _directory["r.allocrec"];
        using var program = new SteppedProgram(recording, "--keep", "1M");
        Assert.Equal(0, Programs.AllocReplay("control", program.Image, "mark", "early").ExitCode);
        program.Do("m 1 111");
        Assert.Equal(0, Programs.AllocReplay("control", program.Image, "stop").ExitCode);
        Assert.Equal(0, Programs.AllocReplay("control", program.Image, "start").ExitCode);
        for (int round = 0; round < 10; round++)
        {
            program.Do("m 90000 16");
            program.Do("f 90000");
        }
        Assert.Equal(0, program.Finish());

        using TraceReader reader = TraceReader.Open(recording);
        Assert.NotNull(reader.Carried);
        Assert.Equal("early", Assert.Single(reader.Markers).Name);
        Assert.Equal([1u, 2u], reader.Intervals.Select(i => i.Number));
        Assert.Contains(Live(reader), b => b.Size == 111);
    }

    private static Process Start(string recording, long calls, string[] options, string[] arguments, bool isErrorRead = false) =>
        Process.Start(new ProcessStartInfo(Programs.AllocReplayCommand,
            ["record", "-q", .. options, "-o", recording, "--", Targets.Build("keep_server.c"), $"{calls}", $"{Planted}", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = isErrorRead,
        })!;

    private static unsafe void KillDrain(string recording)
    {
        using SharedArena arena = SharedArena.Open(recording)!;
        using Process drain = Process.GetProcessById((int)arena.Header->DrainPid);
        drain.Kill();
        drain.WaitForExit();
    }

    private static void Check(string recording, List<Kept> kept)
    {
        Assert.Equal(2 * Planted, kept.Count);
        using AllocReplay.Formats.Trace trace = AllocReplay.Formats.Trace.Open(recording);
        using TraceReader reader = trace.OpenImage(trace.Images.Single(i => !IsFork(trace, i.Name)).Name);
        Assert.NotNull(reader.Carried);
        Assert.True(reader.Carried.EventsGone > 0);
        ulong start = StartMonoNs(reader);
        Dictionary<(ulong, ulong), Kept> expected = kept.ToDictionary(k => (k.Address, k.Size));
        int found = 0;
        foreach (TraceEvent block in Live(reader))
        {
            if (!expected.Remove((block.Address, block.BytesRequested), out Kept? own))
                continue;
            // The rate of the clock is known to some parts in a million.
            const ulong errorNs = 200_000;
            Assert.InRange(start + (ulong)block.TimeNs, own.BeforeNs - errorNs, own.AfterNs + errorNs);
            found++;
        }
        // Calls are lost, and counted, where the machine does not let it keep up.
        Assert.InRange((ulong)expected.Count, 0ul, reader.Process.LostEvents);
        Assert.Equal(2 * Planted, found + expected.Count);
        Assert.Null(reader.Damage);
    }

    private static bool IsFork(AllocReplay.Formats.Trace trace, string image)
    {
        using TraceReader reader = trace.OpenImage(image);
        return reader.Process.Forked;
    }

    private static List<TraceEvent> Live(TraceReader reader)
    {
        var live = new Dictionary<long, TraceEvent>();
        while (reader.Read(out TraceEvent e))
        {
            if (e.Acquires)
                live[e.Object] = e;
            live.Remove(e.ReleasedObject);
        }
        return [.. live.Values];
    }

    private static List<Kept> Parse(string text) =>
    [
        .. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' ')).Select(w => new Kept(
            ulong.Parse(w[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), ulong.Parse(w[1], CultureInfo.InvariantCulture),
            ulong.Parse(w[2], CultureInfo.InvariantCulture), ulong.Parse(w[3], CultureInfo.InvariantCulture))),
    ];

    private static ulong StartMonoNs(TraceReader reader) =>
        MemoryMarshal.Read<ProcessHeader>(File.ReadAllBytes(Path.Combine(reader.Path, reader.Image, "process"))).StartMonoNs;

    private static long Gone(string recording)
    {
        try
        {
            string image = Directory.GetDirectories(recording).Order().FirstOrDefault() ?? "";
            return File.Exists(Path.Combine(image, "carried")) ? BitConverter.ToInt64(File.ReadAllBytes(Path.Combine(image, "carried")), 32) : 0;
        }
        catch (IOException)
        {
            return 0; // it is just being replaced
        }
    }

    /// <summary>Bytes of its files; 0 where some came or went meanwhile, of which not all were there at once.</summary>
    private static long BytesOf(string recording)
    {
        try
        {
            Dictionary<string, long> first = Lengths(recording), second = Lengths(recording);
            return first.Keys.ToHashSet().SetEquals(second.Keys) ? Math.Min(first.Values.Sum(), second.Values.Sum()) : 0;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static Dictionary<string, long> Lengths(string recording) =>
        new DirectoryInfo(recording).EnumerateFiles("*", SearchOption.AllDirectories).ToDictionary(f => f.FullName, f => f.Length);
}
