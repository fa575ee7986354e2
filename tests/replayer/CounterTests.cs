using System.Text.Json;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>What the processor counts of a replay. Many machines have no counters: what the kernel counts on all stands in for them.</summary>
[StartsProcesses]
public sealed class CounterTests : IDisposable
{
    private const int Threads = 4, Blocks = 16, PagesOfBlock = 256;

    private readonly TemporaryDirectory _directory = new();

    public CounterTests()
    {
        var writer = new RecordingWriter(_directory.Path);
        for (int i = 0; i < Threads * Blocks; i++)
            writer.Thread(i % Threads).Malloc(100 + i * 16, 0x100_0000 + (ulong)i * 0x20_0000, PagesOfBlock * 4096);
        writer.Save();
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void They_are_of_all_threads_and_of_all_loops()
    {
        using ReplayPlan plan = PlanFile.Compile(_directory.Path);
        JsonElement result = Run(plan, "stand_in=1", "touch=2", "loops=2");
        Assert.SkipUnless(result.TryGetProperty("instructions", out JsonElement taskNs), "the kernel lets nobody count");
        double cpuNs = result.GetProperty("cpu_ns").GetDouble();
        // Task time stands in for instructions, page faults for misses. The kernel's own accounts of CPU time go by its tick, which is 10 ms at most.
        Assert.InRange(taskNs.GetDouble(), 0.5 * cpuNs - 1e7, 1.5 * cpuNs + 1e7);
        Assert.InRange(result.GetProperty("cache_misses").GetDouble(), Threads * Blocks, result.GetProperty("minor_faults").GetDouble() * 1.01 + 100);
    }

    [Fact]
    public void Where_there_are_none_there_is_no_figure()
    {
        using ReplayPlan plan = PlanFile.Compile(_directory.Path);
        WorkerResult result = WorkerRunner.Instance.Run(plan, ReplayTests.Installed("glibc"), new ReplayOptions { Touch = TouchPolicy.None });
        Assert.True(result.Instructions is null or > 100 * Threads * Blocks, $"{result.Instructions}");
        Assert.True(result.CacheMisses is null or >= 0, $"{result.CacheMisses}");
        // Another instrument would be counted with the calls.
        result = WorkerRunner.Instance.Run(plan, ReplayTests.Installed("glibc"), new ReplayOptions { Instrument = Instrument.Latency });
        Assert.Equal((null, null), (result.Instructions, result.CacheMisses));
    }

    private JsonElement Run(ReplayPlan plan, params string[] settings)
    {
        string path = _directory["result.json"];
        ProgramResult worker = Programs.Run(WorkerStart.Executable, [plan.Path, path, _directory["none"], .. settings]);
        Assert.True(worker.ExitCode == 0, worker.Error);
        return JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;
    }
}
