using AllocReplay.Replayer;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

[StartsProcesses]
public sealed class AllocatorTests
{
    [Fact]
    public void An_unknown_name_is_a_usage_error_that_lists_the_names()
    {
        var e = Assert.Throws<ReplayException>(() => AllocatorCatalog.Parse("hoard"));
        Assert.Equal(ReplayFailure.Usage, e.Failure);
        Assert.Contains("glibc, jemalloc, mimalloc, tcmalloc, tcmalloc_minimal, noop", e.Message);
    }

    [Fact]
    public void A_library_that_is_not_there_is_not_possible()
    {
        var e = Assert.Throws<ReplayException>(() => AllocatorCatalog.Parse("mine=/nowhere/libmine.so"));
        Assert.Equal(ReplayFailure.NotPossible, e.Failure);
    }

    [Fact]
    public void Capitals_set_the_environment_of_the_allocator_before_them()
    {
        IReadOnlyList<Allocator> allocators = AllocatorCatalog.Parse("glibc,MALLOC_ARENA_MAX=1,MALLOC_TOP_PAD_=0,noop,glibc");
        Assert.Equal(["glibc,MALLOC_ARENA_MAX=1,MALLOC_TOP_PAD_=0", "noop", "glibc"], allocators.Select(a => a.Name));
        Assert.Equal(["MALLOC_ARENA_MAX=1", "MALLOC_TOP_PAD_=0"], allocators[0].Environment);
        Assert.Empty(allocators[2].Environment);
    }

    [Theory]
    [InlineData("")]
    [InlineData("MALLOC_ARENA_MAX=1,glibc")]
    [InlineData("glibc,noop,glibc")]
    public void A_list_that_makes_no_sense_is_a_usage_error(string list) =>
        Assert.Equal(ReplayFailure.Usage, Assert.Throws<ReplayException>(() => AllocatorCatalog.Parse(list)).Failure);

    [Fact]
    public void Glibc_and_noop_are_always_there_and_what_is_missing_names_its_package()
    {
        IReadOnlyList<CatalogEntry> entries = AllocatorCatalog.List();
        Assert.Equal(AllocatorCatalog.Names, entries.Select(e => e.Name));
        Assert.NotNull(entries[0].Found);
        Assert.NotNull(entries[^1].Found);
        Assert.All(entries, e => Assert.True(e.Found is not null || e.Package.Length > 0));
    }

    [Fact]
    public void A_build_id_is_read_from_the_notes_of_a_library()
    {
        Allocator glibc = AllocatorCatalog.Parse("glibc")[0];
        Assert.Matches("^[0-9a-f]{40}$", glibc.BuildId);
        Assert.Equal("", ElfBuildId.Read("/etc/passwd"));
        Assert.Equal("", ElfBuildId.Read("/nowhere"));
    }

    [Fact]
    public void A_truncated_library_has_no_build_id()
    {
        using var directory = new TemporaryDirectory();
        byte[] whole = File.ReadAllBytes(AllocatorCatalog.Parse("glibc")[0].Library!);
        foreach (int length in (int[])[0, 5, 63, 64, 100, 500])
        {
            File.WriteAllBytes(directory["cut.so"], whole[..length]);
            Assert.Equal("", ElfBuildId.Read(directory["cut.so"]));
        }
    }

    [Fact]
    public void A_comparison_runs_every_allocator_and_reports_noop_without_memory()
    {
        using var directory = new TemporaryDirectory();
        TraceGenerator.Write(directory.Path, seed: 1, threads: 3, calls: 2000);
        using ReplayPlan plan = PlanFile.Compile(directory.Path), inOrder = PlanFile.Compile(directory.Path, ReplayOrder.Total);
        var comparison = new Comparison(
            plan, inOrder, AllocatorCatalog.Parse("glibc,MALLOC_PERTURB_=1,glibc,MALLOC_ARENA_MAX=1,noop"),
            new ComparisonOptions { Runs = 3, Seed = 1 });

        IReadOnlyList<ComparisonRow> rows = comparison.Run();

        Assert.Equal(["glibc,MALLOC_PERTURB_=1", "glibc,MALLOC_ARENA_MAX=1", "noop"], rows.Select(r => r.Allocator.Name));
        Assert.Null(rows[0].SpeedRatio);
        Assert.Equal(Verdict.NoDifferenceShown, rows[1].SpeedRatio!.Value.Verdict);
        Assert.NotNull(rows[1].MemoryRatio);
        Assert.Null(rows[2].PeakBytes);
    }
}
