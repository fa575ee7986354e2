using AllocReplay.Replayer;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>Settings are read back from the allocator, and one that did not take is no row of figures.</summary>
[StartsProcesses]
public sealed class AllocatorSettingTests
{
    [Theory]
    [InlineData("glibc", "MALLOC_ARENA_MAX=2", "glibc.malloc.arena_max", "0x2")]
    [InlineData("glibc", "GLIBC_TUNABLES=glibc.malloc.tcache_count=3:glibc.malloc.arena_max=0x4", "glibc.malloc.tcache_count", "0x3")]
    [InlineData("jemalloc", "MALLOC_CONF=narenas:1,dirty_decay_ms:-1,tcache:false,dss:primary", "opt.narenas", "1")]
    [InlineData("jemalloc", "MALLOC_CONF=narenas:1,dirty_decay_ms:-1,tcache:false,dss:primary", "opt.dirty_decay_ms", "-1")]
    [InlineData("jemalloc", "MALLOC_CONF=narenas:1,dirty_decay_ms:-1,tcache:false,dss:primary", "opt.dss", "primary")]
    [InlineData("mimalloc", "MIMALLOC_MAX_ERRORS=7", "max_errors", "7")]
    [InlineData("tcmalloc", "TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES=4194304", "tcmalloc.max_total_thread_cache_bytes", "4194304")]
    public void One_that_took_is_read_back(string allocator, string variable, string name, string value)
    {
        AllocatorSetting setting = Read(allocator, variable).First(s => s.Name == name);
        Assert.Equal(value, setting.Read);
        Assert.True(setting.IsTaken);
    }

    [Theory]
    [InlineData("glibc", "MALLOC_ARENA_MAX=many", "MALLOC_ARENA_MAX did not take: glibc.malloc.arena_max is")]
    [InlineData("glibc", "GLIBC_TUNABLES=glibc.malloc.arena_min=1", "names glibc.malloc.arena_min, which this allocator does not have")]
    [InlineData("jemalloc", "MALLOC_CONF=narenas:0", "MALLOC_CONF did not take: opt.narenas is")]
    [InlineData("jemalloc", "MALLOC_CONF=arenas:1", "names opt.arenas, which this allocator does not have")]
    [InlineData("mimalloc", "MIMALLOC_MAX_ERRORS=seven", "MIMALLOC_MAX_ERRORS did not take: max_errors is")]
    [InlineData("tcmalloc", "TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES=1", "did not take: tcmalloc.max_total_thread_cache_bytes is")]
    public void One_that_did_not_take_is_a_failure(string allocator, string variable, string expected)
    {
        var e = Assert.Throws<ReplayException>(() => Read(allocator, variable));
        Assert.Equal(new RunFailure(FailureKind.SettingNotTaken), e.Run);
        Assert.StartsWith($"{allocator},{variable}: ", e.Message);
        Assert.Contains(expected, e.Message);
    }

    [Theory]
    [InlineData("mimalloc", "MIMALLOC_NO_SUCH_OPTION=1")]
    [InlineData("tcmalloc", "TCMALLOC_NO_SUCH_VARIABLE=1")]
    [InlineData("jemalloc", "MALLOC_ARENA_MAX=1")]
    public void A_variable_that_the_allocator_does_not_read_is_refused_as_it_is_named(string allocator, string variable)
    {
        ReplayTests.Installed(allocator);
        Assert.Equal(ReplayFailure.Usage, Assert.Throws<ReplayException>(() => Configuration.Parse($"{allocator},{variable}")).Failure);
    }

    [Theory]
    [InlineData("glibc", "ANYTHING=1")]
    [InlineData("tcmalloc", "TCMALLOC_RELEASE_RATE=2.5")]
    [InlineData("jemalloc", "MALLOC_CONF=slab_sizes:1-4096:17")]
    public void One_that_cannot_be_asked_for_is_told_as_not_read(string allocator, string variable)
    {
        AllocatorSetting setting = Assert.Single(Read(allocator, variable));
        Assert.Null(setting.Read);
        Assert.Null(setting.IsTaken);
    }

    [Fact]
    public void A_run_has_the_settings_with_its_figures()
    {
        using var directory = new TemporaryDirectory();
        var writer = new RecordingWriter(directory.Path);
        writer.Thread(0).Malloc(100, 0x1000, 32);
        writer.Save();
        using ReplayPlan plan = PlanFile.Compile(directory.Path);
        WorkerResult result = WorkerRunner.Instance.Run(plan, Configuration.Parse("glibc,MALLOC_ARENA_MAX=3")[0], new ReplayOptions());
        Assert.Equal([new AllocatorSetting("glibc.malloc.arena_max", "3", "0x3")], result.Settings);
    }

    [Theory]
    [InlineData("1", "0x1", true)]
    [InlineData("0x10", "16", true)]
    [InlineData("true", "1", true)]
    [InlineData("No", "0", true)]
    [InlineData("64M", "67108864", true)]
    [InlineData("1GiB", "1048576", true)] // mimalloc: KiB
    [InlineData("2.50", "2.5", true)]
    [InlineData("primary", "primary", true)]
    [InlineData("1", "2", false)]
    [InlineData("-1", "1", false)]
    [InlineData("many", "0", false)]
    [InlineData("", "0", false)]
    [InlineData("1024", "1", false)]
    public void Values_are_compared_by_what_they_mean(string asked, string read, bool expected) =>
        Assert.Equal(expected, AllocatorSetting.AreEqual(asked, read));

    private static IReadOnlyList<AllocatorSetting> Read(string allocator, string variable) =>
        AllocatorSettings.Require(ReplayTests.Installed(allocator).Allocator, [variable]);
}
