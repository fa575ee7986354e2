using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>What a thread tells the kernel of itself reaches the recording.</summary>
[StartsProcesses]
public sealed class PrctlTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_thread_that_names_itself_goes_under_that_name()
    {
        using TraceReader reader = Record(0, "names.c");
        Assert.Equal(["prctl-named", "set-by-pthread", reader.Threads[0].Name], reader.Threads.Skip(1).Select(t => t.Name));
    }

    [Theory]
    [InlineData("strict")]
    [InlineData("tsc")]
    public void A_program_that_forbids_the_counter_runs_on_and_its_recording_says_why_it_ends(string how)
    {
        using TraceReader reader = Record(7, "no_counter.c", how);
        Assert.Equal(RecordingState.Failed, reader.Process.State);
        Assert.Contains("counter", reader.Process.Failure, StringComparison.Ordinal);
        Assert.True(TraceStatistics.Of(reader).CountOf(CallKind.Malloc) >= 5000);
        Assert.InRange(reader.Process.LostEvents, 10_000UL - 1024, 10_100UL);
    }

    private TraceReader Record(int exitCode, string target, params string[] arguments)
    {
        Assert.Equal(exitCode, RecordedCommand.Run(new RecordOptions { Command = [Targets.Build(target), .. arguments], Output = _directory["r"] }).ExitCode);
        return TraceReader.Open(_directory["r"]);
    }
}
