using System.Runtime.InteropServices;
using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Cli.Pages;
using AllocReplay.Recorder;
using AllocReplay.Recorder.Attach;
using AllocReplay.Recorder.Doctor;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>doctor</c>: a line for each check, what is in the way in words, and the exit code.</summary>
[StartsProcesses]
public sealed class DoctorCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Whatever_is_in_the_way_has_words_and_so_has_each_check()
    {
        Assert.All(Enum.GetValues<Obstacle>(), o => Assert.EndsWith(".", ObstacleText.Of(o), StringComparison.Ordinal));
        string[] names = [.. Enum.GetValues<CheckKind>().Select(ObstacleText.NameOf)];
        Assert.Equal(names.Length, names.Distinct().Count());
    }

    [Fact]
    public void The_machine_of_these_tests_can_record_and_the_lines_fit()
    {
        int code = _runner.Run("doctor", "--directory", _directory.Path);
        Assert.True(code == ExitCode.Ok, _runner.Output);
        string[] lines = _runner.Output.TrimEnd().Split('\n');
        Assert.Equal("this machine", lines[0]);
        Assert.StartsWith("Nothing here stops a recording", lines[^1], StringComparison.Ordinal);
        Assert.All(lines, l => Assert.InRange(l.Length, 0, 100));
        Assert.Contains("Next: allocreplay record -- COMMAND", _runner.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "allocreplay attach 77")]
    [InlineData(Obstacle.OtherNamespace, "allocreplay attach 77")]
    [InlineData(Obstacle.Filtered, "allocreplay record -- COMMAND")]
    [InlineData(Obstacle.Traced, "allocreplay record -- COMMAND")]
    public void What_attach_would_refuse_is_not_what_comes_next(Obstacle? obstacle, string next)
    {
        Verdict verdict = obstacle is null ? Verdict.Fine : Verdict.Limited;
        DoctorPage.Print(DoctorReport.Of(77, [], [new Finding(CheckKind.Filter, verdict, "x", obstacle)]), _runner.Terminal);
        Assert.Equal($"Next: {next}\n", _runner.Error);
    }

    /// <summary>It runs, so it would have to be started again: a script that asks before it attaches is told by the exit code.</summary>
    [Fact]
    public void A_program_that_could_not_be_attached_to_is_exit_code_4()
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "attaching is built for x86-64");
        using RunningProgram program = RunningProgram.Attached(1);
        Assert.Equal((ExitCode.Ok, true, true), Ask());
        Signals.Send(program.Pid, 19 /* SIGSTOP */);
        Assert.True(SpinWait.SpinUntil(() => ProcessStatus.Of(program.Pid)?.State == 'T', TimeSpan.FromMinutes(1)));
        Assert.Equal((ExitCode.NotPossible, true, false), Ask());
        Assert.Equal(ExitCode.NotPossible, _runner.Run("doctor", $"{program.Pid}"));
        Assert.Contains("It cannot be recorded from now on, as it runs. Nothing stops a recording from its start", _runner.Output, StringComparison.Ordinal);
        Signals.Send(program.Pid, 18 /* SIGCONT */);
        Assert.Equal(0, program.Finish());

        (int Code, bool CanRecord, bool CanAttach) Ask()
        {
            int code = _runner.Run("doctor", $"{program.Pid}", "--json");
            using JsonDocument json = JsonDocument.Parse(_runner.Output);
            return (code, json.RootElement.GetProperty("can_record").GetBoolean(), json.RootElement.GetProperty("can_attach").GetBoolean());
        }
    }

    [Fact]
    public void A_program_that_is_recorded_is_told_where()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        Assert.Equal(ExitCode.Ok, _runner.Run("doctor", $"{program.Pid}", "--json"));
        using JsonDocument json = JsonDocument.Parse(_runner.Output);
        Assert.True(json.RootElement.GetProperty("can_record").GetBoolean());
        JsonElement[] checks = [.. json.RootElement.GetProperty("process").EnumerateArray()];
        Assert.Equal($"into {program.Recording}", checks.Single(c => c.GetProperty("check").GetString() == "recorded").GetProperty("found").GetString());
        string? library = checks.Single(c => c.GetProperty("check").GetString() == "c_library").GetProperty("found").GetString();
        Assert.StartsWith("glibc 2.", library, StringComparison.Ordinal);
        Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void What_cannot_be_recorded_is_exit_code_4_and_says_why()
    {
        Assert.Equal(ExitCode.NotPossible, _runner.Run("doctor", $"{int.MaxValue}"));
        Assert.Contains("stop  process", _runner.Output, StringComparison.Ordinal);
        Assert.Contains("1 line above stops a recording.", _runner.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Next:", _runner.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("x")]
    public void What_is_no_process_id_is_a_usage_error(string pid) => Assert.Equal(ExitCode.Usage, _runner.Run("doctor", pid));

    [Fact]
    public void A_directory_that_is_not_there_is_a_usage_error() => Assert.Equal(ExitCode.Usage, _runner.Run("doctor", "--directory", _directory["none"]));
}
