using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>The hook behaves under the sanitizers, in the programs that other tests record; and each sanitizer would have said so.</summary>
[StartsProcesses]
public sealed class SanitizerTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string Session => _directory["r"];

    /// <remarks>Traps, so that no sanitizer runtime is needed.</remarks>
    [Theory]
    [InlineData("known_calls.c")]
    [InlineData("fork.c")]
    [InlineData("short_threads.c")]
    [InlineData("thread_exit.c")]
    [InlineData("witness.c")]
    public void Undefined_behaviour_would_trap_and_does_not(string target)
    {
        string hook = HookBuild.With(_directory["ubsan.so"], "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error");
        AssertCleanAndWhole(hook, target);
    }

    [Theory]
    [InlineData("known_calls.c")]
    [InlineData("fork.c")]
    [InlineData("short_threads.c")]
    [InlineData("thread_exit.c")]
    [InlineData("witness.c")]
    public void Every_access_of_the_hook_is_within_bounds(string target) =>
        AssertCleanAndWhole(Sanitizer.AddressAndUndefined.Build(), target);

    /// <remarks>Not thread_exit.c, which allocates in the last round of destructors: built with -fsanitize=thread and without any hook, it
    /// crashes there.</remarks>
    [Theory]
    [InlineData("known_calls.c")]
    [InlineData("fork.c")]
    [InlineData("short_threads.c")]
    [InlineData("witness.c")]
    public void No_two_threads_race_in_the_hook(string target) =>
        AssertCleanAndWhole(Sanitizer.Thread.Build(), target);

    /// <remarks>One thread fails the recording while the other records: the state of a recording is read by all.</remarks>
    [Fact]
    public void No_two_threads_race_when_recording_fails()
    {
        ProgramResult result = Run(Sanitizer.Thread.Build(), Targets.Build("fault.c"), ["none"], maxSize: 100_000);
        AssertClean(result);
        Assert.Contains("the size limit is reached", result.Error, StringComparison.Ordinal);
        Assert.Equal(RecordingState.Failed, StateOfRecording());
    }

    [Fact]
    public void No_two_threads_race_when_the_program_ends_while_they_record()
    {
        ProgramResult result = Run(Sanitizer.Thread.Build(), Targets.Build("sudden_end.c"), ["exit"]);
        AssertClean(result, exitCode: 8);
        Assert.Equal(RecordingState.Exited, StateOfRecording());
    }

    [Theory] // the controls
    [InlineData("PLANTED_GLOBAL", "global-buffer-overflow")]
    [InlineData("PLANTED_STACK", "stack-buffer-overflow")]
    public void A_write_out_of_bounds_in_the_hook_is_reported(string fault, string report) =>
        AssertReported(Sanitizer.AddressAndUndefined, fault, "ERROR: AddressSanitizer: " + report);

    [Fact] // the control
    public void A_race_in_the_hook_is_reported() =>
        AssertReported(Sanitizer.Thread, "PLANTED_RACE", "WARNING: ThreadSanitizer: data race");

    /// <summary>The hook's calls go on to the runtime's allocator, which knows what is a block: it is the program's own error that is reported here.</summary>
    [Fact] // the control
    public void A_block_of_the_program_is_the_sanitizers_own()
    {
        ProgramResult result = Run(Sanitizer.AddressAndUndefined.Build(), Targets.Build("double_free.c"), []);
        Assert.Contains("ERROR: AddressSanitizer: attempting double-free", result.Error, StringComparison.Ordinal);
        Assert.Contains("interpose.c", result.Error, StringComparison.Ordinal);
    }

    private void AssertReported(Sanitizer sanitizer, string fault, string report)
    {
        string preload = sanitizer.Build("-include", Path.Combine(Targets.SourceDirectory, "planted_fault.h"), $"-DPLANTED_FAULT={fault}");
        ProgramResult result = Run(preload, Targets.Build("known_calls.c"), []);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(report, result.Error, StringComparison.Ordinal);
        Assert.Contains("planted_fault", result.Error, StringComparison.Ordinal);
    }

    /// <summary>Nothing is reported, and the recording has what the target does: the hook did run.</summary>
    private void AssertCleanAndWhole(string preload, string target)
    {
        if (target == "witness.c")
        {
            AssertWitnessIsWhole(preload);
            return;
        }
        AssertClean(Run(preload, Targets.Build(target), []));
        using TraceReader reader = TraceReader.Open(Session);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Null(reader.Damage);
        Assert.Equal(0UL, reader.Process.LostEvents);
        switch (target)
        {
            case "known_calls.c":
                Assert.Equal(KnownCalls.Counts, KnownCalls.CountsOf(statistics));
                break;
            case "fork.c":
                Assert.Equal((2, 2001L), (reader.Images.Count, statistics.CountOf(CallKind.Malloc)));
                break;
            case "short_threads.c":
                Assert.Equal((2001, 2000L), (reader.Threads.Count, statistics.CountOf(CallKind.Malloc)));
                break;
            case "thread_exit.c":
                Assert.Equal((2, 4L), (reader.Threads.Count, statistics.CountOf(CallKind.Malloc)));
                break;
            default:
                Assert.Fail($"what {target} does is not known");
                break;
        }
    }

    private void AssertWitnessIsWhole(string preload)
    {
        using var witness = new Witness(Session, preload);
        using (ControlledProcess control = witness.Open())
        {
            Assert.Equal(0, ControlTests.CountLateWrites(control, witness.Image, 200, TimeSpan.FromMilliseconds(1)));
            control.Start();
            // So that every thread has made many calls, and earned its large tail.
            string events = Path.Combine(witness.Image, "events");
            Assert.True(SpinWait.SpinUntil(() => new FileInfo(events).Length > 2_000_000, TimeSpan.FromSeconds(60)));
        }
        Assert.Equal(0, witness.Finish());
        using TraceReader reader = TraceReader.Open(witness.Image);
        ControlTests.AssertIntervalsAreWhole(reader);
    }

    private static void AssertClean(ProgramResult result, int exitCode = 0)
    {
        Assert.True(result.ExitCode == exitCode, $"exit code {result.ExitCode}: {result.Error}");
        Assert.DoesNotContain("ERROR: ", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("WARNING: ThreadSanitizer", result.Error, StringComparison.Ordinal);
    }

    private ProgramResult Run(string preload, string program, string[] arguments, long maxSize = 0)
    {
        Directory.CreateDirectory(Session);
        return Programs.Run(program, arguments, start =>
        {
            start.Environment["LD_PRELOAD"] = preload;
            start.Environment["ALLOCREPLAY_DIR"] = Session;
            start.Environment["ALLOCREPLAY_MAX_SIZE"] = $"{maxSize}";
        });
    }

    private RecordingState StateOfRecording()
    {
        using TraceReader reader = TraceReader.Open(Session);
        return reader.Process.State;
    }
}
