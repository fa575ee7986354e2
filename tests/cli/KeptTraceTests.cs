using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Formats.Calls;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>What <c>replay</c>, <c>verify</c> and <c>compare</c> tell of a trace that carries blocks.</summary>
[StartsProcesses]
public sealed class KeptTraceTests : IDisposable
{
    private const string Carried = "3 carried blocks (1.1 KiB) acquired before the clock starts";
    private const string Uncertain = "1 carried block is uncertain (100 B): ";

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _command = new();

    private string Trace => _directory["t.allocrec"];

    public KeptTraceTests()
    {
        var writer = new RecordingWriter(Trace) { Latency = true };
        writer.Thread(0).Malloc(800, 0x1000, 100).Malloc(1600, 0x2000, 400).Event(2400, CallKind.Gap, count: 3).Malloc(3200, 0x3000, 600);
        writer.Thread(0).Malloc(4000, 0x4000, 800).Free(4800, 0x2000).Free(5600, 0x4000);
        writer.Save();
        CutTrace.After(Trace, 4);
    }

    public void Dispose()
    {
        _command.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Replay_and_verify_tell_of_carried_blocks_apart()
    {
        string recording = _directory["r.alloctrace"];
        Assert.Equal(ExitCode.Ok, _command.Run("replay", Trace, "--record", recording, "--check"));
        Assert.Contains(Carried, _command.Output);
        Assert.Contains("3 calls on 1 thread, 800 B acquired", _command.Output);
        Assert.Contains("Note: " + Uncertain, _command.Error);

        Assert.Equal(ExitCode.Ok, _command.Run("verify", Trace, recording));
        Assert.Contains("3 calls and 0 thread creations on 1 thread, order exact", _command.Output);
        Assert.Contains("and before them, apart, " + Carried, _command.Output);
        Assert.Matches("(?m)^ +A .* 3 +100 %", _command.Output);
        Assert.Matches("(?m)^ +W .* 1 +100 %", _command.Output);
        Assert.Contains("uncertain   " + Uncertain, _command.Output);
        Assert.Contains("The replay is the recorded execution.", _command.Output);

        Assert.Equal(ExitCode.Ok, _command.Run("verify", Trace, recording, "--json"));
        using JsonDocument json = JsonDocument.Parse(_command.Output);
        JsonElement prologue = json.RootElement.GetProperty("report").GetProperty("prologue");
        Assert.Equal("""{"blocks":3,"bytes":1100,"uncertain_blocks":1,"uncertain_bytes":100}""", Compact(prologue.GetProperty("carried")));
        Assert.Equal(3, prologue.GetProperty("calls").GetInt64());
    }

    [Fact]
    public void Replay_and_compare_tell_of_carried_blocks_as_json_and_as_text()
    {
        Assert.Equal(ExitCode.Ok, _command.Run("replay", Trace, "--json"));
        Assert.Equal("""{"blocks":3,"bytes":1100,"uncertain_blocks":1,"uncertain_bytes":100}""", CarriedOf(_command.Output));

        string[] compare = ["compare", Trace, "--runs", "1", "--no-references", "--allocator", "glibc"];
        Assert.Equal(ExitCode.Ok, _command.Run([.. compare, "--json"]));
        Assert.Equal("""{"blocks":3,"bytes":1100,"uncertain_blocks":1,"uncertain_bytes":100}""", CarriedOf(_command.Output));
        Assert.Equal(ExitCode.Ok, _command.Run(compare));
        Assert.Contains(Carried, _command.Output);
        Assert.Contains("Note: " + Uncertain, _command.Error);
    }

    private static string CarriedOf(string output)
    {
        using JsonDocument json = JsonDocument.Parse(output);
        return Compact(json.RootElement.GetProperty("carried"));
    }

    private static string Compact(JsonElement element) => JsonSerializer.Serialize(element);
}
