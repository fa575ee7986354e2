using AllocReplay.Cli.Options;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Replayer;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>Replays with a hook before the allocator. That the allocator behind it is the one that was asked for is checked by every run itself.</summary>
[StartsProcesses]
public sealed class HookedReplayTests : IDisposable
{
    private const int Seed = 20261126;
    private const string Heaptrack = "/usr/lib/heaptrack/libheaptrack_preload.so";

    private readonly TemporaryDirectory _directory = new();
    private readonly ReplayPlan _plan;

    public HookedReplayTests()
    {
        TraceGenerator.Write(_directory["trace"], Seed, threads: 4, calls: 20_000);
        _plan = PlanFile.Compile(_directory["trace"]);
    }

    public static TheoryData<string, string> Pairs => new MatrixTheoryData<string, string>(
        ["glibc", "jemalloc", "mimalloc", "tcmalloc", "scudo"], ["count", "record", "record,sample=16,stacks=auto"]);

    public static TheoryData<string> Allocators => ["glibc", "jemalloc", "mimalloc", "tcmalloc"];

    public void Dispose()
    {
        _plan.Dispose();
        _directory.Dispose();
    }

    [Theory, MemberData(nameof(Pairs))]
    public void Our_hooks_stand_before_any_allocator(string allocator, string hook)
    {
        WorkerResult result = Run(allocator, hook);
        Assert.Equal(_plan.Counts.Calls, result.Calls);
        if (hook == "count")
            Assert.InRange(result.HookCounts["calls"], _plan.Counts.Calls, _plan.Counts.Calls + 20_000); // the runtime makes some of its own
        else
            Assert.Equal(0, result.HookCounts["lost_events"]);
    }

    [Fact]
    public void Malloc_hook_is_there_under_tcmalloc() => Assert.Equal(_plan.Counts.Calls, Run("tcmalloc", "mallochook").Calls);

    [Fact]
    public void Malloc_hook_is_refused_where_the_allocator_has_none()
    {
        var e = Assert.Throws<ReplayException>(() => Run("glibc", "mallochook"));
        Assert.Equal(new RunFailure(FailureKind.CannotRun), e.Run);
        Assert.Contains("glibc + mallochook: the hook cannot see this allocator's calls", e.Message);
        Assert.Contains("has no function MallocHook_AddNewHook", e.Message);
    }

    [Fact]
    public void A_recording_is_stopped_and_started_while_it_replays()
    {
        WorkerResult result = WorkerRunner.Instance.Run(_plan, Of("glibc", "toggle=1ms"), new ReplayOptions { Loops = 100 });
        Assert.Equal(100 * _plan.Counts.Calls, result.Calls);
        Assert.True(result.HookCounts["stops"] > 0, "the recording was never stopped");
    }

    [Fact]
    public void A_period_longer_than_the_run_stops_nothing() => Assert.Equal(0, Run("glibc", "toggle=1h").HookCounts["stops"]);

    [Theory, MemberData(nameof(Allocators))]
    public void The_wrapper_of_lttng_stands_before_the_allocator(string allocator)
    {
        string? library = Libraries.Find("liblttng-ust-libc-wrapper.so") ?? Libraries.Find("liblttng-ust-libc-wrapper.so.1");
        Assert.SkipWhen(library is null, "LTTng's wrapper is not installed: apt-get install liblttng-ust-dev");
        Assert.Equal(_plan.Counts.Calls, Run(allocator, library!).Calls);
    }

    [Theory, MemberData(nameof(Allocators))]
    public void The_library_of_heaptrack_stands_before_the_allocator_and_writes_what_it_sees(string allocator)
    {
        Assert.SkipUnless(File.Exists(Heaptrack), "heaptrack is not installed: apt-get install heaptrack");
        string kept = _directory["heaptrack.raw"];
        Assert.Equal(_plan.Counts.Calls, Run(allocator, $"{Heaptrack},DUMP_HEAPTRACK_OUTPUT={kept}").Calls);
        // In its file, lines that begin with a plus sign are acquisitions.
        Assert.True(File.ReadLines(kept).Count(l => l.StartsWith('+')) > 1000);
    }

    [Fact]
    public void A_library_hook_works_in_a_directory_that_goes()
    {
        Assert.SkipUnless(File.Exists(Heaptrack), "heaptrack is not installed: apt-get install heaptrack");
        string[] before = Scratch();
        Run("glibc", $"{Heaptrack},DUMP_HEAPTRACK_OUTPUT={{scratch}}/raw");
        Assert.DoesNotContain(Scratch().Except(before), d => File.Exists(Path.Combine(d, "raw")));

        static string[] Scratch() => Directory.GetDirectories(Path.GetTempPath(), "allocreplay-hook-*");
    }

    [Fact]
    public void A_hook_without_malloc_leaves_the_allocator_found()
    {
        string library = Targets.Build("failing_allocator.c", "-shared", "-fPIC", "-DNO_MALLOC");
        Assert.Equal(_plan.Counts.Calls, Run("glibc", library).Calls);
    }

    /// <summary>A hook that walks stacks waits for the loader in any call, as heaptrack does; and the library itself is the control.</summary>
    [Fact]
    public void No_call_is_made_with_the_loader_locked()
    {
        string library = Targets.Build("waits_for_loader.c", "-shared", "-fPIC");
        Assert.Equal(_plan.Counts.Calls, Run("glibc", library).Calls);
        ProgramResult planted = Programs.Run(Targets.Build("calls_with_loader_locked.c"), [], s => s.Environment["LD_PRELOAD"] = library);
        Assert.Equal((1, "malloc was called with the loader locked"), (planted.ExitCode, planted.Error.Trim()));
    }

    /// <summary>The negative control: behind a hook, too, malloc from another library than asked is no replay.</summary>
    [Fact]
    public void Behind_a_hook_another_allocator_than_asked_is_refused()
    {
        string planted = Targets.Build("failing_allocator.c", "-shared", "-fPIC", "-DNO_MALLOC");
        Configuration configuration = new ConfigurationParser(RecorderHooks.Catalog).Parse($"mine={planted} + count")[0];
        var e = Assert.Throws<ReplayException>(() => WorkerRunner.Instance.Run(_plan, configuration, new ReplayOptions()));
        Assert.Equal(new RunFailure(FailureKind.WrongAllocator), e.Run);
    }

    private WorkerResult Run(string allocator, string hook) => WorkerRunner.Instance.Run(_plan, Of(allocator, hook), new ReplayOptions());

    private static Configuration Of(string allocator, string hook)
    {
        ReplayTests.Installed(allocator);
        return new ConfigurationParser(RecorderHooks.Catalog).Parse($"{allocator} + {hook}")[0];
    }
}
