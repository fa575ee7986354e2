using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Tests.Replayer;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>replay --check</c>: what it says of blocks, and its exit code.</summary>
[StartsProcesses]
public sealed class ReplayCheckTests : IDisposable
{
    private const int Seed = 20261126;

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public ReplayCheckTests() => TraceGenerator.Write(_directory.Path, Seed, threads: 3, calls: 20_000);

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Blocks_that_are_right_are_said_to_be()
    {
        Assert.Equal(ExitCode.Ok, Replay("glibc", "--check"));
        Assert.Contains("aligned, apart from each other, and as they were written", Text(), StringComparison.Ordinal);
        Assert.Equal(ExitCode.Ok, Replay("glibc"));
        Assert.DoesNotContain("aligned", Text(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("overlap", @"overlap: .* of call \d+ of thread \d, \S+ ")]
    [InlineData("misalign", @"misaligned: call \d+ of thread \d, \S+ gave 0x[0-9a-f]+ for .*, which is no multiple of \d+")]
    [InlineData("dirty", @"dirty calloc: byte \d+ of the .* of call \d+ of thread \d, calloc is not 0")]
    [InlineData("nocopy", @"realloc lost data: byte 0 of the .* is not in what call \d+ of thread \d, realloc gave")]
    [InlineData("fail", @"failed: call \d+ of thread \d, \S+ for .* gave no block")]
    public void A_fault_is_worded_and_the_exit_code_is_1(string fault, string worded)
    {
        Assert.Equal(ExitCode.Failed, Replay(BlockCheckTests.PlantedName(fault), "--check"));
        Assert.Matches(worded, Text());
    }

    [Fact]
    public void Json_has_the_faults_by_kind()
    {
        Assert.Equal(ExitCode.Failed, Replay(BlockCheckTests.PlantedName("dirty"), "--check", "--json"));
        using JsonDocument json = JsonDocument.Parse(_runner.Output);
        JsonElement fault = Assert.Single(json.RootElement.GetProperty("faults").EnumerateArray());
        Assert.Equal(("dirty_calloc", "calloc"), (fault.GetProperty("kind").GetString(), fault.GetProperty("block").GetProperty("kind").GetString()));
    }

    [Fact]
    public void Under_noop_there_is_nothing_to_check()
    {
        Assert.Equal(ExitCode.Usage, Replay("noop", "--check"));
        Assert.Contains("--check: under noop there are no blocks to look at", _runner.Error, StringComparison.Ordinal);
    }

    private int Replay(string allocator, params string[] options) =>
        _runner.Run(["replay", Path.Combine(_directory.Path, RecordingWriter.ImageName), "--allocator", allocator, .. options]);

    private string Text() => FaultyRun.OneLine(_runner.Output);
}
