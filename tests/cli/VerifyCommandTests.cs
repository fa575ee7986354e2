using System.Diagnostics;
using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Cli.Commands;
using AllocReplay.Formats;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder;
using AllocReplay.Replayer;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>replay --record</c> and <c>verify</c>, as a user meets them.</summary>
[StartsProcesses]
public sealed class VerifyCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _command = new();

    public void Dispose()
    {
        _command.Dispose();
        _directory.Dispose();
    }

    private string Trace => _directory["t.allocrec"];

    private string Recording => _directory["r.alloctrace"];

    [Theory]
    [InlineData("deps", "P", "S", "O", "L")]
    [InlineData("exact", "P", "S", "O", "L", "R")]
    [InlineData("total", "P", "S", "O", "L", "T")]
    public void A_faithful_replay_holds_edge_kind_by_edge_kind(string order, params string[] kinds)
    {
        Generate();
        Assert.Equal(ExitCode.Ok, _command.Run(ReplayCommand.Create, Trace, "--order", order, "--record", Recording));
        Assert.Contains($"Next: allocreplay verify {Trace} {Recording}", _command.Error);
        Assert.False(Directory.Exists(_directory["r.allocrec"]), "the directory is packed and gone");

        Assert.Equal(ExitCode.Ok, _command.Run(VerifyCommand.Create, Trace, Recording));

        string page = _command.Output;
        Assert.All(kinds, kind => Assert.Matches($@"(?m)^ +{kind} .* 100 %", page));
        Assert.Contains($"order {order} under glibc, pace asap", page);
        Assert.Contains("The replay is the recorded execution.", page);
        Assert.All(page.Split('\n'), line => Assert.True(line.Length <= 100, line));
        Assert.Contains($"Next: allocreplay compare {Trace}", _command.Error);
    }

    [Fact]
    public void The_replay_of_another_trace_fails_with_both_events_of_the_first_violation()
    {
        Generate();
        Assert.Equal(ExitCode.Ok, _command.Run(ReplayCommand.Create, Trace, "--record", Recording));
        string other = _directory["other"];
        TraceGenerator.Write(other, seed: 8, threads: 3, calls: 100);

        Assert.Equal(ExitCode.Failed, _command.Run(VerifyCommand.Create, other, Recording));

        Assert.Matches(@"(?m)^first violation of P: call \d+ of thread \d.* at [0-9.]+ s:\n  in the replay it is call \d+ of thread \d.* at [0-9.]+ s$",
            _command.Output);
        Assert.Contains("The replay is NOT the recorded execution.", _command.Output);
        Assert.Contains($"Next: allocreplay dump {Recording} --thread N", _command.Error);
    }

    [Fact]
    public void The_replay_of_a_part_is_held_to_that_part_unless_another_is_named()
    {
        Directory.CreateDirectory(Trace);
        var writer = new RecordingWriter(Trace) { Latency = true };
        writer.Thread(0).Malloc(800, 0x1000, 8).Malloc(2400, 0x2000, 8).Free(4000, 0x2000);
        writer.Mark(MarkEntry.Start, 1, 0).Mark(MarkEntry.Named, 1, 1600, "begin").Mark(MarkEntry.Named, 1, 3200, "end");
        writer.Save();
        Assert.Equal(ExitCode.Ok, _command.Run(ReplayCommand.Create, Trace, "--from-mark", "begin", "--record", Recording));

        Assert.Equal(ExitCode.Ok, _command.Run(VerifyCommand.Create, Trace, Recording));
        Assert.Contains($"Note: a part was replayed; this is allocreplay verify {Trace} --from-mark begin {Recording}\n", _command.Error);
        Assert.Contains($"Next: allocreplay compare {Trace} --from-mark begin", _command.Error);
        Assert.Equal(ExitCode.Failed, _command.Run(VerifyCommand.Create, Trace, Recording, "--to-mark", "end"));
        Assert.DoesNotContain("a part was replayed", _command.Error);
    }

    [Fact]
    public void Json_has_every_edge_kind_and_how_well_the_pace_was_kept()
    {
        Generate();
        Assert.Equal(ExitCode.Ok, _command.Run(ReplayCommand.Create, Trace, "--pace", "x2", "--record", Recording));
        Assert.Equal(ExitCode.Ok, _command.Run(VerifyCommand.Create, Trace, Recording));
        Assert.Contains("gaps are off by", _command.Output);

        Assert.Equal(ExitCode.Ok, _command.Run(VerifyCommand.Create, Trace, Recording, "--json"));

        using JsonDocument json = JsonDocument.Parse(_command.Output);
        Assert.True(json.RootElement.GetProperty("holds").GetBoolean());
        Assert.Equal(0.5, json.RootElement.GetProperty("info").GetProperty("slowness").GetDouble());
        JsonElement report = json.RootElement.GetProperty("report");
        Assert.Equal(["P", "S", "O", "L", "R"], report.GetProperty("edges").EnumerateArray().Select(e => e.GetProperty("name").GetString()));
        Assert.All(report.GetProperty("edges").EnumerateArray(), e => Assert.Equal(e.GetProperty("checked").GetInt64(), e.GetProperty("held").GetInt64()));
        Assert.True(report.GetProperty("timing").GetProperty("gaps").GetInt64() > 0);
    }

    [Fact]
    public void What_cannot_be_recorded_is_refused_before_anything_is_done()
    {
        Generate();
        Directory.CreateDirectory(_directory["there.allocrec"]);
        File.WriteAllText(_directory["there.alloctrace"], "");
        string[][] refused =
        [
            ["--record", Recording, "--allocator", "noop"],
            ["--record", Recording, "--loop", "2"],
            ["--record", _directory["r.txt"]],
            ["--record", ""],
            ["--keep-plan", ""],
            ["--keep-plan", _directory["none/x.plan"]],
            ["--record", Path.Combine(Trace, "in.allocrec")],
            ["--record", _directory["there.allocrec"]],
            ["--record", _directory["there.alloctrace"]],
            ["--record", Trace, "--force"],
            ["--record", _directory["t.alloctrace"], "--force"], // whose directory, until it is packed, would be the trace
        ];
        foreach (string[] arguments in refused)
            Assert.Throws<UsageException>(() => _command.Run(ReplayCommand.Create, [Trace, .. arguments]));
        Assert.True(Directory.Exists(Trace));
        var e = Assert.Throws<ReplayException>(() => _command.Run(ReplayCommand.Create, Trace, "--record", "/proc/r.allocrec"));
        Assert.Equal(ExitCode.NotPossible, Failures.Classify(e)?.ExitCode);
    }

    [Fact]
    public void A_recording_that_is_of_no_replay_is_held_to_the_weakest_order_and_one_without_latency_to_none()
    {
        Directory.CreateDirectory(Trace);
        var writer = new RecordingWriter(Trace) { Latency = true };
        writer.Thread(0).Malloc(100, 0x1000, 32).Free(200, 0x1000);
        writer.Save();
        Assert.Equal(ExitCode.Ok, _command.Run(VerifyCommand.Create, Trace, Trace));
        Assert.Contains("does not say what it is a replay of: held to deps", _command.Error);
        string silent = _directory["silent"];
        TraceGenerator.Write(silent, seed: 7, threads: 3, calls: 100);
        Assert.Equal(ExitCode.BadInput, Failures.Classify(
            Assert.Throws<TraceFormatException>(() => _command.Run(VerifyCommand.Create, Trace, silent)))?.ExitCode);
    }

    /// <summary>No process has an address space of 128 TiB to give, however much memory the system promises.</summary>
    [Fact]
    public void A_call_that_fails_now_is_told_and_fails_the_check()
    {
        Directory.CreateDirectory(Trace);
        var writer = new RecordingWriter(Trace) { Latency = true };
        writer.Thread(0).Malloc(100, 0x1000, 32).Malloc(200, 0x2000, 1UL << 47).Free(300, 0x1000).Free(400, 0x2000);
        writer.Save();

        Assert.Equal(ExitCode.Ok, _command.Run(ReplayCommand.Create, Trace, "--max-live", "1000000G", "--touch", "none", "--record", Recording));
        Assert.Contains("1 of them failed", _command.Output);
        Assert.Contains("1 call that gave a block when recorded failed now", _command.Error);

        Assert.Equal(ExitCode.Failed, _command.Run(VerifyCommand.Create, Trace, Recording));
        Assert.Matches("(?m)^ +P .* 100 %", _command.Output);
        Assert.Matches(@"first violation of S: call 1 of thread 0.*malloc\(140737488355328 B\).*\n  in the replay it failed", _command.Output);
    }

    [Fact]
    public void A_replay_that_was_not_recorded_to_its_end_is_told()
    {
        Generate();
        Directory.CreateDirectory(_directory["short"]);
        var writer = new RecordingWriter(_directory["short"]) { Latency = true };
        writer.Thread(0).Malloc(100, 0x1000, 32);
        writer.Save(lostEvents: 1299);

        Assert.Equal(ExitCode.Failed, _command.Run(VerifyCommand.Create, Trace, _directory["short"]));

        Assert.Contains("Note: the replay was not recorded to its end: events lost, 1,299 calls are known to be missing", _command.Error);
    }

    [Fact]
    public async Task An_interrupted_replay_leaves_nothing_behind()
    {
        Directory.CreateDirectory(Trace);
        Directory.CreateDirectory(_directory["tmp"]);
        var writer = new RecordingWriter(Trace) { Latency = true };
        writer.Thread(0).Malloc(100, 0x1000, 32).Malloc(1_000_000_000, 0x2000, 32);
        writer.Save();
        // A shell's job in the background would ignore the signal: env sets it back.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", "dotnet", Path.Combine(AppContext.BaseDirectory, "allocreplay.dll"),
            "replay", Trace, "--pace", "x0.001", "--record", Recording])
        {
            RedirectStandardError = true,
        };
        start.Environment["TMPDIR"] = _directory["tmp"];
        using Process replay = Process.Start(start)!;
        string? line;
        while ((line = await replay.StandardError.ReadLineAsync()) is not null && !line.StartsWith("Replaying", StringComparison.Ordinal))
        {
        }
        Signals.Send(replay.Id, Signals.Interrupt);
        string rest = await replay.StandardError.ReadToEndAsync();
        await replay.WaitForExitAsync();

        Assert.Equal((ExitCode.Interrupted, "allocreplay: interrupted; nothing unfinished is left\n"), (replay.ExitCode, rest));
        Assert.Equal([Trace, _directory["tmp"]], Directory.GetFileSystemEntries(_directory.Path).Order().ToArray());
        Assert.Empty(Directory.GetFileSystemEntries(_directory["tmp"]));
    }

    [Fact]
    public void A_sampled_trace_says_that_it_is_one()
    {
        Directory.CreateDirectory(Trace);
        var writer = new RecordingWriter(Trace) { Sample = 16 };
        writer.Thread(0).Malloc(100, 0x1000, 32).Free(200, 0x1000);
        writer.Save();
        Assert.Equal(ExitCode.Ok, _command.Run(ReplayCommand.Create, Trace));
        Assert.Contains("a sampled trace: these are the calls of some of the program's blocks", _command.Error);
    }

    private void Generate() => TraceGenerator.Write(Trace, seed: 7, threads: 4, calls: 300, latency: true);
}
