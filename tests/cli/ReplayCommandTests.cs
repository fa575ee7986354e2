using System.CommandLine;
using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Cli.Commands;
using AllocReplay.Cli.Options;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

[StartsProcesses]
public sealed class ReplayCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly RecordingWriter _writer;
    private readonly CommandRunner _command = new();

    public ReplayCommandTests() => _writer = new RecordingWriter(_directory.Path);

    public void Dispose()
    {
        _command.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Replay_prints_figures_as_json_and_names_the_next_command_on_stderr()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 32).Free(200, 0x1000).Free(300, 0x9000);
        _writer.Save();

        Assert.Equal(ExitCode.Ok, _command.Run(ReplayCommand.Create, _directory.Path, "--json"));

        using JsonDocument json = JsonDocument.Parse(_command.Output);
        Assert.Equal(2, json.RootElement.GetProperty("calls").GetInt64());
        Assert.Equal(1, json.RootElement.GetProperty("plan").GetProperty("unknown_releases").GetInt64());
        Assert.Contains("1 release of blocks never seen allocated: skipped", _command.Error);
        Assert.Contains($"Next: allocreplay compare {_directory.Path}", _command.Error);
    }

    [Fact]
    public void A_damaged_trace_is_refused_unless_it_may_be_partial()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 32).Bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
        _writer.Save();

        var e = Assert.Throws<TraceDamagedException>(() => _command.Run(ReplayCommand.Create, _directory.Path));
        Assert.Equal(ExitCode.BadInput, Failures.Classify(e)?.ExitCode);
        Assert.Equal(ExitCode.Ok, _command.Run(ReplayCommand.Create, _directory.Path, "--partial"));
    }

    [Fact]
    public void Only_orders_that_exist_are_accepted()
    {
        Command command = ReplayCommand.Create(_command.Terminal);
        foreach (string order in (string[])["deps", "exact", "total"])
            Assert.Empty(command.Parse([_directory.Path, "--order", order]).Errors);
        Assert.NotEmpty(command.Parse([_directory.Path, "--order", "random"]).Errors);
    }

    [Theory]
    [InlineData("asap", 0)]
    [InlineData("recorded", 1)]
    [InlineData("x2", 0.5)]
    [InlineData("x0.25", 4)]
    public void Paces_are_speeds(string text, double timeScale)
    {
        Assert.Equal(timeScale, ReplayArguments.ParsePace(text).TimeScale);
        Assert.Equal(text, Pace.OfTimeScale(timeScale).ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("x0")]
    [InlineData("x-1")]
    [InlineData("2")]
    [InlineData("fast")]
    public void What_is_no_pace_is_refused(string text) => Assert.Throws<UsageException>(() => ReplayArguments.ParsePace(text));

    [Fact]
    public void A_trace_larger_than_allowed_is_refused_with_the_figure()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 1UL << 40).Free(200, 0x1000);
        _writer.Save();
        var e = Assert.Throws<ReplayException>(() => _command.Run(ReplayCommand.Create, _directory.Path));
        Assert.Contains("1,048,576.0 MiB live at its peak", e.Message);
        Assert.Contains("--max-live", Failures.Classify(e)!.Value.Hint);
        Assert.Equal(ExitCode.NotPossible, Failures.Classify(e)!.Value.ExitCode);
        e = Assert.Throws<ReplayException>(() => _command.Run(ReplayCommand.Create, _directory.Path, "--max-live", "1G"));
        Assert.Contains("more than the 1,024.0 MiB that it was allowed", e.Message);
    }

    [Fact]
    public void A_replay_goes_round_as_often_as_asked_and_keeps_the_recorded_pace()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 32).Malloc(30_000_000, 0x2000, 32);
        _writer.Save();
        Assert.Equal(ExitCode.Ok, _command.Run(ReplayCommand.Create, _directory.Path, "--loop", "3", "--pace", "x2", "--json"));
        using JsonDocument json = JsonDocument.Parse(_command.Output);
        Assert.Equal(6, json.RootElement.GetProperty("calls").GetInt64());
        Assert.InRange(json.RootElement.GetProperty("elapsed_ns").GetInt64(), 3 * 14_000_000, long.MaxValue);
        Assert.Throws<UsageException>(() => _command.Run(ReplayCommand.Create, _directory.Path, "--loop", "0"));
    }

    [Fact]
    public void A_kept_plan_is_taken_again_and_another_only_replaced_by_force()
    {
        using var plans = new TemporaryDirectory(); // the other one is the trace
        _writer.Thread(0).Malloc(100, 0x1000, 32);
        _writer.Save();
        Assert.Equal(ExitCode.Ok, _command.Run(ReplayCommand.Create, _directory.Path, "--keep-plan", plans["t.plan"]));
        Assert.Contains("Wrote ", _command.Error);
        Assert.Equal(ExitCode.Ok, _command.Run(ReplayCommand.Create, _directory.Path, "--keep-plan", plans["t.plan"]));
        Assert.Contains("Taking the plan that was kept as ", _command.Error);

        string[] another = [_directory.Path, "--keep-plan", plans["t.plan"], "--order", "total"];
        var e = Assert.Throws<PlanFileException>(() => _command.Run(ReplayCommand.Create, another));
        Assert.Equal(ExitCode.Usage, Failures.Classify(e)?.ExitCode);
        Assert.Equal(ExitCode.Ok, _command.Run(ReplayCommand.Create, [.. another, "--force"]));
    }

    [Fact]
    public void An_empty_trace_is_bad_input()
    {
        _writer.Thread(0).Event(100, CallKind.ThreadStart);
        _writer.Save();
        var e = Assert.Throws<TraceFormatException>(() => _command.Run(ReplayCommand.Create, _directory.Path));
        Assert.Contains("no calls to replay", e.Message);
    }

    [Fact]
    public void Failures_have_their_exit_codes()
    {
        Assert.Equal(ExitCode.Usage, Failures.Classify(new ReplayException(ReplayFailure.Usage, ""))?.ExitCode);
        Assert.Equal(ExitCode.NotPossible, Failures.Classify(new ReplayException(ReplayFailure.NotPossible, ""))?.ExitCode);
        Assert.Equal(ExitCode.Failed, Failures.Classify(new ReplayException(ReplayFailure.Failed, ""))?.ExitCode);
    }

    [Fact]
    public void Allocators_lists_every_name_with_its_library_or_how_to_install_it()
    {
        Assert.Equal(ExitCode.Ok, _command.Run(AllocatorsCommand.Create, "--json"));
        using JsonDocument json = JsonDocument.Parse(_command.Output);
        JsonElement[] entries = [.. json.RootElement.GetProperty("allocators").EnumerateArray()];
        Assert.Equal(AllocatorCatalog.Names, entries.Select(e => e.GetProperty("name").GetString()));
        Assert.All(entries, e => Assert.Equal(e.GetProperty("installed").GetBoolean(), e.GetProperty("install").GetString() is null));
        Assert.Equal(AllocatorCatalog.Resolve("glibc").Package, entries[0].GetProperty("package").GetString());
    }
}
