using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>info</c> of a program that is being recorded: all that it has done by then, nothing of what came after.</summary>
[StartsProcesses]
public sealed class LiveInfoTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void A_call_is_there_as_soon_as_it_was_made()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        for (int blocks = 1; blocks < 5; blocks++)
        {
            program.Do("m 1 20000");
            foreach (string target in new[] { $"{program.Pid}", $"{program.RecorderPid}", program.Recording, program.Image })
            {
                long before = Stopwatch.GetTimestamp();
                JsonElement info = Info(target);
                Assert.Equal((blocks, blocks * 20000, "recording", "still running"), (info.GetProperty("live_blocks").GetInt32(),
                    info.GetProperty("live_bytes").GetInt32(), info.GetProperty("live_state").GetString(), info.GetProperty("end").GetString()));
                Assert.InRange(DateTimeOffset.UtcNow - info.GetProperty("until").GetDateTimeOffset(), TimeSpan.Zero,
                    Stopwatch.GetElapsedTime(before) + TimeSpan.FromSeconds(1)); // of the clocks, one of which is reckoned
                Assert.True(info.GetProperty("until_ns").GetInt64() >= info.GetProperty("duration_ns").GetInt64());
                Assert.Equal(JsonValueKind.Null, info.GetProperty("to_ns").ValueKind);
            }
        }
        using (ControlledProcess control = ControlledProcess.Open(program.Image))
            control.Stop();
        program.Do("m 1 20000"); // nobody sees it
        Assert.Equal(("stopped", 4), (Info(program.Image).GetProperty("live_state").GetString(), Info(program.Image).GetProperty("live_blocks").GetInt32()));
        Assert.Equal(0, program.Finish());
        Assert.Equal(JsonValueKind.Null, Info(program.Recording).GetProperty("live_state").ValueKind);
    }

    [Fact]
    public void The_page_says_that_it_goes_on_and_until_when_the_figures_are()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        Assert.Equal(ExitCode.Ok, _runner.Run("info", $"{program.Pid}"));
        Assert.EndsWith("No calls were recorded so far\n", _runner.Error, StringComparison.Ordinal);
        program.Do("m 3 20000");
        Assert.Equal(ExitCode.Ok, _runner.Run("info", $"{program.Pid}"));
        Assert.Matches(@"\nstate +recording; figures up to [\d.]+ (ms|s), \d\d:\d\d:\d\d\.\d\d\d UTC\n", _runner.Output);
        Assert.Matches(@"\nlive now +58\.6 KiB +in 3 blocks\n", _runner.Output);
        Assert.Contains("still running\n", _runner.Output, StringComparison.Ordinal);
        Assert.Contains($"analyze {program.Recording} --process p{program.Pid}.0", _runner.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("what is shown", _runner.Output, StringComparison.Ordinal);
        Assert.Equal(0, program.Finish());
        Assert.Equal(ExitCode.Ok, _runner.Run("info", program.Recording));
        Assert.DoesNotContain("\nstate ", _runner.Output, StringComparison.Ordinal);
    }

    /// <summary>
    /// Two threads free each other's blocks. Of what came to disk after the moment, there is the free of one and not yet the malloc of the other.
    /// </summary>
    [Fact]
    public async Task Of_a_busy_program_the_figures_are_of_one_moment()
    {
        using SteppedProgram program = SteppedProgram.Counted(_directory["r.allocrec"]);
        long calls = 0;
        for (int i = 0; i < 5; i++)
        {
            Task<string> working = Task.Run(() => program.Do("300000"), TestContext.Current.CancellationToken);
            JsonElement during = Info(program.Recording);
            Assert.InRange(OwnCallsOf(during), calls, long.MaxValue);
            Assert.Equal((0, 0, 0, JsonValueKind.Null), (during.GetProperty("forced_steps").GetInt64(), during.GetProperty("unknown_releases").GetInt64(),
                during.GetProperty("implicit_releases").GetInt64(), during.GetProperty("damage").ValueKind));
            calls = long.Parse(await working, CultureInfo.InvariantCulture);
            Assert.Equal(calls, OwnCallsOf(Info(program.Recording)));
        }
        Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void A_part_that_was_asked_for_is_told_as_ever()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        program.Do("m 3 20000");
        using (ControlledProcess control = ControlledProcess.Open(program.Image))
            control.Mark("here");
        program.Do("m 4 20000");
        Assert.Equal(3, Info(program.Recording, "--to-mark", "here").GetProperty("live_blocks").GetInt32());
        JsonElement info = Info(program.Recording, "--to", "1h");
        Assert.Equal(7, info.GetProperty("live_blocks").GetInt32());
        Assert.Equal(4, Info(program.Recording, "--from-mark", "here").GetProperty("live_blocks").GetInt32());
        Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void A_process_that_is_not_recorded_is_told_in_one_line()
    {
        Assert.Equal(ExitCode.NotPossible, _runner.Run("info", "4194305")); // more than the kernel gives
        Assert.Equal("allocreplay: pid 4194305: no such process\n", _runner.Error);
    }

    /// <summary>Calls of the threads that count theirs: not of the first, which starts them.</summary>
    private static long OwnCallsOf(JsonElement info) =>
        info.GetProperty("threads").EnumerateArray().Where(t => t.GetProperty("index").GetInt32() > 0).Sum(t => t.GetProperty("calls").GetInt64());

    private JsonElement Info(params string[] arguments)
    {
        Assert.True(_runner.Run(["info", "--json", .. arguments]) == ExitCode.Ok, _runner.Error);
        using JsonDocument json = JsonDocument.Parse(_runner.Output);
        return json.RootElement.Clone();
    }
}
