using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>What <c>record</c> can be asked for beyond recording everything.</summary>
[StartsProcesses]
public sealed class RecordOptionsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Recording => _directory["test.allocrec"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_sample_keeps_whole_lives_of_some_blocks()
    {
        RecordOptions options = Options(Targets.Build("many_blocks.c")) with { Sample = new Sampling(SampleScheme.Blocks, 4) };
        Assert.Equal(0, RecordedCommand.Run(options).ExitCode);

        using TraceReader reader = TraceReader.Open(Recording);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Equal(new Sampling(SampleScheme.Blocks, 4), reader.Process.Sampling);
        // 5000 of 20000, with a standard deviation of 61.
        Assert.InRange(statistics.Acquisitions, 4600, 5400);
        Assert.Equal(statistics.Acquisitions, statistics.CountOf(CallKind.Free) + statistics.LiveBlocks);
        Assert.Equal(0, reader.Merge.UnknownReleases + reader.Merge.ImplicitReleases);
    }

    [Fact]
    public void A_reallocation_across_the_sample_is_a_release_or_an_acquisition()
    {
        RecordOptions options = Options(Targets.Build("known_calls.c")) with { Sample = new Sampling(SampleScheme.Blocks, 2) };
        Assert.Equal(0, RecordedCommand.Run(options).ExitCode);

        using TraceReader reader = TraceReader.Open(Recording);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.True(statistics.Acquisitions > 0);
        Assert.Equal(0, statistics.LiveBlocks);
        Assert.Equal(0, reader.Merge.UnknownReleases + reader.Merge.ImplicitReleases);
    }

    [Fact]
    public void Latency_is_how_long_each_call_took()
    {
        Assert.Equal(0, RecordedCommand.Run(Options(Targets.Build("known_calls.c")) with { Latency = true }).ExitCode);

        using TraceReader reader = TraceReader.Open(Recording);
        long timed = 0, calls = 0;
        while (reader.Read(out TraceEvent e))
        {
            Assert.InRange(e.DurationNs, 0, 10_000_000_000);
            calls += CallKinds.IsThreadEvent(e.Kind) || CallKinds.IsReallocBegin(e.Kind) ? 0 : 1;
            timed += e.DurationNs > 0 ? 1 : 0;
        }
        Assert.Null(reader.Damage);
        reader.Seek(0);
        Assert.Equal(KnownCalls.Counts, KnownCalls.CountsOf(TraceStatistics.Of(reader)));
        Assert.True(timed > calls / 2, $"{timed} of {calls} calls took time");
    }

    [Fact]
    public void A_call_from_before_the_recording_has_no_latency()
    {
        string library = Targets.Build("early.c", "-DLIBRARY", "-shared", "-fPIC");
        Assert.Equal(0, RecordedCommand.Run(Options(Targets.Build("early.c", "-Wl,--no-as-needed", library)) with { Latency = true }).ExitCode);

        using TraceReader reader = TraceReader.Open(Recording);
        var durations = new List<long>();
        while (reader.Read(out TraceEvent e))
            if (e.Size == 123456)
                durations.Add(e.DurationNs);
        Assert.Equal([0], durations);
    }

    [Fact]
    public void A_size_limit_ends_the_recording_and_not_the_program()
    {
        Assert.Equal(128 + 9, RecordedCommand.Run(Options(Targets.Build("kill.c")) with { MaxSize = 100_000 }).ExitCode);

        using TraceReader reader = TraceReader.Open(Recording);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Null(reader.Damage);
        Assert.Equal(RecordingState.Failed, reader.Process.State);
        Assert.Equal("the size limit was reached", reader.Process.Failure);
        Assert.InRange(reader.EventBytes, 1, 200_000);
        Assert.InRange(statistics.Calls + (long)reader.Process.LostEvents, 100_000 - 1024, 100_000 + 1);
    }

    /// <summary>The command kills the process that writes the recording, and allocates on.</summary>
    [Fact]
    public void When_what_writes_the_recording_is_killed_another_goes_on()
    {
        string program = Targets.Build("fault.c") + " none";
        string kill = EachDrain("kill -9 $p");
        RecordResult result = RecordedCommand.Run(Options("sh", "-c", $"{program}; {kill}; {program}"));

        Assert.Equal((0, "the process that writes the recording was killed, and another took over"), (result.ExitCode, string.Join('\n', result.Failures)));
        using TraceReader reader = TraceReader.Open(Recording);
        int whole = 0;
        foreach (ProcessImage image in reader.Images)
        {
            using TraceReader run = reader.Trace.OpenImage(image.Name);
            Assert.Equal((0ul, null), (run.Process.LostEvents, run.Damage));
            whole += run.Process.Arguments is [_, "none"] && TraceStatistics.Of(run).Acquisitions >= 200_000 ? 1 : 0;
        }
        Assert.Equal(2, whole);
    }

    /// <summary>
    /// The drain is held while a process becomes three images, is made to look as if it had been killed between a directory and its page,
    /// and is killed: the next one must not give that directory to two of them.
    /// </summary>
    [Fact]
    public void Images_of_one_process_are_kept_apart_by_the_next_drain()
    {
        string script = $"{EachDrain("d=$p")}; kill -STOP $d; sh -c 'exec sh -c \"exec cat /dev/null\"' & wait $!; "
            + $"mkdir {Recording}/p$!.0; touch {Recording}/p$!.0/process.new {Recording}/p$!.0/events {Recording}/p$!.0/tails; "
            + $"kill -KILL $d; echo $! > {Recording}.pid";
        RecordResult result = RecordedCommand.Run(Options("sh", "-c", script));

        Assert.Equal((0, "the process that writes the recording was killed, and another took over"), (result.ExitCode, string.Join('\n', result.Failures)));
        using TraceReader reader = TraceReader.Open(Recording);
        string pid = File.ReadAllText(Recording + ".pid").Trim();
        string[] images = [.. reader.Images.Select(i => i.Name).Where(n => n.StartsWith($"p{pid}.", StringComparison.Ordinal))];
        Assert.InRange(images.Length, 3, 4); // with the shell's fork, where that allocates
        foreach (string name in images)
        {
            using TraceReader run = reader.Trace.OpenImage(name);
            Assert.Equal((name, 0ul, null), (name, run.Process.LostEvents, run.Damage));
            Assert.True(TraceStatistics.Of(run).Acquisitions > 0 && run.Process.Arguments.Count > 0, name);
        }
    }

    [Fact]
    public void Children_are_left_alone_when_so_asked()
    {
        string script = $"{Targets.Build("fork.c")}; ls / > /dev/null; exec {Targets.Build("fork.c")}";
        Assert.Equal(0, RecordedCommand.Run(Options("sh", "-c", script) with { FollowChildren = false }).ExitCode);

        using TraceReader reader = TraceReader.Open(Recording);
        Assert.Equal([$"p{reader.Session!.Pid}.0", $"p{reader.Session.Pid}.1"], reader.Images.Select(i => i.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Redaction_leaves_arguments_out()
    {
        Assert.Equal(0, RecordedCommand.Run(Options("sh", "-c", "true # secret") with { Redact = true }).ExitCode);

        using TraceReader reader = TraceReader.Open(Recording);
        Assert.Equal(["sh"], reader.Session!.Command);
        Assert.Empty(reader.Process.Arguments);
        foreach (string file in Directory.GetFiles(Recording, "*", SearchOption.AllDirectories))
            Assert.False(File.ReadAllBytes(file).AsSpan().IndexOf("secret"u8) >= 0, file);
    }

    [Fact]
    public void Recordings_are_the_owner_s_alone()
    {
        Assert.Equal(0, RecordedCommand.Run(Options("true")).ExitCode);

        const UnixFileMode others = (UnixFileMode)0b000_111_111;
        foreach (string path in Directory.GetFileSystemEntries(Recording, "*", SearchOption.AllDirectories).Append(Recording))
            Assert.Equal((UnixFileMode)0, File.GetUnixFileMode(path) & others);
    }

    [Fact]
    public void A_session_that_starts_paused_records_nothing_until_it_is_started()
    {
        Assert.Equal(0, RecordedCommand.Run(Options(Targets.Build("known_calls.c")) with { StartPaused = true }).ExitCode);

        using TraceReader reader = TraceReader.Open(Recording);
        Assert.Equal(0, TraceStatistics.Of(reader).Events);
        Assert.Empty(reader.Intervals);
        Assert.Equal(0UL, reader.Process.LostEvents);
    }

    [Fact]
    public void Intervals_and_marks_are_read_alone_and_together()
    {
        using var witness = new Witness(_directory["w"], HookBuild.Default);
        using (ControlledProcess control = witness.Open())
        {
            for (uint interval = 1; interval <= 3; interval++)
            {
                Assert.Equal(interval, control.Start());
                // On a busy machine the program's threads may not run for a while. Stop empties the tails: what they hold is of this interval.
                using (var tails = TailFlags.Of(witness.Image))
                    Assert.True(SpinWait.SpinUntil(tails.Holds, TimeSpan.FromSeconds(20)));
                control.Mark($"mark {interval}");
                Assert.Equal(interval, control.Stop());
                Assert.Equal("stopped", control.Status().State);
                // Closed and readable while the program runs on.
                using TraceReader running = TraceReader.Open(witness.Image, range: TraceRange.OfInterval(interval));
                Assert.Null(running.Damage);
            }
        }
        Assert.Equal(0, witness.Finish());

        string pack = _directory["w.alloctrace"];
        TracePacker.Pack(witness.Image, pack, cancellation: TestContext.Current.CancellationToken);
        AssertIntervalsAddUp(pack);
        AssertIntervalsAddUp(witness.Image);
        using TraceReader all = TraceReader.Open(witness.Image);
        TraceStatistics.Of(all);
        Assert.Equal([1U, 2U, 3U], all.Intervals.Select(i => i.Number));
        Assert.Equal(["mark 1", "mark 2", "mark 3"], all.Markers.Select(m => m.Name));
        // A block acquired while stopped may be released in an interval: at most one a thread and interval.
        Assert.InRange(all.Merge.UnknownReleases, 0, 3 * 4);
        Assert.Throws<TracePartException>(() => TraceReader.Open(witness.Image, range: TraceRange.OfInterval(4)));
    }

    [Theory]
    [InlineData("--max-size", "ten")]
    [InlineData("--duration", "-3s")]
    [InlineData("--sample", "x")]
    [InlineData("--sample", "0")]
    [InlineData("--sample", "1B")]
    [InlineData("--sample", "4GiB")]
    [InlineData("--sample", "512KB")]
    [InlineData("--follow-children", "maybe")]
    public void Options_that_make_no_sense_are_usage_errors(string option, string value)
    {
        ProgramResult result = Programs.AllocReplay("record", option, value, "-o", Recording, "--", "true");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(value, result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Z.txt")]
    [InlineData("redis-7.2")]
    [InlineData("Z.alloctrace.gz")]
    public void An_extension_that_promises_another_format_is_refused(string name)
    {
        string output = _directory[name];
        ProgramResult result = Programs.AllocReplay("record", "-o", output, "--", "touch", _directory["ran"]);
        Assert.Equal(125, result.ExitCode);
        string advice = "end it in .alloctrace for one file, or in .allocrec or no extension for a directory";
        Assert.Equal($"allocreplay: {output}: nothing is recorded under this name; {advice}\n", result.Error);
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
    }

    [Theory]
    [InlineData("Z")]
    [InlineData("Z.allocrec/")]
    public void No_extension_is_a_directory_and_a_slash_at_the_end_says_nothing_new(string name)
    {
        Assert.Equal(0, Programs.AllocReplay("record", "-q", "-o", _directory[name], "--", "true").ExitCode);
        Assert.NotNull(SessionInfo.Load(_directory[name]));
    }

    private static void AssertIntervalsAddUp(string trace)
    {
        long events = 0, bytes = 0;
        MergeStatistics merge = default;
        for (uint interval = 1; interval <= 3; interval++)
        {
            using TraceReader one = TraceReader.Open(trace, range: TraceRange.OfInterval(interval));
            events += TraceStatistics.Of(one).Events;
            bytes += one.EventBytes;
            merge += one.Merge;
            Assert.InRange(one.EventBytes, 1, long.MaxValue);
        }
        using TraceReader all = TraceReader.Open(trace);
        Assert.Equal((TraceStatistics.Of(all).Events, all.EventBytes, all.Merge), (events, bytes, merge));
    }

    /// <summary>A shell's loop over the processes that write this recording, as $p: other tests have theirs beside it.</summary>
    private string EachDrain(string what) =>
        $"for p in $(cat /proc/$PPID/task/*/children); do case $(cat /proc/$p/comm) in allocreplay-dra*) "
        + $"if grep -q {Recording} /proc/$p/cmdline; then {what}; fi;; esac; done";

    private RecordOptions Options(params string[] command) => new() { Command = command, Output = Recording };
}
