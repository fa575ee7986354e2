using AllocReplay.Replayer;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

public sealed class ProcessorSetTests
{
    [Theory]
    [InlineData("0", "0")]
    [InlineData("3,0-2,2", "0,1,2,3")]
    [InlineData("8190-8191", "8190,8191")]
    public void A_list_is_what_the_kernel_writes(string list, string processors) => Assert.Equal(processors, string.Join(',', ProcessorSet.Parse(list)!));

    [Theory]
    [InlineData("")]
    [InlineData("0,")]
    [InlineData("2-1")]
    [InlineData("0-1-2")]
    [InlineData("-1")]
    [InlineData("8192")]
    [InlineData("0x1")]
    [InlineData("all")]
    public void Anything_else_is_none(string list) => Assert.Null(ProcessorSet.Parse(list));
}

/// <summary>Real workers, kept on processors.</summary>
[StartsProcesses]
public sealed class PinnedRunTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ReplayPlan _plan;

    public PinnedRunTests()
    {
        var writer = new RecordingWriter(_directory["trace"]);
        writer.Thread(0).Malloc(100, 0x1000, 7777);
        writer.Thread(1).Malloc(200, 0x2000, 7777).Free(300, 0x1000);
        writer.Save();
        _plan = PlanFile.Compile(_directory["trace"]);
    }

    public void Dispose()
    {
        _plan.Dispose();
        _directory.Dispose();
    }

    /// <summary>Each thread notes where it may run.</summary>
    [Fact]
    public void All_threads_are_kept_on_what_was_asked_for()
    {
        IReadOnlyList<int> allowed = ProcessorSet.Allowed();
        Assert.Equal([$"{allowed[^1]}", $"{allowed[^1]}"], Notes([allowed[^1]]));
        string all = string.Join(' ', allowed);
        Assert.Equal([all, all], Notes([])); // the control
    }

    [Fact]
    public void A_processor_that_is_not_there_is_told()
    {
        var e = Assert.Throws<ReplayException>(
            () => WorkerRunner.Instance.Run(_plan, ReplayTests.Installed("glibc"), new ReplayOptions { Processors = [8191] }));
        Assert.Contains("cannot be kept on these processors", e.Message, StringComparison.Ordinal);
    }

    private string[] Notes(IReadOnlyList<int> processors)
    {
        File.Delete(_directory["log"]);
        Configuration noting = RunFailureTests.Planted("PROCESSORS") with { Environment = [$"PLANTED_LOG={_directory["log"]}"] };
        _ = WorkerRunner.Instance.Run(_plan, noting, new ReplayOptions { Processors = processors });
        return File.ReadAllLines(_directory["log"]);
    }
}
